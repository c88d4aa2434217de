import type { KustoColumn } from '../arrow/scalar-types.ts'
import { DEFAULT_TYPE_SETTINGS, parseScalarName } from '../arrow/scalar-types.ts'
import { columnAt } from '../arrow/take-rows.ts'
import { KustoProtocolError } from '../errors.ts'
import { kql } from '../kql/kql.ts'
import { textReader } from './column-values.ts'
import { checkDeclared } from './declared-schema.ts'
import { requestsOnly } from './read-events.ts'
import { openSingle } from './read-single.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

/**
 * The columns of a query, by `getschema`: the service binds the query and runs nothing.
 * @throws {KustoDataError} KUSTO_DECLARED_MISMATCH when they do not fit the declared ones
 */
export async function fetchColumns(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<readonly KustoColumn[]> {
  const getschema = {
    query: source.query,
    operators: [...source.operators, kql`getschema`, kql`project ColumnName, ColumnType`],
  }
  const stream = await openSingle(
    context,
    getschema,
    { ...settings, types: DEFAULT_TYPE_SETTINGS, onEvent: requestsOnly(settings.onEvent) },
    'schema',
  )
  const columns: KustoColumn[] = []
  for await (const batch of stream.batches) {
    // Not by `get`, which takes a byte order mark off a name.
    const nameAt = textReader(columnAt(batch, 0))
    const typeAt = textReader(columnAt(batch, 1))
    for (let row = 0; row < batch.numRows; row++) {
      columns.push({ name: nameAt(row), type: parseScalarName(typeAt(row)) })
    }
  }
  if (columns.length === 0) {
    throw new KustoProtocolError('KUSTO_BAD_ANSWER', 'expected the columns of the query from getschema, found none')
  }
  if (source.columns === undefined) return columns
  // Parquet does not tell all types of Kusto apart, so an export is compared with what was declared before it begins.
  checkDeclared(source.columns, columns)
  return source.columns
}

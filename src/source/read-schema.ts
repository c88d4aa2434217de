import type { KustoColumn } from '../arrow/scalar-types.ts'
import { parseScalarName } from '../arrow/scalar-types.ts'
import { KustoProtocolError } from '../errors.ts'
import { kql } from '../kql/kql.ts'
import { openSingle } from './read-single.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

/** The columns of a query, by `getschema`: the service binds the query and runs nothing. */
export async function fetchColumns(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<readonly KustoColumn[]> {
  const getschema = {
    query: source.query,
    operators: [...source.operators, kql`getschema`, kql`project ColumnName, ColumnType`],
  }
  const stream = await openSingle(context, getschema, { ...settings, onEvent: () => undefined })
  const columns: KustoColumn[] = []
  for await (const batch of stream.batches) {
    const names = batch.getChildAt(0)
    const types = batch.getChildAt(1)
    for (let row = 0; row < batch.numRows; row++) {
      columns.push({ name: String(names?.get(row)), type: parseScalarName(String(types?.get(row))) })
    }
  }
  if (columns.length === 0) {
    throw new KustoProtocolError('KUSTO_BAD_ANSWER', 'expected the columns of the query from getschema, found none')
  }
  return columns
}

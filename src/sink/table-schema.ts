import { parseScalarName } from '../arrow/scalar-types.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoProtocolError, KustoServiceError } from '../errors.ts'
import { showTableSchemaJson } from '../kql/commands/table-commands.ts'
import type { SinkContext } from './sink-context.ts'

/** The columns of a table in its order; undefined when there is no such table. */
export async function fetchTableColumns(
  context: SinkContext,
  table: string,
  signal: AbortSignal | undefined,
): Promise<readonly KustoColumn[] | undefined> {
  try {
    const row = (await context.command(showTableSchemaJson(table), signal))[0]
    return row === undefined ? undefined : parseTableSchema(row.text('Schema'))
  } catch (error) {
    if (isMissingTable(error)) return undefined
    throw error
  }
}

/** Reads `{"OrderedColumns":[{"Name":"a","Type":"System.Int64","CslType":"long"}]}`. */
export function parseTableSchema(json: string): readonly KustoColumn[] {
  const schema: unknown = JSON.parse(json)
  const columns: unknown =
    typeof schema === 'object' && schema !== null && 'OrderedColumns' in schema ? schema.OrderedColumns : undefined
  if (!Array.isArray(columns)) throw badSchema('OrderedColumns is not a list')
  return columns.map((column: unknown) => {
    if (typeof column !== 'object' || column === null || !('Name' in column)) throw badSchema('a column has no Name')
    const type = 'CslType' in column ? column.CslType : 'Type' in column ? column.Type : undefined
    if (typeof type !== 'string') throw badSchema(`column ${String(column.Name)} has no type`)
    return { name: String(column.Name), type: parseScalarName(type) }
  })
}

/** The codes under which services report a missing table; everything else is an error of its own. */
export function isMissingTable(error: unknown): boolean {
  if (!(error instanceof KustoServiceError)) return false
  return /EntityNotFound|TableNotExist|TableNotFound/i.test(`${error.code} ${error.innerCode ?? ''}`)
}

function badSchema(detail: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_ANSWER', `expected the schema of a table, found that ${detail}`)
}

import { type KustoColumn, parseScalarName } from '../arrow/scalar-types.ts'
import { KustoProtocolError } from '../errors.ts'

/**
 * The columns of a primary result from its `Columns`: `[{ "ColumnName", "ColumnType"?, "DataType"? }]`. The Kusto name
 * is used when it is there; management answers may have the .NET name only.
 * @throws {KustoProtocolError} KUSTO_MALFORMED_RESPONSE when a name is missing.
 * @throws {KustoDataError} KUSTO_UNKNOWN_TYPE
 */
export function parseColumns(json: unknown, path: string): readonly KustoColumn[] {
  return columnRecords(json, path).map((column, index) => {
    const type = [column['ColumnType'], column['DataType']].find((text) => typeof text === 'string' && text !== '')
    if (typeof type !== 'string') throw malformed(`expected ColumnType or DataType of column ${index}`, path)
    return { name: nameOf(column, index, path), type: parseScalarName(type) }
  })
}

/** The column names of any table, whatever its types. */
export function parseColumnNames(json: unknown, path: string): readonly string[] {
  return columnRecords(json, path).map((column, index) => nameOf(column, index, path))
}

/** The error for a frame or table that is JSON but lacks something. */
export function malformed(message: string, path: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_MALFORMED_RESPONSE', `${message} (${path})`, { path })
}

/** The value as an object; undefined when it is none. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function columnRecords(json: unknown, path: string): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(json)) throw malformed('expected Columns to be an array', path)
  return json.map((column: unknown, index) => {
    const record = asRecord(column)
    if (record === undefined) throw malformed(`expected column ${index} to be an object`, path)
    return record
  })
}

function nameOf(column: Readonly<Record<string, unknown>>, index: number, path: string): string {
  const name = column['ColumnName']
  if (typeof name !== 'string') throw malformed(`expected ColumnName of column ${index}`, path)
  return name
}

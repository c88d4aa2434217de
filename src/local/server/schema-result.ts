import type { TranslatedResult } from '../kql/translate.ts'
import { sqlLiteral } from '../kql/sql.ts'
import type { ScalarName } from '../lang/syntax.ts'

const SYSTEM_TYPES: Readonly<Record<ScalarName, string>> = {
  bool: 'System.SByte',
  int: 'System.Int32',
  long: 'System.Int64',
  real: 'System.Double',
  decimal: 'System.Data.SqlTypes.SqlDecimal',
  string: 'System.String',
  datetime: 'System.DateTime',
  timespan: 'System.TimeSpan',
  guid: 'System.Guid',
  dynamic: 'System.Object',
}

/** A result's columns in the form of the `getschema` operator, instead of its rows. */
export function schemaResult(result: TranslatedResult): TranslatedResult {
  const rows = result.columns.map(({ name, type }, index) =>
    [
      sqlLiteral(name, 'string'),
      sqlLiteral(index, 'int'),
      sqlLiteral(SYSTEM_TYPES[type], 'string'),
      sqlLiteral(type, 'string'),
    ].join(', '),
  )
  return {
    name: result.name,
    sql: `SELECT * FROM (VALUES ${rows.map((row) => `(${row})`).join(', ')}) AS s(c0, c1, c2, c3) ORDER BY c1`,
    columns: [
      { name: 'ColumnName', type: 'string' },
      { name: 'ColumnOrdinal', type: 'int' },
      { name: 'DataType', type: 'string' },
      { name: 'ColumnType', type: 'string' },
    ],
    ordered: true,
  }
}

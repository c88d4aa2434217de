import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'

/** A column of the data. */
export interface SourceColumn extends KustoColumn {
  /** Types of a table column that it may be written to besides its own, because every value is checked on the way. */
  readonly takes?: readonly ScalarName[]
}

/** One source column and the table column it is written to; their order is that of the source. */
export interface ColumnTarget {
  readonly source: string
  readonly column: KustoColumn
}

/** Source types that a table column of another type takes without loss. */
const WIDENS: Readonly<Record<ScalarName, readonly ScalarName[]>> = {
  bool: [],
  int: ['long', 'real', 'decimal'],
  long: ['decimal'],
  real: [],
  decimal: [],
  string: [],
  datetime: [],
  timespan: [],
  guid: ['string'],
  dynamic: ['string'],
}

/** A sentence for every target whose type the source's values do not fit. */
export function typeProblems(source: readonly SourceColumn[], targets: readonly ColumnTarget[]): readonly string[] {
  return source.flatMap((column, index) => {
    const wanted = targets[index]?.column ?? column
    const takes = [column.type, ...WIDENS[column.type], ...(column.takes ?? [])]
    if (takes.includes(wanted.type)) return []
    return [`column ${column.name}: the table has ${wanted.type}, found ${column.type}; cast it before writing`]
  })
}

export function mismatch(table: string, problems: readonly string[]): KustoUsageError {
  return new KustoUsageError('KUSTO_SCHEMA_MISMATCH', `the data do not fit table ${table}: ${problems.join('; ')}`, {
    context: { table },
  })
}

export function tableNotFound(table: string): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_TABLE_NOT_FOUND',
    `table ${table} does not exist; create it, or write with create: 'CreateIfNotExist'`,
    { context: { table } },
  )
}

/** The ten scalar types of Kusto. */
export type ScalarName =
  | 'bool'
  | 'int'
  | 'long'
  | 'real'
  | 'decimal'
  | 'string'
  | 'datetime'
  | 'timespan'
  | 'guid'
  | 'dynamic'

export interface Column {
  readonly name: string
  readonly type: ScalarName
}

/**
 * A value in JavaScript: bool boolean; int number; long bigint; real number; decimal string; datetime and timespan
 * bigint ticks (100 ns, datetime since 0001-01-01); guid string; string string; dynamic JSON text; null for null.
 */
export type Cell = boolean | number | bigint | string | null

import { createHash } from 'node:crypto'

import type { Cell, Column, ScalarName } from '../lang/syntax.ts'

export { notSupported } from '../server/local-error.ts'

/** A scalar expression as DuckDB SQL, in the internal representation of its Kusto type. */
export interface Sql {
  readonly sql: string
  readonly type: ScalarName
  /** The value, when the expression is a literal. */
  readonly constant?: Cell
}

export interface CallContext {
  /** Name of the function as written in the query. */
  readonly name: string
  /** Type the binder gave the call; the SQL must yield this type's representation. */
  readonly resultType: ScalarName
  /** Output columns the binder gave, for calls that make several. */
  readonly resultColumns?: readonly Column[]
  /** SQL of the column that carries the row order, when the input has one. */
  readonly order?: string
  /** `now()` of this request. */
  readonly nowTicks: bigint
  /** Dotted name of an argument (`a.b.c`), for calls that name their output after their input. */
  path?(index: number): string
}

/** Emits the SQL of one call; throws `notSupported` for what it cannot do exactly. */
export type ScalarFunction = (args: readonly Sql[], call: CallContext) => string

/** Emits one SQL aggregate expression per output column. */
export type AggregateFunction = (args: readonly Sql[], call: CallContext) => readonly string[]

/** A SQL string literal. */
export function quoteText(text: string): string {
  // DuckDB refuses NUL inside a literal, so that character is spliced in.
  const parts = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`)
  return parts.length === 1 ? (parts[0] ?? "''") : `(${parts.join(' || chr(0) || ')})`
}

/** DuckDB type that holds a Kusto type. */
export const SQL_TYPES: Readonly<Record<ScalarName, string>> = {
  bool: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  real: 'DOUBLE',
  decimal: 'DECIMAL(38,18)',
  string: 'VARCHAR',
  datetime: 'BIGINT',
  timespan: 'BIGINT',
  guid: 'UUID',
  dynamic: 'VARCHAR',
}

/** SQL of a cell in the internal representation of its type; a null string becomes the empty string. */
export function sqlLiteral(value: Cell, type: ScalarName): string {
  if (value === null) return type === 'string' ? "''" : `NULL::${SQL_TYPES[type]}`
  if (type === 'string' || type === 'dynamic') return quoteText(String(value))
  if (type === 'real' && typeof value === 'number') {
    if (Number.isNaN(value)) return "'nan'::DOUBLE"
    if (!Number.isFinite(value)) return value > 0 ? "'inf'::DOUBLE" : "'-inf'::DOUBLE"
    return Object.is(value, -0) ? "'-0.0'::DOUBLE" : `${value}::DOUBLE`.replace(/^(-.*?)::/, '($1)::')
  }
  if (type === 'bool') return value === true ? 'true' : 'false'
  if (type === 'guid' || type === 'decimal') return `${quoteText(String(value))}::${SQL_TYPES[type]}`
  return `'${value}'::${SQL_TYPES[type]}`
}

/** The literal as an expression the function tables understand. */
export function literal(value: Cell, type: ScalarName): Sql {
  return { sql: sqlLiteral(value, type), type, constant: value }
}

/** Length from which an expression is not repeated in the SQL text but bound to a name. */
const REPEAT_LIMIT = 400

/**
 * SQL that uses an expression several times. A long one is bound by a lambda, because nested calls would otherwise
 * grow the text exponentially; a short one is repeated, because DuckDB evaluates equal expressions once.
 */
export function bind(sql: string, body: (name: string) => string): string {
  if (sql.length <= REPEAT_LIMIT) return body(sql)
  // Named after its text: two bound names are equal only if they stand for the same value.
  const name = `x${createHash('sha1').update(sql).digest('hex').slice(0, 16)}`
  return `list_transform([${sql}], lambda ${name}: ${body(name)})[1]`
}

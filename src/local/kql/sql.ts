import type { Cell, Column, ScalarName } from '../lang/syntax.ts'

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
}

/** Emits the SQL of one call; throws `notSupported` for what it cannot do exactly. */
export type ScalarFunction = (args: readonly Sql[], call: CallContext) => string

/** Emits one SQL aggregate expression per output column. */
export type AggregateFunction = (args: readonly Sql[], call: CallContext) => readonly string[]

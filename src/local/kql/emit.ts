import type { ScalarName } from '../lang/syntax.ts'
import { castTo } from './casts.ts'
import { notSupported, type AggregateFunction, type ScalarFunction, type Sql } from './sql.ts'

/** Name and emitter, as the function tables are written. */
export type Entry = readonly [string, ScalarFunction]

export type AggregateEntry = readonly [string, AggregateFunction]

/** The argument at an index. The binder has checked counts, so a missing one is a form we do not know. */
export function argument(args: readonly Sql[], index: number): Sql {
  const found = args[index]
  if (!found) throw notSupported(`a call with ${args.length} arguments`)
  return found
}

/** SQL of an argument converted to a type. */
export function as(args: readonly Sql[], index: number, type: ScalarName): string {
  return castTo(argument(args, index), type)
}

export function text(args: readonly Sql[], index: number): string {
  return as(args, index, 'string')
}

export function long(args: readonly Sql[], index: number): string {
  return as(args, index, 'long')
}

export function real(args: readonly Sql[], index: number): string {
  return as(args, index, 'real')
}

export function dynamic(args: readonly Sql[], index: number): string {
  return as(args, index, 'dynamic')
}

/** The literal text of an argument that must be known while translating. */
export function constantText(args: readonly Sql[], index: number, what: string): string {
  const { constant } = argument(args, index)
  if (typeof constant !== 'string') throw notSupported(`${what} that is not a literal`)
  return constant
}

/** One emitter under several names. */
export function named(names: readonly string[], emit: ScalarFunction): readonly Entry[] {
  return names.map((name) => [name, emit] as const)
}

/** A user function that yields text; Kusto strings are never null. */
export function textCall(name: string, ...args: readonly string[]): string {
  return `coalesce(${name}(${args.join(', ')}), '')`
}

/** SQL of an expression of one type given in another; the type the binder promised wins. */
export function result(sql: string, from: ScalarName, to: ScalarName): string {
  return castTo({ sql, type: from }, to)
}

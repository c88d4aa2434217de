import { notSupported } from '../server/local-error.ts'

export interface UdfValues {
  text: string
  long: bigint
  real: number
  bool: boolean
}

/** Type of a parameter; with `?` the function sees nulls, without it a null argument makes the result null. */
export type UdfType = keyof UdfValues | `${keyof UdfValues}?`

type Value<T extends UdfType> = T extends `${infer Base extends keyof UdfValues}?`
  ? UdfValues[Base] | null
  : T extends keyof UdfValues
    ? UdfValues[T]
    : never

export type AnyValue = UdfValues[keyof UdfValues] | null

/** A JavaScript scalar function of DuckDB, for what SQL does not do. */
export interface Udf {
  readonly name: string
  readonly parameters: readonly UdfType[]
  /** Type of any further arguments. */
  readonly rest: UdfType | undefined
  readonly returns: keyof UdfValues
  readonly run: (...args: readonly AnyValue[]) => AnyValue
}

/** Size limit, in characters or elements, of whatever a function builds: a runaway function kills the process. */
export const MAX_BUILT = 16_777_216

/** Throws when a function is about to build more than the process can hold. */
export function checkSize(size: number, name: string): void {
  if (size > MAX_BUILT) throw notSupported(`a result of ${name} beyond ${MAX_BUILT} elements`)
}

/** Describes a function; the arguments of `run` follow the parameter types. */
export function udf<const P extends readonly UdfType[], R extends keyof UdfValues>(
  name: string,
  parameters: P,
  returns: R,
  run: (...args: { -readonly [K in keyof P]: Value<P[K]> }) => UdfValues[R] | null,
): Udf {
  // DuckDB checks the types of the arguments against the parameters before it calls.
  return { name, parameters, rest: undefined, returns, run: run as unknown as Udf['run'] }
}

/** Like `udf`, with any number of arguments of one type. */
export function variadicUdf<T extends UdfType, R extends keyof UdfValues>(
  name: string,
  rest: T,
  returns: R,
  run: (...args: readonly Value<T>[]) => UdfValues[R] | null,
): Udf {
  return { name, parameters: [], rest, returns, run: run as unknown as Udf['run'] }
}

import { notSupported } from '../server/local-error.ts'
import { formatJson, isArray, Num, parseJson, type Json } from './json.ts'
import { formatReal } from './types.ts'
import { udf, type Udf } from './udf-definition.ts'

const LONG_LIMIT = 2n ** 63n

function numberOf(item: Json | undefined): Num | undefined {
  return item instanceof Num ? item : undefined
}

function real(value: number, name: string): Num {
  // How the service writes these inside an array is not documented.
  if (!Number.isFinite(value)) throw notSupported(`${name}() of values whose result is not finite`)
  return new Num(formatReal(value))
}

function integer(value: bigint, name: string): Num {
  if (value >= LONG_LIMIT || value < -LONG_LIMIT) throw notSupported(`${name}() beyond the range of long`)
  return new Num(value.toString())
}

/** Two series item by item. What is missing on one side or is no number makes a null item. */
function pairwise(name: string, combine: (a: Num, b: Num) => Json): Udf {
  return udf(`k_${name}`, ['text', 'text'], 'text', (left, right) => {
    const [a, b] = [parseJson(left), parseJson(right)]
    if (!isArray(a) || !isArray(b)) return null
    const length = Math.max(a.length, b.length)
    const items = Array.from({ length }, (_, index): Json => {
      const [x, y] = [numberOf(a[index]), numberOf(b[index])]
      return x === undefined || y === undefined ? null : combine(x, y)
    })
    return formatJson(items)
  })
}

/** Integers stay integers, as their sum and product do. */
function arithmetic(
  name: string,
  ofIntegers: (a: bigint, b: bigint) => bigint,
  ofReals: (a: number, b: number) => number,
): Udf {
  return pairwise(name, (a, b) =>
    a.integral && b.integral
      ? integer(ofIntegers(BigInt(a.text), BigInt(b.text)), name)
      : real(ofReals(Number(a.text), Number(b.text)), name),
  )
}

function comparison(name: string, holds: (sign: number) => boolean): Udf {
  return pairwise(name, (a, b) => holds(compareNumbers(a, b)))
}

function compareNumbers(a: Num, b: Num): number {
  if (a.integral && b.integral) {
    const difference = BigInt(a.text) - BigInt(b.text)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
  return Math.sign(Number(a.text) - Number(b.text))
}

/** A series item by item; what is no number becomes null. */
function each(name: string, change: (item: Num) => Json): Udf {
  return udf(`k_${name}`, ['text'], 'text', (text) => {
    const items = parseJson(text)
    if (!isArray(items)) return null
    return formatJson(items.map((item) => (item instanceof Num ? change(item) : null)))
  })
}

function eachReal(name: string, change: (value: number) => number): Udf {
  return each(name, (item) => real(change(Number(item.text)), name))
}

/** The numbers of a series of which every item is one. */
function numbersOf(text: string, name: string): readonly number[] | undefined {
  const items = parseJson(text)
  if (!isArray(items)) return undefined
  return items.map((item) => {
    if (!(item instanceof Num)) throw notSupported(`${name}() of a series with items that are no numbers`)
    return Number(item.text)
  })
}

function fold(name: string, run: (values: readonly number[]) => number): Udf {
  return udf(`k_${name}`, ['text'], 'real', (text) => {
    const values = numbersOf(text, name)
    return values === undefined ? null : run(values)
  })
}

function foldPair(name: string, run: (a: readonly number[], b: readonly number[]) => number | null): Udf {
  return udf(`k_${name}`, ['text', 'text'], 'real', (left, right) => {
    const [a, b] = [numbersOf(left, name), numbersOf(right, name)]
    if (a === undefined || b === undefined) return null
    if (a.length !== b.length) throw notSupported(`${name}() of series of different length`)
    return run(a, b)
  })
}

const extremes = (values: readonly number[]): readonly [number, number] =>
  values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  )
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, value, index) => total + value * (b[index] ?? 0), 0)
const magnitude = (values: readonly number[]): number => Math.sqrt(dot(values, values))

function pearson(a: readonly number[], b: readonly number[]): number | null {
  if (a.length === 0) return null
  const [meanA, meanB] = [sum(a) / a.length, sum(b) / b.length]
  const [x, y] = [a.map((value) => value - meanA), b.map((value) => value - meanB)]
  const size = Math.sqrt(dot(x, x) * dot(y, y))
  if (size === 0) throw notSupported('series_pearson_correlation() of a constant series')
  return dot(x, y) / size
}

/** Missing items take the value of their neighbour; `placeholder` is what stands for a missing value. */
function filled(items: readonly Json[], placeholder: string | null): readonly Json[] {
  const missing = placeholder === null ? null : (parseJson(placeholder) ?? null)
  let last: Json | undefined
  return items.map((item) => {
    if (!isMissing(item, missing)) last = item
    return last ?? item
  })
}

function isMissing(item: Json, missing: Json): boolean {
  if (item instanceof Num && missing instanceof Num) return compareNumbers(item, missing) === 0
  return item === null && missing === null
}

const figure = (value: number): Num => real(value, 'series_stats')

function stats(text: string): string | null {
  const values = numbersOf(text, 'series_stats')
  if (values === undefined) return null
  if (values.length === 0) throw notSupported('series_stats() of an empty series')
  const [min, max] = extremes(values)
  const total = sum(values)
  const mean = total / values.length
  // Of a sample; a single value has none.
  const squares = sum(values.map((value) => (value - mean) ** 2))
  const variance = values.length === 1 ? 0 : squares / (values.length - 1)
  return formatJson(
    new Map<string, Json>([
      ['min', figure(min)],
      ['min_idx', new Num(String(values.indexOf(min)))],
      ['max', figure(max)],
      ['max_idx', new Num(String(values.indexOf(max)))],
      ['avg', figure(mean)],
      ['stdev', figure(Math.sqrt(variance))],
      ['variance', figure(variance)],
      ['sum', figure(total)],
      ['len', new Num(String(values.length))],
    ]),
  )
}

/** Functions of numeric arrays. */
export const SERIES_UDFS: readonly Udf[] = [
  arithmetic(
    'series_add',
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  arithmetic(
    'series_subtract',
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  arithmetic(
    'series_multiply',
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  pairwise('series_divide', (a, b) => real(Number(a.text) / Number(b.text), 'series_divide')),
  pairwise('series_pow', (a, b) => real(Number(a.text) ** Number(b.text), 'series_pow')),
  comparison('series_equals', (sign) => sign === 0),
  comparison('series_not_equals', (sign) => sign !== 0),
  comparison('series_greater', (sign) => sign > 0),
  comparison('series_greater_equals', (sign) => sign >= 0),
  comparison('series_less', (sign) => sign < 0),
  comparison('series_less_equals', (sign) => sign <= 0),
  each('series_abs', (item) => new Num(item.text.replace(/^-/, ''))),
  each('series_sign', (item) =>
    item.integral ? integer(BigInt(Math.sign(Number(item.text))), '') : real(Math.sign(Number(item.text)), ''),
  ),
  eachReal('series_acos', Math.acos),
  eachReal('series_asin', Math.asin),
  eachReal('series_atan', Math.atan),
  eachReal('series_ceiling', Math.ceil),
  eachReal('series_cos', Math.cos),
  eachReal('series_exp', Math.exp),
  eachReal('series_floor', Math.floor),
  eachReal('series_log', Math.log),
  eachReal('series_sin', Math.sin),
  eachReal('series_tan', Math.tan),
  fold('series_sum', sum),
  fold('series_product', (values) => values.reduce((total, value) => total * value, 1)),
  fold('series_magnitude', magnitude),
  foldPair('series_pearson_correlation', pearson),
  foldPair('series_cosine_similarity', (a, b) => dot(a, b) / (magnitude(a) * magnitude(b))),
  udf('k_series_stats', ['text'], 'text', stats),
  udf('k_series_fill_forward', ['text', 'text?'], 'text', (text, placeholder) => {
    const items = parseJson(text)
    return isArray(items) ? formatJson(filled(items, placeholder)) : null
  }),
  udf('k_series_fill_backward', ['text', 'text?'], 'text', (text, placeholder) => {
    const items = parseJson(text)
    return isArray(items) ? formatJson(filled(items.toReversed(), placeholder).toReversed()) : null
  }),
  udf('k_series_fill_const', ['text', 'text', 'text?'], 'text', (text, value, placeholder) => {
    const items = parseJson(text)
    if (!isArray(items)) return null
    const missing = placeholder === null ? null : (parseJson(placeholder) ?? null)
    const constant = parseJson(value) ?? null
    return formatJson(items.map((item) => (isMissing(item, missing) ? constant : item)))
  }),
]

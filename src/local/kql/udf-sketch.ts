import { notSupported } from '../server/local-error.ts'
import { append, formatJson, isArray, isBag, Num, parseJson, type Json } from './json.ts'
import { udf, variadicUdf, type Udf } from './udf-definition.ts'

/**
 * Sketches here are exact: a digest is `["tdigest",[[value,weight],...]]`, a distinct count `["hll",[value,...]]`.
 * Their inner form is the engine's own business in Kusto too; only what is computed from them is compared.
 */
const DIGEST = 'tdigest'
const HLL = 'hll'

type Weighted = readonly [value: Num, weight: number]

export const SKETCH_UDFS: readonly Udf[] = [
  udf('k_digest_percentile', ['text', 'real'], 'text', (digest, percent) => {
    const values = weightedValues(digest)
    return values ? (nearestRank(values, percent)?.text ?? null) : null
  }),
  udf('k_digest_percentiles', ['text', 'text'], 'text', (digest, percents) => {
    const values = weightedValues(digest)
    return values ? percentilesOf(values, percents) : null
  }),
  variadicUdf('k_digest_merge', 'text?', 'text', (...digests) => {
    const lists = digests.flatMap((digest) => contents(digest, DIGEST) ?? [])
    return formatJson([DIGEST, lists])
  }),
  // Percentiles of `[[value, weight], ...]`, as an array.
  udf('k_weighted_percentiles', ['text', 'text'], 'text', (pairs, percents) => {
    const items = parseJson(pairs)
    return isArray(items) ? percentilesOf(weighted(items), percents) : null
  }),
  udf('k_hll_count', ['text'], 'long', (sketch) => {
    const items = contents(sketch, HLL)
    return items ? BigInt(new Set(items.map(formatJson)).size) : null
  }),
  variadicUdf('k_hll_merge', 'text?', 'text', (...sketches) => {
    const items = sketches.flatMap((sketch) => contents(sketch, HLL) ?? [])
    return `["${HLL}",[${[...new Set(items.map(formatJson))].join(',')}]]`
  }),
  // Merges a JSON array of sketches of either kind.
  udf('k_sketch_merge_list', ['text', 'text'], 'text', (kind, text) => {
    const sketches = parseJson(text)
    const lists = isArray(sketches) ? sketches.map((sketch) => contents(formatJson(sketch), kind) ?? []) : []
    return formatJson([kind, lists.flat()])
  }),
  udf('k_build_schema', ['text'], 'text', (text) => {
    const values = parseJson(text)
    return isArray(values) ? formatJson(schemaOf(values)) : null
  }),
  udf('k_series_dot', ['text', 'text'], 'real', (a, b) => {
    const [first, second] = [numbers(a), numbers(b)]
    if (!first || !second || first.length !== second.length) return null
    return first.reduce((sum, value, index) => sum + value * (second[index] ?? 0), 0)
  }),
]

/** JSON array of the wanted percentiles; null when there are no values. */
function percentilesOf(values: readonly Weighted[], percents: string): string | null {
  const wanted = parseJson(percents)
  if (!isArray(wanted) || values.length === 0) return null
  return formatJson(
    wanted.map((percent) => (percent instanceof Num ? (nearestRank(values, Number(percent.text)) ?? null) : null)),
  )
}

function contents(text: string | null, kind: string): readonly Json[] | undefined {
  const value = text === null ? undefined : parseJson(text)
  if (!isArray(value)) return undefined
  const [tag, items] = value
  if (tag !== kind || !isArray(items)) throw notSupported(`a ${kind} that was not made here`)
  return items
}

function weightedValues(digest: string): readonly Weighted[] | undefined {
  const items = contents(digest, DIGEST)
  return items ? weighted(items) : undefined
}

function weighted(items: readonly Json[]): readonly Weighted[] {
  return items.flatMap((item) => {
    if (!isArray(item)) return []
    const [value, weight] = item
    return value instanceof Num && weight instanceof Num && Number(weight.text) > 0
      ? [[value, Number(weight.text)] as const]
      : []
  })
}

/** The smallest value that at least `percent` percent of the weight does not exceed. */
function nearestRank(values: readonly Weighted[], percent: number): Num | undefined {
  const ordered = [...values].sort(([a], [b]) => Number(a.text) - Number(b.text))
  const total = ordered.reduce((sum, [, weight]) => sum + weight, 0)
  let passed = 0
  for (const [value, weight] of ordered) {
    passed += weight
    if (passed * 100 >= percent * total) return value
  }
  return ordered.at(-1)?.[0]
}

function numbers(text: string): readonly number[] | undefined {
  const items = parseJson(text)
  if (!isArray(items) || !items.every((item) => item instanceof Num)) return undefined
  return items.map((item) => (item instanceof Num ? Number(item.text) : 0))
}

/** The types that values have, one name or an array of them; a bag by its keys, an array by what it holds. */
function schemaOf(values: readonly Json[]): Json {
  const types = new Set<string>()
  const keys = new Map<string, Json[]>()
  const elements: Json[] = []
  let anyArray = false
  for (const value of values) {
    if (isBag(value)) for (const [key, item] of value) append(keys, key, item)
    else if (isArray(value)) {
      anyArray = true
      for (const item of value) elements.push(item)
    } else if (value !== null) types.add(primitiveType(value))
  }
  const found: Json[] = [...types]
  if (keys.size > 0) found.push(new Map([...keys].map(([key, items]) => [key, schemaOf(items)])))
  if (anyArray) found.push(new Map([['`indexer`', schemaOf(elements)]]))
  return found.length === 1 ? (found[0] ?? null) : found
}

function primitiveType(value: Json): string {
  if (value instanceof Num) return value.integral ? 'long' : 'double'
  return typeof value === 'boolean' ? 'bool' : 'string'
}

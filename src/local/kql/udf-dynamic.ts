import { notSupported } from '../server/local-error.ts'
import { canonicalJson, formatJson, isArray, isBag, Num, parseJson, type Json } from './json.ts'
import { formatDatetime, formatReal, formatTimespan } from './types.ts'
import { checkSize, udf, variadicUdf, type Udf } from './udf-definition.ts'
import { followPath, jsonToText, parsePath } from './udf-string.ts'

/** Kusto's own limit for arrays built by range and repeat. */
const MAX_ARRAY = 1_048_576

type Items = readonly Json[]

/** A function of one array and a number that rearranges the array. */
function arrayUdf(name: string, run: (items: Items, by: number) => Items | null): Udf {
  return udf(name, ['text', 'long'], 'text', (text, by) => {
    const items = parseJson(text)
    const made = isArray(items) ? run(items, Number(by)) : null
    return made === null ? null : formatJson(made)
  })
}

function parsed(text: string | null): Json {
  return text === null ? null : (parseJson(text) ?? null)
}

export const DYNAMIC_UDFS: readonly Udf[] = [
  arrayUdf('k_array_rotate', (items, by) => {
    const shift = items.length === 0 ? 0 : ((by % items.length) + items.length) % items.length
    return [...items.slice(shift), ...items.slice(0, shift)]
  }),
  udf('k_array_reverse', ['text'], 'text', (text) => {
    const items = parseJson(text)
    return isArray(items) ? formatJson(items.toReversed()) : null
  }),
  udf('k_array_shift', ['text', 'long', 'text?'], 'text', (text, by, fill) => {
    const items = parseJson(text)
    if (!isArray(items)) return null
    const value = parsed(fill)
    return formatJson(
      items.map((_, index) => items[index + Number(by)] ?? (index + Number(by) in items ? null : value)),
    )
  }),
  udf('k_array_slice', ['text', 'long', 'long'], 'text', (text, start, end) => {
    const items = parseJson(text)
    if (!isArray(items)) return null
    const at = (position: bigint): number =>
      position < 0n ? Math.max(items.length + Number(position), 0) : Number(position)
    const last = end < 0n ? items.length + Number(end) : Number(end)
    return formatJson(last < 0 ? [] : items.slice(at(start), last + 1))
  }),
  udf('k_array_split', ['text', 'text'], 'text', splitArray),
  udf('k_array_index_of', ['text', 'text', 'long', 'long', 'long'], 'long', arrayIndexOf),
  udf('k_array_sum', ['text'], 'real', (text) => {
    const items = parseJson(text)
    if (!isArray(items) || items.some((item) => item !== null && !(item instanceof Num))) return null
    return items.reduce<number>((sum, item) => sum + (item instanceof Num ? Number(item.text) : 0), 0)
  }),
  udf('k_array_iff', ['text', 'text?', 'text?'], 'text', (condition, whenTrue, whenFalse) => {
    const tests = parseJson(condition)
    if (!isArray(tests)) return null
    const [yes, no] = [parsed(whenTrue), parsed(whenFalse)]
    return formatJson(tests.map((test, index) => (test === null ? null : elementOf(isTrue(test) ? yes : no, index))))
  }),
  variadicUdf('k_array_concat', 'text?', 'text', (...arrays) => {
    const lists = arrays.map(parsed).filter((value) => value !== null)
    if (!lists.every(isArray)) return null
    checkSize(
      lists.reduce((sum, items) => sum + items.length, 0),
      'array_concat',
    )
    return formatJson(lists.flat())
  }),
  variadicUdf('k_array_sort', 'text?', 'text', (options, ...arrays) => sortArrays(options ?? '', arrays.map(parsed))),
  variadicUdf('k_zip', 'text?', 'text', (...arrays) => {
    const lists = arrays.map(parsed)
    if (!lists.every(isArray)) return null
    const length = Math.max(...lists.map((items) => items.length))
    return formatJson(Array.from({ length }, (_, index) => lists.map((items) => items[index] ?? null)))
  }),
  variadicUdf('k_set_union', 'text?', 'text', (...sets) => setCall(sets, (lists) => lists.flat())),
  variadicUdf('k_set_intersect', 'text?', 'text', (...sets) =>
    setCall(sets, ([first = [], ...others]) => others.reduce((kept, other) => kept.filter(memberOf(other)), first)),
  ),
  variadicUdf('k_set_difference', 'text?', 'text', (...sets) =>
    setCall(sets, ([first = [], ...others]) => {
      const removed = memberOf(others.flat())
      return first.filter((item) => !removed(item))
    }),
  ),
  udf('k_set_has', ['text', 'text?'], 'bool', (set, value) => {
    const items = parseJson(set)
    return isArray(items) ? memberOf(items)(parsed(value)) : null
  }),
  udf('k_set_distinct', ['text', 'long'], 'text', (text, limit) => {
    const items = parseJson(text)
    const members = isArray(items)
      ? items.flatMap((item) => (isArray(item) ? item : [item])).filter((item) => item !== null)
      : []
    return formatJson(distinct(members).slice(0, Number(limit)))
  }),
  udf('k_jaccard', ['text', 'text'], 'real', (a, b) => {
    const [first, second] = [parseJson(a), parseJson(b)]
    if (!isArray(first) || !isArray(second)) return null
    const union = distinct([...first, ...second]).length
    return union === 0 ? Number.NaN : distinct(first).filter(memberOf(second)).length / union
  }),
  udf('k_bag_keys', ['text'], 'text', (text) => {
    const bag = parseJson(text)
    return isBag(bag) ? formatJson([...bag.keys()]) : null
  }),
  udf('k_bag_has_key', ['text', 'text'], 'bool', (text, key) => {
    const bag = parseJson(text)
    if (!isBag(bag)) return null
    return bag.has(key) || (isPath(key) && followPath(bag, key) !== undefined)
  }),
  variadicUdf('k_bag_merge', 'text?', 'text', (...bags) => mergeBags(bags.map(parsed))),
  udf('k_bag_merge_list', ['text', 'long'], 'text', (text, limit) => {
    const bags = parseJson(text)
    const merged = isArray(bags) ? mergeBags(bags) : null
    const bag = merged === null ? undefined : parseJson(merged)
    return isBag(bag) ? formatJson(new Map([...bag].slice(0, Number(limit)))) : '{}'
  }),
  udf('k_bag_remove_keys', ['text', 'text'], 'text', (text, keys) => {
    const [bag, names] = [parseJson(text), parseJson(keys)]
    if (!isBag(bag) || !isArray(names)) return null
    return formatJson(names.reduce<Json>((from, name) => removeKey(from, jsonToText(name)), bag))
  }),
  udf('k_bag_set_key', ['text', 'text', 'text?'], 'text', (text, key, value) => {
    const bag = parseJson(text)
    if (!isBag(bag)) return null
    return formatJson(setPath(bag, keySteps(key), parsed(value)))
  }),
  udf('k_bag_zip', ['text', 'text'], 'text', (keys, values) => {
    const [names, items] = [parseJson(keys), parseJson(values)]
    if (!isArray(names) || !isArray(items)) return null
    const pairs = names.flatMap((name, index) =>
      typeof name === 'string' ? [[name, items[index] ?? null] as const] : [],
    )
    return formatJson(new Map(pairs))
  }),
  udf('k_treepath', ['text'], 'text', (text) => {
    const value = parseJson(text)
    return isBag(value) || isArray(value) ? formatJson(treePaths(value, '')) : null
  }),
  udf('k_json_path', ['text', 'text'], 'text', (text, path) => {
    const value = parseJson(text)
    const found = value === undefined ? undefined : followPath(value, path)
    return found === undefined || found === null ? null : formatJson(found)
  }),
  udf('k_sorted_json', ['text'], 'text', (text) => {
    const value = parseJson(text)
    return value === undefined ? null : formatJson(sorted(value))
  }),
  udf('k_gettype', ['text?'], 'text', (text) => typeOfJson(text === null ? null : (parseJson(text) ?? null))),
  udf('k_range', ['text', 'long', 'long', 'long'], 'text', rangeOfLongs),
  udf('k_range_real', ['real', 'real', 'real'], 'text', rangeOfReals),
  udf('k_repeat', ['text?', 'long'], 'text', (value, count) => {
    if (count < 0n) return null
    if (count > BigInt(MAX_ARRAY)) throw notSupported(`repeat of more than ${MAX_ARRAY} elements`)
    checkSize((value ?? 'null').length * Number(count), 'repeat')
    return `[${Array.from({ length: Number(count) }, () => value ?? 'null').join(',')}]`
  }),
]

/** Element of an array; anything else stands for all elements. */
function elementOf(value: Json, index: number): Json {
  return isArray(value) ? (value[index] ?? null) : value
}

function isTrue(value: Json): boolean {
  return value instanceof Num ? Number(value.text) !== 0 : value === true
}

function splitArray(text: string, at: string): string | null {
  const [items, where] = [parseJson(text), parseJson(at)]
  if (!isArray(items)) return null
  const indices = (isArray(where) ? where : [where]).map((item) =>
    item instanceof Num ? Number(item.text) : Number.NaN,
  )
  if (indices.some((index) => !Number.isInteger(index))) return null
  const cuts = indices
    .map((index) => Math.min(Math.max(index < 0 ? items.length + index : index, 0), items.length))
    .sort((a, b) => a - b)
  return formatJson([0, ...cuts].map((start, index) => items.slice(start, cuts[index] ?? items.length)))
}

function arrayIndexOf(text: string, wanted: string, start: bigint, length: bigint, occurrence: bigint): bigint | null {
  const [items, value] = [parseJson(text), parseJson(wanted)]
  if (!isArray(items) || value === undefined || length < -1n || occurrence < 1n) return null
  const from = Math.max(Number(start < 0n ? BigInt(items.length) + start : start), 0)
  const to = length < 0n ? items.length : Math.min(from + Number(length), items.length)
  const key = canonicalJson(value)
  let left = Number(occurrence)
  for (let index = from; index < to; index++) {
    if (canonicalJson(items[index] ?? null) === key && --left === 0) return BigInt(index)
  }
  return -1n
}

/** Numbers before strings before everything else; each in its own order. */
function rank(value: Json): number {
  if (value instanceof Num || typeof value === 'boolean') return 0
  return typeof value === 'string' ? 1 : 2
}

function compareJson(a: Json, b: Json): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  if (rank(a) === 2) throw notSupported('sorting arrays of arrays or bags')
  return compareNumbers(a, b)
}

function compareNumbers(a: Json, b: Json): number {
  if (a instanceof Num && b instanceof Num && a.integral && b.integral) {
    const difference = BigInt(a.text) - BigInt(b.text)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
  return numberOf(a) - numberOf(b)
}

function numberOf(value: Json): number {
  return value instanceof Num ? Number(value.text) : Number(value)
}

/** Sorts by the first array and puts the others in the same order. One array gives an array, several an array of arrays. */
function sortArrays(options: string, arrays: readonly Json[]): string | null {
  const [first, ...others] = arrays
  if (!isArray(first)) return null
  const [direction, nulls] = options.split(' ')
  const sign = direction === 'desc' ? -1 : 1
  const nullSide = nulls === 'first' ? -1 : 1
  const order = first
    .map((_, index) => index)
    .sort((i, j) => {
      const [a, b] = [first[i] ?? null, first[j] ?? null]
      if (a === null || b === null) return a === b ? i - j : a === null ? nullSide : -nullSide
      return sign * compareJson(a, b) || i - j
    })
  const arranged = (items: Json): Json =>
    isArray(items) && items.length === first.length ? order.map((index) => items[index] ?? null) : null
  const results = [first, ...others].map(arranged)
  return formatJson(others.length === 0 ? (results[0] ?? null) : results)
}

function distinct(items: Items): Items {
  const seen = new Set<string>()
  return items.filter((item) => {
    const key = canonicalJson(item)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

function memberOf(items: Items): (item: Json) => boolean {
  const members = new Set(items.map(canonicalJson))
  return (item) => members.has(canonicalJson(item))
}

function setCall(sets: readonly (string | null)[], run: (lists: readonly Items[]) => Items): string | null {
  const lists = sets.map(parsed)
  return lists.every(isArray) ? formatJson(distinct(run(lists))) : null
}

/** The first bag that has a key decides its value. */
function mergeBags(bags: readonly Json[]): string | null {
  const merged = new Map<string, Json>()
  let any = false
  for (const bag of bags) {
    if (!isBag(bag)) continue
    any = true
    for (const [key, value] of bag) if (!merged.has(key)) merged.set(key, value)
  }
  return any ? formatJson(merged) : null
}

function isPath(key: string): boolean {
  return key.startsWith('$.') || key.startsWith('$[')
}

function keySteps(key: string): readonly (string | number)[] {
  if (!isPath(key)) return [key]
  const steps = parsePath(key)
  if (!steps) throw notSupported(`the JSON path ${key}`)
  return steps
}

function removeKey(value: Json, key: string): Json {
  return removeSteps(value, keySteps(key))
}

function removeSteps(value: Json, steps: readonly (string | number)[]): Json {
  const [step, ...rest] = steps
  if (typeof step !== 'string' || !isBag(value) || !value.has(step)) return value
  const copy = new Map(value)
  if (rest.length === 0) copy.delete(step)
  else copy.set(step, removeSteps(value.get(step) ?? null, rest))
  return copy
}

function setPath(value: Json, steps: readonly (string | number)[], item: Json): Json {
  const [step, ...rest] = steps
  if (step === undefined) return item
  if (typeof step !== 'string') throw notSupported('bag_set_key with an index in its path')
  const copy = new Map(isBag(value) ? value : [])
  copy.set(step, setPath(copy.get(step) ?? null, rest, item))
  return copy
}

/** Paths of all values; an array stands for its elements as `[0]`. */
function treePaths(value: Json, path: string): readonly string[] {
  const steps: readonly (readonly [string, Json])[] = isBag(value)
    ? [...value].map(([key, item]) => [`['${key}']`, item] as const)
    : isArray(value) && value.length > 0
      ? [['[0]', value[0] ?? null]]
      : []
  return steps.flatMap(([step, item]) => [`${path}${step}`, ...treePaths(item, `${path}${step}`)])
}

function sorted(value: Json): Json {
  if (isArray(value)) return value.map(sorted)
  if (!isBag(value)) return value
  return new Map([...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, item]) => [key, sorted(item)]))
}

function typeOfJson(value: Json): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (isArray(value)) return 'array'
  if (isBag(value)) return 'dictionary'
  return value instanceof Num && value.integral ? 'long' : 'double'
}

const RANGE_TEXT: ReadonlyMap<string, (value: bigint) => string> = new Map([
  ['long', (value: bigint) => value.toString()],
  ['datetime', (value: bigint) => `"${formatDatetime(value)}"`],
  ['timespan', (value: bigint) => `"${formatTimespan(value)}"`],
])

function rangeOfLongs(kind: string, start: bigint, stop: bigint, step: bigint): string | null {
  const format = RANGE_TEXT.get(kind)
  if (!format || step === 0n) return null
  const items: string[] = []
  for (let at = start; items.length < MAX_ARRAY && (step > 0n ? at <= stop : at >= stop); at += step)
    items.push(format(at))
  return `[${items.join(',')}]`
}

function rangeOfReals(start: number, stop: number, step: number): string | null {
  if (!Number.isFinite(start) || !Number.isFinite(stop) || !Number.isFinite(step) || step === 0) return null
  const items: string[] = []
  for (let index = 0; index < MAX_ARRAY; index++) {
    const at = start + index * step
    if (step > 0 ? at > stop : at < stop) break
    items.push(formatReal(at))
  }
  return `[${items.join(',')}]`
}

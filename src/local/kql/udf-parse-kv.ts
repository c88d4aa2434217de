import { udf, type Udf } from './udf-definition.ts'

/** What `parse-kv` was told about the text. */
export interface KeyValueRules {
  /** Undefined: whatever is neither a letter nor a digit delimits. */
  readonly pair?: string
  readonly separator?: string
  /** Opening quote, and the closing one when it differs. */
  readonly quote?: string
  readonly escape?: string
  /** A value goes on until the next key. */
  readonly greedy?: boolean
}

/** Reads key-value pairs for `parse-kv`. */
export const PARSE_KV_UDFS: readonly Udf[] = [
  udf('k_parse_kv', ['text', 'text', 'text'], 'text', (text, keys, rules) => {
    const wanted = JSON.parse(keys) as readonly string[]
    const found = parseKeyValues(text, wanted, JSON.parse(rules) as KeyValueRules)
    return JSON.stringify(wanted.map((key) => found.get(key) ?? null))
  }),
]

/** Values of the wanted keys; of a repeated key the first counts. */
export function parseKeyValues(
  text: string,
  keys: readonly string[],
  rules: KeyValueRules,
): ReadonlyMap<string, string> {
  const { pair, separator } = rules
  return pair === undefined || separator === undefined
    ? freePairs(text, keys, rules)
    : delimitedPairs(text, pair, separator, rules)
}

interface Read {
  readonly value: string
  readonly end: number
}

function quoted(text: string, at: number, rules: KeyValueRules): Read | undefined {
  const open = rules.quote?.charAt(0)
  if (open === undefined || open === '' || text.charAt(at) !== open) return undefined
  const close = rules.quote?.charAt(1) === '' ? open : (rules.quote?.charAt(1) ?? open)
  let value = ''
  for (let place = at + 1; place < text.length; place++) {
    const char = text.charAt(place)
    if (rules.escape !== undefined && char === rules.escape && place + 1 < text.length) value += text.charAt(++place)
    else if (char === close) return { value, end: place + 1 }
    else value += char
  }
  return undefined
}

function delimitedPairs(
  text: string,
  pair: string,
  separator: string,
  rules: KeyValueRules,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let at = 0
  while (at < text.length) {
    if (text.startsWith(pair, at)) {
      at += pair.length
      continue
    }
    const key = quoted(text, at, rules) ?? until(text, at, [pair, separator])
    at = key.end
    if (!text.startsWith(separator, at)) {
      at = Math.max(at, until(text, at, [pair]).end)
      continue
    }
    at += separator.length
    const value =
      quoted(text, at, rules) ??
      (rules.greedy === true ? greedyValue(text, at, pair, separator) : until(text, at, [pair]))
    if (!found.has(key.value)) found.set(key.value, value.value)
    at = value.end
  }
  return found
}

function until(text: string, at: number, stops: readonly string[]): Read {
  const places = stops.map((stop) => text.indexOf(stop, at)).filter((place) => place >= 0)
  const end = Math.min(text.length, ...places)
  return { value: text.slice(at, end), end }
}

/** Up to the last pair delimiter before the next separator. */
function greedyValue(text: string, at: number, pair: string, separator: string): Read {
  const next = text.indexOf(separator, at)
  const end = next < 0 ? text.length : text.lastIndexOf(pair, next - 1)
  if (end < at) return { value: text.slice(at), end: text.length }
  return { value: text.slice(at, end), end }
}

const TERM = /[\p{L}\p{N}_]/u

function freePairs(text: string, keys: readonly string[], rules: KeyValueRules): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let at = 0
  while (at < text.length) {
    const key = quoted(text, at, rules) ?? term(text, at)
    if (key === undefined) {
      at++
      continue
    }
    at = key.end
    if (!keys.includes(key.value) || found.has(key.value)) continue
    while (at < text.length && !TERM.test(text.charAt(at)) && quoted(text, at, rules) === undefined) at++
    const value = quoted(text, at, rules) ?? term(text, at)
    if (value === undefined) continue
    found.set(key.value, value.value)
    at = value.end
  }
  return found
}

function term(text: string, at: number): Read | undefined {
  let end = at
  while (end < text.length && TERM.test(text.charAt(end))) end++
  return end === at ? undefined : { value: text.slice(at, end), end }
}

import { isArray, isBag, Num, formatJson, parseJson, type Json } from './json.ts'
import { notSupported } from '../server/local-error.ts'
import { udf, checkSize, type Udf } from './udf-definition.ts'

export const STRING_UDFS: readonly Udf[] = [
  udf('k_reverse', ['text'], 'text', (text) => Array.from(text).toReversed().join('')),
  udf('k_indexof', ['text', 'text', 'long', 'long', 'long'], 'long', indexOf),
  udf('k_countof', ['text', 'text'], 'long', countOf),
  udf('k_translate', ['text', 'text', 'text'], 'text', translate),
  udf('k_replace_strings', ['text', 'text', 'text'], 'text', replaceStrings),
  udf('k_strcat_array', ['text', 'text'], 'text', (array, delimiter) => {
    const items = parseJson(array)
    return isArray(items) ? items.map(jsonToText).join(delimiter) : null
  }),
  udf('k_has_any_index', ['text', 'text?'], 'long', (text, lookup) => {
    const items = lookup === null ? undefined : parseJson(lookup)
    if (!isArray(items)) return null
    return BigInt(items.findIndex((item) => hasTerm(text, jsonToText(item))))
  }),
  udf('k_format_bytes', ['real', 'long?', 'text'], 'text', formatBytes),
  udf('k_parse_csv', ['text'], 'text', (text) => formatJson(firstCsvRecord(text))),
  udf('k_parse_version', ['text'], 'text', parseVersion),
  udf('k_parse_command_line', ['text'], 'text', (text) => formatJson(windowsArguments(text))),
  udf(
    'k_codepoints',
    ['text'],
    'text',
    (text) =>
      `[${Array.from(text)
        .map((char) => char.codePointAt(0))
        .join(',')}]`,
  ),
]

/** Text of a JSON value as tostring gives it. */
export function jsonToText(value: Json): string {
  if (value === null) return ''
  return typeof value === 'string' ? value : formatJson(value)
}

function indexOf(text: string, lookup: string, start: bigint, length: bigint, occurrence: bigint): bigint | null {
  if (length < -1n || occurrence < 1n) return null
  const source = Array.from(text)
  const from = Number(start < 0n ? BigInt(source.length) + start : start)
  const begin = Math.max(from, 0)
  const window = source.slice(begin, length < 0n ? undefined : begin + Number(length)).join('')
  let at = -1
  for (let found = 0n; found < occurrence; found++) {
    at = window.indexOf(lookup, at + 1)
    if (at < 0) return -1n
  }
  return BigInt(begin + Array.from(window.slice(0, at)).length)
}

/** Matches may overlap: there are three `aa` in `aaaa`. */
function countOf(text: string, search: string): bigint {
  if (search === '') throw notSupported('countof of an empty text')
  let count = 0n
  for (let at = text.indexOf(search); at >= 0; at = text.indexOf(search, at + 1)) count++
  return count
}

/** Each character of the search list becomes its partner; a short replacement list repeats its last character. */
function translate(search: string, replacement: string, text: string): string {
  const targets = Array.from(replacement)
  const table = new Map<string, string>()
  Array.from(search).forEach((char, index) => {
    if (!table.has(char)) table.set(char, targets[index] ?? targets.at(-1) ?? '')
  })
  return Array.from(text)
    .map((char) => table.get(char) ?? char)
    .join('')
}

/** All lookups are searched at once, so that a replacement is never replaced again. */
function replaceStrings(text: string, lookups: string, rewrites: string): string | null {
  const [from, to] = [parseJson(lookups), parseJson(rewrites)]
  if (!isArray(from) || !isArray(to) || from.length !== to.length) return null
  const pairs = from
    .map((item, index) => [jsonToText(item), jsonToText(to[index] ?? null)] as const)
    .filter(([item]) => item !== '')
  let out = ''
  for (let at = 0; at < text.length;) {
    const pair = pairs.find(([item]) => text.startsWith(item, at))
    if (pair) {
      out += pair[1]
      at += pair[0].length
    } else {
      out += text.charAt(at)
      at++
    }
    checkSize(out.length, 'replace_strings')
  }
  return out
}

const WORD = /[\p{L}\p{N}]/u

/** Whether a term stands in the text with no letter or digit next to it, in any case. */
export function hasTerm(text: string, term: string): boolean {
  const [source, wanted] = [text.toLowerCase(), term.toLowerCase()]
  for (let at = source.indexOf(wanted); at >= 0; at = source.indexOf(wanted, at + 1)) {
    const before = source.charAt(at - 1)
    const after = source.charAt(at + wanted.length)
    const openStart = !WORD.test(before) || !WORD.test(wanted.charAt(0))
    if (openStart && (!WORD.test(after) || !WORD.test(wanted.charAt(wanted.length - 1)))) return true
  }
  return false
}

const BYTE_UNITS = ['Bytes', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB']

function formatBytes(value: number, precision: bigint | null, unit: string): string {
  if (!Number.isFinite(value)) throw notSupported('format_bytes of a value that is not finite')
  let power = BYTE_UNITS.indexOf(unit)
  if (unit === '') {
    power = 0
    for (let size = Math.abs(value); size >= 1024 && power < BYTE_UNITS.length - 1; size /= 1024) power++
  }
  if (power < 0) throw notSupported(`the unit ${unit} of format_bytes`)
  const digits = Number(precision ?? 0n)
  if (digits < 0 || digits > 15) throw notSupported(`a precision of ${digits} in format_bytes`)
  const scaled = value / 1024 ** power
  const rounded = (Math.round(scaled * 10 ** digits) / 10 ** digits).toFixed(digits)
  const trimmed = digits > 0 ? rounded.replace(/\.?0+$/, '') : rounded
  return `${trimmed} ${BYTE_UNITS[power]}`
}

function firstCsvRecord(text: string): readonly string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (quoted) {
      if (char !== '"') field += char
      else if (text.charAt(at + 1) === '"') {
        field += '"'
        at++
      } else quoted = false
    } else if (char === '"' && field === '') quoted = true
    else if (char === ',') {
      fields.push(field)
      field = ''
    } else if (char === '\n' || char === '\r') break
    else field += char
  }
  return [...fields, field]
}

/** Up to four parts of up to eight digits, as the digits of one whole number. */
function parseVersion(text: string): string | null {
  const parts = text.split('.')
  if (parts.length > 4 || parts.some((part) => !/^\d{1,8}$/.test(part))) return null
  return [0, 1, 2, 3].map((index) => (parts[index] ?? '').padStart(8, '0')).join('')
}

/** Arguments as the Microsoft C runtime splits them. */
function windowsArguments(text: string): readonly string[] {
  const found: string[] = []
  let current: string | undefined
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '\\') {
      const run = /^\\+/.exec(text.slice(at))?.[0].length ?? 1
      const beforeQuote = text.charAt(at + run) === '"'
      current = (current ?? '') + '\\'.repeat(beforeQuote ? Math.floor(run / 2) : run)
      at += run - 1
      if (beforeQuote && run % 2 === 1) {
        current += '"'
        at++
      }
    } else if (char === '"') {
      if (quoted && text.charAt(at + 1) === '"') {
        current = `${current ?? ''}"`
        at++
      } else {
        quoted = !quoted
        current ??= ''
      }
    } else if (!quoted && (char === ' ' || char === '\t')) {
      if (current !== undefined) found.push(current)
      current = undefined
    } else current = (current ?? '') + char
  }
  return current === undefined ? found : [...found, current]
}

/** Follows a JSON path (`$.a.b[0]['c d']`) into a value. */
export function followPath(value: Json, path: string): Json | undefined {
  const steps = parsePath(path)
  if (!steps) throw notSupported(`the JSON path ${path}`)
  let at: Json | undefined = value
  for (const step of steps) {
    if (typeof step === 'number') at = isArray(at) ? at[step < 0 ? at.length + step : step] : undefined
    else at = isBag(at) ? at.get(step) : undefined
    if (at === undefined) return undefined
  }
  return at
}

/** Steps of a JSON path; undefined when it is not one. */
export function parsePath(path: string): readonly (string | number)[] | undefined {
  if (!path.startsWith('$')) return undefined
  const steps: (string | number)[] = []
  const pattern = /\.([^.[\]]+)|\[(-?\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y
  let at = 1
  while (at < path.length) {
    pattern.lastIndex = at
    const m = pattern.exec(path)
    if (!m) return undefined
    steps.push(m[2] === undefined ? (m[1] ?? (m[3] ?? m[4] ?? '').replace(/\\(.)/g, '$1')) : Number(m[2]))
    at = pattern.lastIndex
  }
  return steps
}

/** A JSON array of whole numbers as bigints; undefined when it is anything else. */
export function integers(value: Json | undefined): readonly bigint[] | undefined {
  if (!isArray(value)) return undefined
  const found: bigint[] = []
  for (const item of value) {
    if (!(item instanceof Num) || !item.integral) return undefined
    found.push(BigInt(item.text))
  }
  return found
}

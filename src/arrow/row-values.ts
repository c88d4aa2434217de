import { MAX_DATETIME_TICKS, parseDatetime, parseTimespan, ticksFromDate } from '../base/ticks.ts'
import { KustoDataError } from '../errors.ts'
import type { ScalarName } from './scalar-types.ts'

/** Kinds of values that rows of plain objects hold. */
export type ValueKind = 'null' | 'bool' | 'integer' | 'bigint' | 'real' | 'string' | 'datetime' | 'binary' | 'nested'

const NUMBERS: readonly ValueKind[] = ['integer', 'bigint', 'real', 'string']

/**
 * Kinds of values that a column of a known Kusto type takes, each value checked. A string column takes what rows of
 * strings infer to, so it is not listed.
 */
export const TAKES: Readonly<Record<ScalarName, readonly ValueKind[]>> = {
  bool: ['bool', 'string'],
  int: NUMBERS,
  long: NUMBERS,
  real: NUMBERS,
  decimal: NUMBERS,
  string: [],
  datetime: ['datetime', 'string'],
  timespan: ['string'],
  guid: ['string', 'binary'],
  dynamic: ['nested', 'string', 'bool', 'integer', 'bigint', 'real', 'datetime', 'binary'],
}

/** The kind of a value; numbers with a fraction, and those beyond 2^53, are `real`. */
export function kindOf(value: unknown): ValueKind {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'real'
  if (typeof value === 'bigint') return 'bigint'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof Date) return 'datetime'
  return value instanceof Uint8Array ? 'binary' : 'nested'
}

const INTEGER = /^[+-]?\d{1,40}$/
const REAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/
const GUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const REAL_NAMES: ReadonlyMap<string, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['infinity', Infinity],
  ['-inf', -Infinity],
  ['-infinity', -Infinity],
])

/** A boolean, or the text `true` or `false` in any case. @throws {KustoDataError} KUSTO_ROW_VALUE */
export function toBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  const text = typeof value === 'string' ? value.toLowerCase() : undefined
  if (text === 'true' || text === 'false') return text === 'true'
  throw refused('bool', 'true or false')
}

/** A whole number that fits, or its digits. @throws {KustoDataError} KUSTO_ROW_VALUE, KUSTO_INTEGER_RANGE */
export function toInteger(value: unknown, type: 'int' | 'long'): bigint {
  const integer =
    typeof value === 'bigint'
      ? value
      : typeof value === 'number' && Number.isInteger(value)
        ? BigInt(value)
        : typeof value === 'string' && INTEGER.test(value)
          ? BigInt(value.replace(/^\+/, ''))
          : undefined
  if (integer === undefined) throw refused(type, 'a whole number')
  if (BigInt.asIntN(type === 'int' ? 32 : 64, integer) === integer) return integer
  throw new KustoDataError('KUSTO_INTEGER_RANGE', `expected an integer that fits ${type}`, { type })
}

/** A number, a bigint that a double holds, or the text of a number. @throws {KustoDataError} KUSTO_ROW_VALUE, KUSTO_INTEGER_RANGE */
export function toReal(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') {
    const real = Number(value)
    if (Number.isFinite(real) && BigInt(real) === value) return real
    throw new KustoDataError('KUSTO_INTEGER_RANGE', 'expected an integer that a real holds', { type: 'real' })
  }
  if (typeof value === 'string') {
    const named = REAL_NAMES.get(value.toLowerCase())
    if (named !== undefined) return named
    if (REAL.test(value) && Number.isFinite(Number(value))) return Number(value)
  }
  throw refused('real', 'a number')
}

/**
 * The plain digits of a decimal of at most 34 significant ones.
 * @throws {KustoDataError} KUSTO_ROW_VALUE, KUSTO_DECIMAL_DIGITS
 */
export function toDecimal(value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
  const match = typeof text === 'string' ? DECIMAL.exec(text) : null
  if (match === null) throw refused('decimal', 'a finite number')
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  if (digits === '') throw refused('decimal', 'a finite number')
  const significant = digits.replace(/^0+/, '').replace(/0+$/, '')
  if (significant.length > 34) {
    throw new KustoDataError('KUSTO_DECIMAL_DIGITS', 'expected a decimal of at most 34 significant digits', {
      type: 'decimal',
    })
  }
  if (significant === '') return '0'
  const point = whole.length + Number(exponent)
  if (point > 400 || point < -400) throw refused('decimal', 'a number of less than 400 places')
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0')
  const at = Math.max(point, 1)
  const body = [padded.slice(0, at).replace(/^0+(?=\d)/, ''), padded.slice(at).replace(/0+$/, '')]
  return `${sign === '-' ? '-' : ''}${body.filter((part) => part !== '').join('.')}`
}

/** Ticks of a Date or of ISO 8601 text. @throws {KustoDataError} KUSTO_BAD_DATETIME */
export function toDatetime(value: unknown): bigint {
  if (!(value instanceof Date) && typeof value !== 'string') throw refused('datetime', 'a Date or ISO 8601 text')
  return withoutText('KUSTO_BAD_DATETIME', 'a datetime: a valid Date, or text such as 2031-02-03T04:05:06.7Z', () => {
    const ticks = value instanceof Date ? ticksFromDate(value) : parseDatetime(value)
    return ticks <= MAX_DATETIME_TICKS ? ticks : undefined
  })
}

/** Ticks of `[-][d.]hh:mm:ss[.fffffff]`. @throws {KustoDataError} KUSTO_BAD_TIMESPAN, KUSTO_ROW_VALUE */
export function toTimespan(value: unknown): bigint {
  if (typeof value !== 'string') throw refused('timespan', 'text [-][d.]hh:mm:ss[.fffffff]')
  return withoutText('KUSTO_BAD_TIMESPAN', 'a timespan: text [-][d.]hh:mm:ss[.fffffff]', () => parseTimespan(value))
}

/** The guid in lower case with hyphens, of text or of 16 bytes in their order. @throws {KustoDataError} KUSTO_BAD_GUID */
export function toGuid(value: unknown): string {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  if (typeof text !== 'string' || !GUID.test(text)) {
    throw new KustoDataError('KUSTO_BAD_GUID', 'expected a guid: 32 hexadecimal digits, with or without hyphens', {
      type: 'guid',
    })
  }
  const hex = text.replaceAll('-', '').toLowerCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * JSON text for a dynamic column. Text that is JSON stays as it is, other text is a JSON string, unless it begins as an
 * object, list or string does. @throws {KustoDataError} KUSTO_ROW_VALUE
 */
export function toDynamic(value: unknown): string {
  if (typeof value !== 'string') return jsonText(value)
  try {
    JSON.parse(value)
    return value
  } catch {
    if (/^\s*[[{"]/.test(value)) throw refused('dynamic', 'JSON')
    return JSON.stringify(value)
  }
}

/** Names of reals that the service parses. */
const REAL_NAME = /^(?:nan|-?infinity)$/i

const TEXT_CHECKS: Readonly<Partial<Record<ScalarName, (text: string) => unknown>>> = {
  bool: toBool,
  int: (text) => toInteger(text, 'int'),
  long: (text) => toInteger(text, 'long'),
  real: (text) => {
    if (!Number.isFinite(toReal(text)) && !REAL_NAME.test(text)) throw refused('real', 'a number, NaN or Infinity')
  },
  decimal: toDecimal,
  datetime: toDatetime,
  timespan: toTimespan,
  guid: toGuid,
}

/**
 * Nothing for text that is a value of the type; any text is a string or a dynamic.
 * @throws {KustoDataError} as the functions above
 */
export function checkText(text: string, type: ScalarName): void {
  TEXT_CHECKS[type]?.(text)
}

/** JSON as for nested Arrow values: bigints with all digits, NaN and infinities as strings, bytes as base64. */
export function jsonText(value: unknown): string {
  try {
    return jsonOf(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw refused('dynamic', 'a value that is no part of itself')
  }
}

function jsonOf(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'function' || typeof value === 'symbol') return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${String(value)}"`
  if (typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (value instanceof Date && Number.isNaN(value.getTime())) throw refused('dynamic', 'a valid Date')
  if ('toJSON' in value && typeof value.toJSON === 'function') return jsonOf(value.toJSON())
  // As JSON it would be an empty object, in silence.
  if (value instanceof Set) throw refused('dynamic', 'an array in place of a Set')
  if (isList(value)) return `[${Array.from(value, (item) => jsonOf(item)).join(',')}]`
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  if (entries.length === 0 && !isPlain(value)) throw refused('dynamic', 'an object that has properties or toJSON')
  const members = entries
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(String(key))}:${jsonOf(member)}`)
  return `{${members.join(',')}}`
}

/** Arrays, holes and all, and the numbers of a typed array. */
function isList(value: object): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

/** Whether it may be empty. A promise, a regular expression or an ArrayBuffer would be an empty object, in silence. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return value instanceof Map || prototype === null || Object.getPrototypeOf(prototype) === null
}

function refused(type: ScalarName, expected: string): KustoDataError {
  return new KustoDataError('KUSTO_ROW_VALUE', `expected ${expected} for a column of type ${type}`, { type })
}

/** What `parse` gives; its own error would hold the text, which is a row's content. */
function withoutText(code: string, expected: string, parse: () => bigint | undefined): bigint {
  try {
    const ticks = parse()
    if (ticks !== undefined) return ticks
  } catch (error) {
    if (!(error instanceof KustoDataError)) throw error
  }
  throw new KustoDataError(code, `expected ${expected}`)
}

import type { Cell, ScalarName } from '../lang/syntax.ts'
import { formatJson, Num, parseJson, type Json } from './json.ts'

export const TICKS_PER_MICROSECOND = 10n
export const TICKS_PER_MILLISECOND = 10_000n
export const TICKS_PER_SECOND = 10_000_000n
export const TICKS_PER_MINUTE: bigint = 60n * TICKS_PER_SECOND
export const TICKS_PER_HOUR: bigint = 60n * TICKS_PER_MINUTE
export const TICKS_PER_DAY: bigint = 24n * TICKS_PER_HOUR
/** 1970-01-01 in ticks since 0001-01-01. */
export const UNIX_EPOCH_TICKS = 621_355_968_000_000_000n
/** 9999-12-31T23:59:59.9999999. */
export const MAX_DATETIME_TICKS = 3_155_378_975_999_999_999n

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const TIME = String.raw`(?:[T ]\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?\s*([AaPp][Mm])?)?`
const ZONE = String.raw`\s*(Z|z|UTC|GMT|UT|[+-]\d{2}:?\d{2})?`
const ISO = new RegExp(String.raw`^\s*(\d{4})-(\d{1,2})-(\d{1,2})${TIME}${ZONE}\s*$`)
const AMERICAN = new RegExp(String.raw`^\s*(\d{1,2})[-/](\d{1,2})[-/](\d{4})${TIME}${ZONE}\s*$`)
const SLASHED = new RegExp(String.raw`^\s*(\d{4})/(\d{1,2})/(\d{1,2})${TIME}${ZONE}\s*$`)
const RFC822 = new RegExp(
  String.raw`^\s*(?:[A-Za-z]{3,9},?\s*)?(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{2}|\d{4})${TIME}${ZONE}\s*$`,
)
const ASCTIME = new RegExp(
  String.raw`^\s*(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3,9})\s+(\d{1,2}),?(?:\s+(\d{4}))?${TIME}(?:\s+(\d{4}))?${ZONE}\s*$`,
)
const LISTED = /^\s*(\d{4}),\s*(\d{1,2}),\s*(\d{1,2})\s*$/
const PARTIAL = /^\s*(\d{4})(?:-(\d{1,2}))?\s*$/

interface Clock {
  readonly hour?: string | undefined
  readonly minute?: string | undefined
  readonly second?: string | undefined
  readonly fraction?: string | undefined
  readonly half?: string | undefined
  readonly zone?: string | undefined
}

/** Ticks of a datetime text in any of the forms Kusto documents; no zone means UTC. Null when it is none of them. */
export function parseDatetime(text: string): bigint | null {
  for (const [pattern, year, month, day] of [
    [ISO, 1, 2, 3],
    [SLASHED, 1, 2, 3],
    [LISTED, 1, 2, 3],
    [AMERICAN, 3, 1, 2],
  ] as const) {
    const m = pattern.exec(text)
    if (m) return ticksOf(Number(m[year]), Number(m[month]), Number(m[day]), clockFrom(m, 4))
  }
  const mail = RFC822.exec(text)
  if (mail) return ticksOf(fullYear(mail[3] ?? ''), monthNumber(mail[2] ?? ''), Number(mail[1]), clockFrom(mail, 4))
  const asc = ASCTIME.exec(text)
  if (asc) {
    const { 3: before, 9: after, 10: zone } = asc
    const year = before ?? after
    if (year === undefined || (before !== undefined && after !== undefined)) return null
    return ticksOf(Number(year), monthNumber(asc[1] ?? ''), Number(asc[2]), { ...clockFrom(asc, 4), zone })
  }
  const partial = PARTIAL.exec(text)
  return partial ? ticksOf(Number(partial[1]), Number(partial[2] ?? 1), 1, {}) : null
}

function clockFrom(m: RegExpExecArray, at: number): Clock {
  return { hour: m[at], minute: m[at + 1], second: m[at + 2], fraction: m[at + 3], half: m[at + 4], zone: m[at + 5] }
}

function fullYear(text: string): number {
  const year = Number(text)
  return text.length === 2 ? year + (year < 50 ? 2000 : 1900) : year
}

function monthNumber(name: string): number {
  return MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1
}

function ticksOf(year: number, month: number, day: number, clock: Clock): bigint | null {
  const days = daysSinceYearOne(year, month, day)
  if (days === null) return null
  let hour = Number(clock.hour ?? 0)
  const minute = Number(clock.minute ?? 0)
  const second = Number(clock.second ?? 0)
  if (clock.half !== undefined) {
    if (hour < 1 || hour > 12) return null
    hour = (hour % 12) + (clock.half.toLowerCase() === 'pm' ? 12 : 0)
  }
  if (hour > 23 || minute > 59 || second > 59) return null
  const ticks =
    days * TICKS_PER_DAY +
    BigInt(hour * 3600 + minute * 60 + second) * TICKS_PER_SECOND +
    BigInt((clock.fraction ?? '').slice(0, 7).padEnd(7, '0')) -
    zoneTicks(clock.zone)
  return ticks < 0n || ticks > MAX_DATETIME_TICKS ? null : ticks
}

function zoneTicks(zone: string | undefined): bigint {
  const m = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '')
  if (!m) return 0n
  const minutes = BigInt(Number(m[2]) * 60 + Number(m[3]))
  return (m[1] === '-' ? -minutes : minutes) * TICKS_PER_MINUTE
}

/** Days from 0001-01-01 to a civil date; null when there is no such date. */
export function daysSinceYearOne(year: number, month: number, day: number): bigint | null {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1) return null
  return BigInt(date.getTime() / 86_400_000) + UNIX_EPOCH_TICKS / TICKS_PER_DAY
}

/** Year, month (1-12), day, and ticks within the day. */
export function civilDate(ticks: bigint): { year: number; month: number; day: number; timeTicks: bigint } {
  const days = ticks / TICKS_PER_DAY
  const date = new Date(Number(days - UNIX_EPOCH_TICKS / TICKS_PER_DAY) * 86_400_000)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    timeTicks: ticks - days * TICKS_PER_DAY,
  }
}

/** `2017-10-15T12:00:00.0000000Z`. */
export function formatDatetime(ticks: bigint): string {
  const { year, month, day, timeTicks } = civilDate(ticks)
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`
  return `${date}T${clockText(timeTicks)}.${pad(timeTicks % TICKS_PER_SECOND, 7)}Z`
}

/** `[-][d.]hh:mm:ss[.fffffff]`, the fraction left out when zero. */
export function formatTimespan(ticks: bigint): string {
  const size = ticks < 0n ? -ticks : ticks
  const days = size / TICKS_PER_DAY
  const fraction = size % TICKS_PER_SECOND
  const tail = fraction === 0n ? '' : `.${pad(fraction, 7)}`
  return `${ticks < 0n ? '-' : ''}${days === 0n ? '' : `${days}.`}${clockText(size % TICKS_PER_DAY)}${tail}`
}

function clockText(ticks: bigint): string {
  return [ticks / TICKS_PER_HOUR, (ticks / TICKS_PER_MINUTE) % 60n, (ticks / TICKS_PER_SECOND) % 60n]
    .map((part) => pad(part, 2))
    .join(':')
}

function pad(value: number | bigint, width: number): string {
  return value.toString().padStart(width, '0')
}

const TIMESPAN =
  /^\s*(-)?(?:(\d{1,8})(?:\.|:(?=\d{1,2}:\d{1,2}:\d{1,2})))?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7})\d*)?)?\s*$/
const QUANTITY = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*$/
const UNIT_TICKS: ReadonlyMap<string, bigint> = new Map([
  ...names(TICKS_PER_DAY, 'd', 'day', 'days', ''),
  ...names(TICKS_PER_HOUR, 'h', 'hr', 'hrs', 'hour', 'hours'),
  ...names(TICKS_PER_MINUTE, 'm', 'min', 'minute', 'minutes'),
  ...names(TICKS_PER_SECOND, 's', 'sec', 'second', 'seconds'),
  ...names(TICKS_PER_MILLISECOND, 'ms', 'milli', 'millis', 'millisec', 'millisecond', 'milliseconds'),
  ...names(TICKS_PER_MICROSECOND, 'micro', 'micros', 'microsec', 'microsecond', 'microseconds'),
  ...names(1n, 'tick', 'ticks'),
])

function names(ticks: bigint, ...words: readonly string[]): readonly (readonly [string, bigint])[] {
  return words.map((word) => [word, ticks] as const)
}

/** Ticks of `[d.]hh:mm:ss[.fffffff]`, of a quantity with a unit (`1.5h`), or of a bare number of days. */
export function parseTimespan(text: string): bigint | null {
  const m = TIMESPAN.exec(text)
  if (!m) return parseQuantity(text)
  const [hour, minute, second] = [Number(m[3]), Number(m[4]), Number(m[5] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return null
  const ticks =
    BigInt(m[2] ?? 0) * TICKS_PER_DAY +
    BigInt(hour * 3600 + minute * 60 + second) * TICKS_PER_SECOND +
    BigInt((m[6] ?? '').padEnd(7, '0'))
  return inLong(m[1] === undefined ? ticks : -ticks)
}

function parseQuantity(text: string): bigint | null {
  const m = QUANTITY.exec(text)
  const unit = UNIT_TICKS.get((m?.[2] ?? '').toLowerCase())
  if (!m || unit === undefined) return null
  const value = parseDecimal(m[1] ?? '')
  return value === null ? null : inLong(scaledDecimal(value, unit))
}

/** value * unit truncated to an integer; value is decimal text with up to 18 fraction digits. */
function scaledDecimal(value: string, unit: bigint): bigint {
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.')
  const scaled = (BigInt(whole + fraction.padEnd(18, '0')) * unit) / 10n ** 18n
  return value.startsWith('-') ? -scaled : scaled
}

function inLong(value: bigint): bigint | null {
  return BigInt.asIntN(64, value) === value ? value : null
}

/** The first 32 hex digits as lower-case 8-4-4-4-12; hyphens optional, the rest of the text ignored. */
export function parseGuid(text: string): string | null {
  const m = /^\s*\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})/.exec(
    text,
  )
  return m ? m.slice(1, 6).join('-').toLowerCase() : null
}

/** Digits with a sign, or `0x` hex. Null when it is neither or leaves 64 bits. */
export function parseLong(text: string): bigint | null {
  const trimmed = text.trim()
  if (/^0[xX][0-9a-fA-F]{1,16}$/.test(trimmed)) return BigInt.asIntN(64, BigInt(trimmed))
  if (!/^[+-]?\d{1,40}$/.test(trimmed)) return null
  return inLong(BigInt(trimmed.replace('+', '')))
}

export function parseReal(text: string): number | null {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === 'nan') return Number.NaN
  const infinite = /^([+-]?)inf(?:inity)?$/.exec(trimmed)
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : null
}

/** Plain decimal text with at most 18 fraction digits (rounded half away from zero). */
export function parseDecimal(text: string): string | null {
  const m = /^\s*([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?\s*$/.exec(text)
  if (!m || `${m[2]}${m[3]}` === '') return null
  const exponent = Number(m[4] ?? 0)
  const digits = `${m[2]}${m[3]}`
  const shift = exponent - (m[3] ?? '').length + 18
  const whole = BigInt(digits)
  const scaled = shift >= 0 ? whole * 10n ** BigInt(shift) : rounded(whole, 10n ** BigInt(-shift))
  if (scaled >= 10n ** 38n) return null
  const padded = scaled.toString().padStart(19, '0')
  const fraction = padded.slice(-18).replace(/0+$/, '')
  const sign = m[1] === '-' && scaled !== 0n ? '-' : ''
  return `${sign}${padded.slice(0, -18)}${fraction === '' ? '' : `.${fraction}`}`
}

function rounded(value: bigint, divisor: bigint): bigint {
  return (value + divisor / 2n) / divisor
}

export function parseBool(text: string): boolean | null {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true'
  const number = parseLong(trimmed)
  return number === null ? null : number !== 0n
}

const CALL =
  /^\s*(?:bool|boolean|int|long|real|double|decimal|datetime|date|timespan|time|guid|uuid|uniqueid)\s*\(([\s\S]*)\)\s*$/

/** The value of a literal as it stands in a query (`12`, `0xf`, `1.5h`, `datetime(2015-12-31)`, `real(nan)`, `int(null)`). */
export function parseLiteral(text: string, type: Exclude<ScalarName, 'string' | 'dynamic'>): Cell | undefined {
  const inner = unquoted((CALL.exec(text)?.[1] ?? text).trim())
  if (inner.toLowerCase() === 'null') return null
  return parseCell(inner, type) ?? undefined
}

function unquoted(text: string): string {
  return /^(['"]).*\1$/s.test(text) ? text.slice(1, -1) : text
}

/** A cell from the text form of its type (CSV field, conversion function, declared parameter); null when it is not one. */
export function parseCell(text: string, type: ScalarName): Cell {
  switch (type) {
    case 'bool':
      return parseBool(text)
    case 'int': {
      const value = parseLong(text)
      return value === null || BigInt.asIntN(32, value) !== value ? null : Number(value)
    }
    case 'long':
      return parseLong(text)
    case 'real':
      return parseReal(text)
    case 'decimal':
      return parseDecimal(text)
    case 'string':
      return text
    case 'datetime':
      return parseDatetime(text)
    case 'timespan':
      return parseTimespan(text)
    case 'guid':
      return parseGuid(text)
    case 'dynamic':
      return parseDynamic(text)
  }
}

/** Dynamic value of a text: JSON, or else the text itself as a string value. Empty text and JSON null are null. */
export function parseDynamic(text: string): string | null {
  if (text.trim() === '') return null
  const value = parseJson(text)
  if (value === null) return null
  return formatJson(value === undefined ? text : value)
}

/** What a cell becomes inside a dynamic value: types that JSON lacks become their text. */
export function cellToJson(value: Cell, type: ScalarName): Json {
  if (value === null) return null
  if (type === 'dynamic') return parseJson(String(value)) ?? null
  if (type === 'datetime' && typeof value === 'bigint') return formatDatetime(value)
  if (type === 'timespan' && typeof value === 'bigint') return formatTimespan(value)
  if (typeof value === 'boolean') return value
  if (type === 'real' && typeof value === 'number') return realToJson(value)
  if (type === 'int' || type === 'long') return new Num(value.toString())
  return String(value)
}

function realToJson(value: number): Json {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
  return new Num(formatReal(value))
}

/** Shortest round-trip text, always with a fraction or an exponent. */
export function formatReal(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

import { KustoDataError } from '../errors.ts'

/** One tick is 100 ns. datetime counts ticks since 0001-01-01T00:00:00Z, timespan is a signed number of ticks. */
export const TICKS_PER_MICROSECOND: bigint = 10n
export const TICKS_PER_MILLISECOND: bigint = 10_000n
export const TICKS_PER_SECOND: bigint = 10_000_000n
export const TICKS_PER_MINUTE: bigint = 600_000_000n
export const TICKS_PER_HOUR: bigint = 36_000_000_000n
export const TICKS_PER_DAY: bigint = 864_000_000_000n

/** Ticks of 1970-01-01T00:00:00Z. */
export const UNIX_EPOCH_TICKS: bigint = 621_355_968_000_000_000n
/** 9999-12-31T23:59:59.9999999Z, the last datetime. */
export const MAX_DATETIME_TICKS: bigint = 3_155_378_975_999_999_999n
export const MIN_TIMESPAN_TICKS: bigint = -(2n ** 63n)
export const MAX_TIMESPAN_TICKS: bigint = 2n ** 63n - 1n

const DATETIME = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?(Z|[+-]\d{2}:\d{2})?)?$/
const TIMESPAN = /^(-)?(?:(\d+)\.)?(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/

/**
 * Ticks of an ISO 8601 datetime with 0 to 7 fraction digits. A text without a zone is UTC, as everywhere in Kusto.
 * @throws {KustoDataError} KUSTO_BAD_DATETIME when it is not one
 */
export function parseDatetime(text: string): bigint {
  const match = DATETIME.exec(text)
  if (match === null) throw badValue('KUSTO_BAD_DATETIME', 'datetime', text)
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  const days = daysFromCivil(Number(year), Number(month), Number(day))
  if (days === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    throw badValue('KUSTO_BAD_DATETIME', 'datetime', text)
  }
  const ticks =
    BigInt(days) * TICKS_PER_DAY +
    timeOfDay(hour, minute, second, fraction) -
    (zone === 'Z' ? 0n : BigInt(zoneMinutes(zone)) * TICKS_PER_MINUTE)
  if (ticks < 0n || ticks > MAX_DATETIME_TICKS) throw badValue('KUSTO_BAD_DATETIME', 'datetime', text)
  return ticks
}

/**
 * The datetime as the service writes it, always with 7 fraction digits: `2031-02-03T04:05:06.0000007Z`.
 * @throws {KustoDataError} KUSTO_BAD_DATETIME outside of years 1 to 9999
 */
export function formatDatetime(ticks: bigint): string {
  if (ticks < 0n || ticks > MAX_DATETIME_TICKS) throw badValue('KUSTO_BAD_DATETIME', 'datetime', `${ticks} ticks`)
  const [year, month, day] = civilFromDays(Number(ticks / TICKS_PER_DAY))
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock(ticks % TICKS_PER_DAY)}.${fraction7(ticks)}Z`
}

/**
 * Ticks of `[-][d.]hh:mm:ss[.fffffff]`; the sign is the whole value's.
 * @throws {KustoDataError} KUSTO_BAD_TIMESPAN when it is not one, or does not fit 64 bits
 */
export function parseTimespan(text: string): bigint {
  const match = TIMESPAN.exec(text)
  if (match === null) throw badValue('KUSTO_BAD_TIMESPAN', 'timespan', text)
  const [, sign, days = '0', hour = '', minute = '', second = '', fraction = ''] = match
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    throw badValue('KUSTO_BAD_TIMESPAN', 'timespan', text)
  }
  const size = BigInt(days) * TICKS_PER_DAY + timeOfDay(hour, minute, second, fraction)
  const ticks = sign === undefined ? size : -size
  if (ticks < MIN_TIMESPAN_TICKS || ticks > MAX_TIMESPAN_TICKS) throw badValue('KUSTO_BAD_TIMESPAN', 'timespan', text)
  return ticks
}

/** The timespan as the service writes it: `[-][d.]hh:mm:ss[.fffffff]`, the fraction only when there is one. */
export function formatTimespan(ticks: bigint): string {
  const size = ticks < 0n ? -ticks : ticks
  const days = size / TICKS_PER_DAY
  const fraction = size % TICKS_PER_SECOND
  return (
    (ticks < 0n ? '-' : '') +
    (days === 0n ? '' : `${days}.`) +
    clock(size % TICKS_PER_DAY) +
    (fraction === 0n ? '' : `.${fraction7(size)}`)
  )
}

/** Ticks of a JavaScript date, exact. @throws {KustoDataError} KUSTO_BAD_DATETIME for an invalid date or one outside of years 1 to 9999 */
export function ticksFromDate(date: Date): bigint {
  const ms = date.getTime()
  const ticks = Number.isNaN(ms) ? -1n : ticksFromUnixMs(ms)
  if (ticks < 0n || ticks > MAX_DATETIME_TICKS) throw badValue('KUSTO_BAD_DATETIME', 'datetime', String(ms))
  return ticks
}

/** The date at or just before the ticks: whole milliseconds only, what is finer is cut. */
export function dateFromTicks(ticks: bigint): Date {
  return new Date(Number(floorDiv(ticks - UNIX_EPOCH_TICKS, TICKS_PER_MILLISECOND)))
}

/** Ticks of a whole number of milliseconds since 1970. */
export function ticksFromUnixMs(ms: number): bigint {
  return UNIX_EPOCH_TICKS + BigInt(ms) * TICKS_PER_MILLISECOND
}

export function ticksFromUnixMicroseconds(microseconds: bigint): bigint {
  return UNIX_EPOCH_TICKS + microseconds * TICKS_PER_MICROSECOND
}

/** Microseconds since 1970, rounded down; `ticks % 10n` tells whether something was cut. */
export function unixMicrosecondsFromTicks(ticks: bigint): bigint {
  return floorDiv(ticks - UNIX_EPOCH_TICKS, TICKS_PER_MICROSECOND)
}

/** Nanoseconds since 1970, exact; needs more than 64 bits outside of the years 1678 to 2261. */
export function unixNanosecondsFromTicks(ticks: bigint): bigint {
  return (ticks - UNIX_EPOCH_TICKS) * 100n
}

function timeOfDay(hour: string, minute: string, second: string, fraction: string): bigint {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  return BigInt(seconds) * TICKS_PER_SECOND + BigInt(fraction.padEnd(7, '0'))
}

function zoneMinutes(zone: string): number {
  const size = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))
  return zone.startsWith('-') ? -size : size
}

function clock(ticksOfDay: bigint): string {
  const seconds = Number(ticksOfDay / TICKS_PER_SECOND)
  return `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`
}

function fraction7(ticks: bigint): string {
  return String(ticks % TICKS_PER_SECOND).padStart(7, '0')
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient
}

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365]

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

function daysBeforeYear(year: number): number {
  const y = year - 1
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400)
}

function daysBeforeMonth(year: number, month: number): number {
  return (DAYS_BEFORE_MONTH[month - 1] ?? 0) + (month > 2 && isLeap(year) ? 1 : 0)
}

/** Days since 0001-01-01, or undefined for a day that does not exist. */
function daysFromCivil(year: number, month: number, day: number): number | undefined {
  if (year < 1 || month < 1 || month > 12 || day < 1) return undefined
  const nextMonth = month === 12 ? (isLeap(year) ? 366 : 365) : daysBeforeMonth(year, month + 1)
  const ofYear = daysBeforeMonth(year, month)
  return day > nextMonth - ofYear ? undefined : daysBeforeYear(year) + ofYear + day - 1
}

function civilFromDays(days: number): [year: number, month: number, day: number] {
  let year = Math.floor(days / 365.2425) + 1
  while (daysBeforeYear(year) > days) year--
  while (daysBeforeYear(year + 1) <= days) year++
  const ofYear = days - daysBeforeYear(year)
  let month = 12
  while (daysBeforeMonth(year, month) > ofYear) month--
  return [year, month, ofYear - daysBeforeMonth(year, month) + 1]
}

function badValue(code: string, type: string, text: string): KustoDataError {
  return new KustoDataError(code, `expected a ${type}, found ${JSON.stringify(text.slice(0, 60))}`, { type })
}

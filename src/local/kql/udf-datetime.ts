import { notSupported } from '../server/local-error.ts'
import {
  civilDate,
  daysSinceYearOne,
  TICKS_PER_DAY,
  TICKS_PER_HOUR,
  TICKS_PER_MILLISECOND,
  TICKS_PER_MINUTE,
  TICKS_PER_SECOND,
  UNIX_EPOCH_TICKS,
} from './types.ts'
import { udf, type Udf } from './udf-definition.ts'

export const DATETIME_UDFS: readonly Udf[] = [
  udf(
    'k_make_datetime',
    ['long', 'long', 'long', 'long', 'long', 'real'],
    'long',
    (year, month, day, hour, minute, second) => {
      const days = daysSinceYearOne(Number(year), Number(month), Number(day))
      const time = clockTicks(hour, minute, second)
      return days === null || time === null ? null : days * TICKS_PER_DAY + time
    },
  ),
  udf('k_make_timespan', ['long', 'long', 'long', 'real'], 'long', (days, hour, minute, second) => {
    const time = clockTicks(hour, minute, second)
    return time === null || days < 0n || days > 10_675_199n ? null : days * TICKS_PER_DAY + time
  }),
  udf('k_utc_to_local', ['long', 'text'], 'long', (ticks, zone) => ticks + offsetTicks(ticks, zone)),
  udf('k_local_to_utc', ['long', 'text'], 'long', localToUtc),
  udf('k_format_datetime', ['long', 'text'], 'text', formatDatetimeAs),
  udf('k_format_timespan', ['long', 'text'], 'text', formatTimespanAs),
]

function clockTicks(hour: bigint, minute: bigint, second: number): bigint | null {
  if (hour < 0n || hour > 23n || minute < 0n || minute > 59n || !(second >= 0 && second < 60)) return null
  return hour * TICKS_PER_HOUR + minute * TICKS_PER_MINUTE + BigInt(Math.round(second * Number(TICKS_PER_SECOND)))
}

/** What local clocks add to UTC at an instant. */
function offsetTicks(utcTicks: bigint, zone: string): bigint {
  const milliseconds = Number((utcTicks - UNIX_EPOCH_TICKS) / TICKS_PER_MILLISECOND)
  const parts = new Map(
    zoneFormat(zone)
      .formatToParts(milliseconds)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const number = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
  const local = new Date(0)
  local.setUTCFullYear(number('year'), number('month') - 1, number('day'))
  local.setUTCHours(number('hour'), number('minute'), number('second'))
  const wholeSeconds = Math.floor(milliseconds / 1000) * 1000
  return BigInt(local.getTime() - wholeSeconds) * TICKS_PER_MILLISECOND
}

const ZONE_FORMATS = new Map<string, Intl.DateTimeFormat>()

function zoneFormat(zone: string): Intl.DateTimeFormat {
  const known = ZONE_FORMATS.get(zone)
  if (known) return known
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    // Zone names come from data; the cache must not grow with them beyond the zones that exist.
    ZONE_FORMATS.set(zone, format)
    return format
  } catch (error) {
    if (error instanceof RangeError) throw notSupported(`the time zone ${zone}`)
    throw error
  }
}

/** A local time that clocks skip is read with the offset that holds after the jump, one that repeats as its first occurrence. */
function localToUtc(ticks: bigint, zone: string): bigint {
  const before = offsetTicks(ticks - TICKS_PER_DAY, zone)
  const after = offsetTicks(ticks + TICKS_PER_DAY, zone)
  return offsetTicks(ticks - before, zone) === before ? ticks - before : ticks - after
}

type Piece = (value: { readonly ticks: bigint; readonly date: ReturnType<typeof civilDate> }) => string

const COMPILED = new Map<string, readonly Piece[]>()
const MAX_COMPILED = 1_000

function compile(
  pattern: string,
  table: (letter: string, count: number) => Piece | undefined,
  name: string,
): readonly Piece[] {
  const key = `${name}\n${pattern}`
  const known = COMPILED.get(key)
  if (known) return known
  const pieces = [...pattern.matchAll(/([A-Za-z])\1*|[^A-Za-z]/g)].map(([run]): Piece => {
    const piece = table(run.charAt(0), run.length)
    if (piece) return piece
    if (/^[\s/\-:,._[\]]$/.test(run)) return () => run
    throw notSupported(`the specifier ${run} in ${name}`)
  })
  if (COMPILED.size >= MAX_COMPILED) COMPILED.clear()
  COMPILED.set(key, pieces)
  return pieces
}

function padded(value: number | bigint, width: number): string {
  return value.toString().padStart(width, '0')
}

function fraction(letter: string, count: number): Piece | undefined {
  if (count > 7) return undefined
  return ({ ticks }) => {
    const digits = padded(size(ticks) % TICKS_PER_SECOND, 7).slice(0, count)
    return letter === 'F' ? digits.replace(/0+$/, '') : digits
  }
}

function datetimePiece(letter: string, count: number): Piece | undefined {
  const number = (read: (date: ReturnType<typeof civilDate>) => number | bigint): Piece | undefined =>
    count > 2 ? undefined : ({ date }) => padded(read(date), count)
  switch (letter) {
    case 'd':
      return number((date) => date.day)
    case 'M':
      return number((date) => date.month)
    case 'H':
      return number((date) => date.timeTicks / TICKS_PER_HOUR)
    case 'h':
      return number((date) => ((date.timeTicks / TICKS_PER_HOUR + 11n) % 12n) + 1n)
    case 'm':
      return number((date) => (date.timeTicks / TICKS_PER_MINUTE) % 60n)
    case 's':
      return number((date) => (date.timeTicks / TICKS_PER_SECOND) % 60n)
    case 'y':
      if (count === 4) return ({ date }) => padded(date.year, 4)
      return number((date) => date.year % 100)
    case 't':
      return count === 2 ? ({ date }) => (date.timeTicks < 12n * TICKS_PER_HOUR ? 'AM' : 'PM') : undefined
    case 'f':
    case 'F':
      return fraction(letter, count)
    default:
      return undefined
  }
}

function size(ticks: bigint): bigint {
  return ticks < 0n ? -ticks : ticks
}

function timespanPiece(letter: string, count: number): Piece | undefined {
  const number = (unit: bigint, wrap: bigint): Piece | undefined =>
    count > 2 ? undefined : ({ ticks }) => padded((size(ticks) / unit) % wrap, count)
  switch (letter) {
    case 'd':
      return count > 8 ? undefined : ({ ticks }) => padded(size(ticks) / TICKS_PER_DAY, count)
    case 'h':
    case 'H':
      return number(TICKS_PER_HOUR, 24n)
    case 'm':
      return number(TICKS_PER_MINUTE, 60n)
    case 's':
      return number(TICKS_PER_SECOND, 60n)
    case 'f':
    case 'F':
      return fraction(letter, count)
    default:
      return undefined
  }
}

function formatDatetimeAs(ticks: bigint, pattern: string): string {
  const value = { ticks, date: civilDate(ticks) }
  return compile(pattern, datetimePiece, 'format_datetime')
    .map((piece) => piece(value))
    .join('')
}

function formatTimespanAs(ticks: bigint, pattern: string): string {
  const value = { ticks, date: civilDate(0n) }
  const text = compile(pattern, timespanPiece, 'format_timespan')
    .map((piece) => piece(value))
    .join('')
  return ticks < 0n ? `-${text}` : text
}

import { checkedDatetime, ticksOfTimestamp, timestampOf } from './casts.ts'
import { argument, as, constantText, long, named, real, result, text, textCall, type Entry } from './emit.ts'
import { bind, notSupported, type CallContext, type ScalarFunction, type Sql } from './sql.ts'
import { MAX_DATETIME_TICKS } from './types.ts'

const DAY = '864000000000'
const EPOCH = '621355968000000000'
const MAX_TICKS = MAX_DATETIME_TICKS.toString()

/** Ticks of the units that have a fixed length. */
const FIXED_UNITS: ReadonlyMap<string, string> = new Map([
  ['week', '6048000000000'],
  ['day', DAY],
  ['hour', '36000000000'],
  ['minute', '600000000'],
  ['second', '10000000'],
  ['millisecond', '10000'],
  ['microsecond', '10'],
])

const MONTHS_IN: ReadonlyMap<string, number> = new Map([
  ['year', 12],
  ['quarter', 3],
  ['month', 1],
])

function datetime(args: readonly Sql[], index: number): string {
  return as(args, index, 'datetime')
}

/** Null instead of ticks that are no datetime. */
function inRange(ticks: string): string {
  return bind(ticks, (t) => `CASE WHEN (${t}) BETWEEN 0 AND ${MAX_TICKS} THEN ${t} END`)
}

function unit(args: readonly Sql[], call: CallContext): string {
  return constantText(args, 0, `a part of ${call.name}`).toLowerCase()
}

/** `now()` moved by a timespan; a number when that is a literal, which a filter on a column is fast with. */
function fromNow(sign: '+' | '-'): ScalarFunction {
  return (args, call) => {
    const { constant } = argument(args, 0)
    const ticks = typeof constant !== 'bigint' ? undefined : call.nowTicks + (sign === '+' ? constant : -constant)
    if (ticks !== undefined && ticks >= 0n && ticks <= MAX_DATETIME_TICKS) return `${ticks}::BIGINT`
    return checkedDatetime(`(${call.nowTicks} ${sign} ${as(args, 0, 'timespan')})`)
  }
}

const now: ScalarFunction = (args, call) => (args.length === 0 ? `${call.nowTicks}::BIGINT` : fromNow('+')(args, call))

const datetimeAdd: ScalarFunction = (args, call) => {
  const part = unit(args, call)
  const amount = long(args, 1)
  const months = MONTHS_IN.get(part)
  if (months !== undefined) {
    return bind(datetime(args, 2), (t) => {
      const midnight = `((${t}) - (${t}) % ${DAY})`
      return inRange(
        `(${ticksOfTimestamp(`${timestampOf(midnight)} + to_months(CAST((${amount}) * ${months} AS INTEGER))`)} + (${t}) % ${DAY})`,
      )
    })
  }
  if (part === 'nanosecond') return inRange(`(${datetime(args, 2)} + (${amount}) // 100)`)
  const ticks = FIXED_UNITS.get(part)
  if (ticks === undefined) throw notSupported(`datetime_add by ${part}`)
  return inRange(`(${datetime(args, 2)} + (${amount}) * ${ticks})`)
}

const datetimeDiff: ScalarFunction = (args, call) => {
  const part = unit(args, call)
  const difference = (count: (ticks: string) => string): string => {
    const [a, b] = [bind(datetime(args, 1), count), bind(datetime(args, 2), count)]
    return result(`(${a} - ${b})`, 'long', call.resultType)
  }
  if (part === 'year') return difference((t) => `year(${timestampOf(t)})`)
  if (part === 'quarter') return difference((t) => `(year(${timestampOf(t)}) * 4 + quarter(${timestampOf(t)}))`)
  if (part === 'month') return difference((t) => `(year(${timestampOf(t)}) * 12 + month(${timestampOf(t)}))`)
  // 0001-01-01 was a Monday and weeks start on Sunday.
  if (part === 'week') return difference((t) => `(((${t}) // ${DAY} + 1) // 7)`)
  if (part === 'nanosecond') {
    return result(`((${datetime(args, 1)} - ${datetime(args, 2)}) * 100)`, 'long', call.resultType)
  }
  const ticks = FIXED_UNITS.get(part)
  if (ticks === undefined) throw notSupported(`datetime_diff by ${part}`)
  return difference((t) => `((${t}) // ${ticks})`)
}

const PARTS: ReadonlyMap<string, (ticks: string) => string> = new Map([
  ['year', (t) => `year(${timestampOf(t)})`],
  ['quarter', (t) => `quarter(${timestampOf(t)})`],
  ['month', (t) => `month(${timestampOf(t)})`],
  ['week_of_year', (t) => `week(${timestampOf(t)})`],
  ['weekofyear', (t) => `week(${timestampOf(t)})`],
  ['day', (t) => `day(${timestampOf(t)})`],
  ['dayofyear', (t) => `dayofyear(${timestampOf(t)})`],
  ['day_of_year', (t) => `dayofyear(${timestampOf(t)})`],
  ['hour', (t) => `((${t}) // 36000000000 % 24)`],
  ['minute', (t) => `((${t}) // 600000000 % 60)`],
  ['second', (t) => `((${t}) // 10000000 % 60)`],
  ['millisecond', (t) => `((${t}) // 10000 % 1000)`],
  ['microsecond', (t) => `((${t}) // 10 % 1000000)`],
  ['nanosecond', (t) => `((${t}) % 10000000 * 100)`],
])

const datetimePart: ScalarFunction = (args, call) => {
  const part = unit(args, call)
  const emit = PARTS.get(part)
  if (!emit) throw notSupported(`datetime_part ${part}`)
  return result(bind(datetime(args, 1), emit), 'long', call.resultType)
}

function part(name: string): ScalarFunction {
  const emit = PARTS.get(name)
  if (!emit) throw new Error(`no datetime part ${name}`)
  return (args, call) => result(bind(datetime(args, 0), emit), 'long', call.resultType)
}

type Period = 'day' | 'week' | 'month' | 'year'

/** Start of the period `shift` after the one that holds the ticks. */
function periodStart(period: Period, ticks: string, shift: string): string {
  return bind(ticks, (t) => {
    if (period === 'day') return `(((${t}) // ${DAY} + ${shift}) * ${DAY})`
    if (period === 'week') return `(((${t}) // ${DAY} - ((${t}) // ${DAY} + 1) % 7 + 7 * (${shift})) * ${DAY})`
    const months = period === 'year' ? `12 * (${shift})` : shift
    return ticksOfTimestamp(`date_trunc('${period}', ${timestampOf(t)}) + to_months(CAST(${months} AS INTEGER))`)
  })
}

function startOf(period: Period): ScalarFunction {
  return (args) =>
    inPeriods(period, args, periodStart(period, datetime(args, 0), args.length > 1 ? long(args, 1) : '0'))
}

function endOf(period: Period): ScalarFunction {
  return (args) => {
    const next = periodStart(period, datetime(args, 0), args.length > 1 ? `(${long(args, 1)}) + 1` : '1')
    return inPeriods(period, args, `(${next} - 1)`)
  }
}

/** Only a shift leads out of the range, and the weeks at its ends, which are not whole. */
function inPeriods(period: Period, args: readonly Sql[], ticks: string): string {
  return args.length > 1 || period === 'week' ? inRange(ticks) : ticks
}

const makeDatetime: ScalarFunction = (args) => {
  const whole = (index: number): string => (args.length > index ? long(args, index) : '0::BIGINT')
  if (args.length === 1) return datetime(args, 0)
  return `k_make_datetime(${[0, 1, 2, 3, 4].map(whole).join(', ')}, ${args.length > 5 ? real(args, 5) : '0::DOUBLE'})`
}

const makeTimespan: ScalarFunction = (args) => {
  if (args.length === 1) return as(args, 0, 'timespan')
  const [days, rest] = args.length === 4 ? [long(args, 0), args.slice(1)] : ['0::BIGINT', args]
  const seconds = rest.length > 2 ? real(rest, 2) : '0::DOUBLE'
  return `k_make_timespan(${days}, ${long(rest, 0)}, ${long(rest, 1)}, ${seconds})`
}

/** A datetime from a count of units since 1970; null beyond year 9999. A fraction of a unit counts when the count is a real. */
function fromUnixTime(unitTicks: number): ScalarFunction {
  return (args) => {
    const value = argument(args, 0)
    const whole = value.type === 'long' || value.type === 'int'
    return bind(whole ? value.sql : real(args, 0), (x) => {
      const ticks = whole ? `${x} * ${unitTicks}::BIGINT` : `CAST(round(${x} * ${unitTicks}) AS BIGINT)`
      const inYears = `(${x}) * ${unitTicks}::DOUBLE BETWEEN -${EPOCH}::DOUBLE AND ${MAX_TICKS}::DOUBLE - ${EPOCH}::DOUBLE`
      return `CASE WHEN ${inYears} THEN ${EPOCH} + ${ticks} END`
    })
  }
}

export const DATETIME_FUNCTIONS: readonly Entry[] = [
  ['now', now],
  ['ago', fromNow('-')],
  ['datetime_add', datetimeAdd],
  ['datetime_diff', datetimeDiff],
  ['datetime_part', datetimePart],
  ['startofday', startOf('day')],
  ['startofweek', startOf('week')],
  ['startofmonth', startOf('month')],
  ['startofyear', startOf('year')],
  ['endofday', endOf('day')],
  ['endofweek', endOf('week')],
  ['endofmonth', endOf('month')],
  ['endofyear', endOf('year')],
  ['dayofweek', (args) => bind(datetime(args, 0), (t) => `(((${t}) // ${DAY} + 1) % 7 * ${DAY})`)],
  ['dayofmonth', part('day')],
  ['dayofyear', part('dayofyear')],
  ...named(['weekofyear', 'week_of_year'], part('week_of_year')),
  ['hourofday', part('hour')],
  ...named(['monthofyear', 'getmonth'], part('month')),
  ['getyear', part('year')],
  ['make_datetime', makeDatetime],
  ['make_timespan', makeTimespan],
  ['unixtime_seconds_todatetime', fromUnixTime(10_000_000)],
  ['unixtime_milliseconds_todatetime', fromUnixTime(10_000)],
  ['unixtime_microseconds_todatetime', fromUnixTime(10)],
  ['unixtime_nanoseconds_todatetime', (args) => `(${EPOCH} + ${long(args, 0)} // 100)`],
  ['datetime_utc_to_local', (args) => `k_utc_to_local(${datetime(args, 0)}, ${text(args, 1)})`],
  ['datetime_local_to_utc', (args) => `k_local_to_utc(${datetime(args, 0)}, ${text(args, 1)})`],
  ['format_datetime', (args) => textCall('k_format_datetime', datetime(args, 0), text(args, 1))],
  ['format_timespan', (args) => textCall('k_format_timespan', as(args, 0, 'timespan'), text(args, 1))],
]

import type { ScalarName } from '../lang/syntax.ts'
import { castTo, jsonElement } from './casts.ts'
import { argument, dynamic, real, type AggregateEntry } from './emit.ts'
import { notSupported, quoteText, type AggregateFunction, type CallContext, type Sql } from './sql.ts'

/** Percentile arguments as numbers: listed one by one, or as one dynamic array. */
function percents(args: readonly Sql[], call: CallContext): readonly number[] {
  return args.flatMap((arg) => {
    if (typeof arg.constant === 'number' || typeof arg.constant === 'bigint') return [Number(arg.constant)]
    const value: unknown =
      arg.type === 'dynamic' && typeof arg.constant === 'string' ? JSON.parse(arg.constant) : undefined
    if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return value
    if (arg.type === 'decimal' && typeof arg.constant === 'string') return [Number(arg.constant)]
    throw notSupported(`${call.name} with a percentile that is not a literal`)
  })
}

function checked(value: Sql, call: CallContext): Sql {
  if (['string', 'bool', 'guid', 'dynamic'].includes(value.type)) throw notSupported(`${call.name} of ${value.type}`)
  return value
}

/** Nearest rank: the smallest value that at least `percent` percent of the values do not exceed. */
function nearestRank(value: Sql, percent: number): string {
  const ordered = `list(${value.sql} ORDER BY ${value.sql}) FILTER (WHERE (${value.sql}) IS NOT NULL)`
  return `(${ordered})[greatest(1, CAST(ceil(count(${value.sql}) * ${percent}::DOUBLE / 100) AS BIGINT))]`
}

const percentiles: AggregateFunction = (args, call) => {
  const value = checked(argument(args, 0), call)
  return percents(args.slice(1), call).map((percent, index) =>
    castTo({ sql: nearestRank(value, percent), type: value.type }, resultType(value, index, call)),
  )
}

const percentilesArray: AggregateFunction = (args, call) => {
  const value = checked(argument(args, 0), call)
  const items = percents(args.slice(1), call).map((percent) =>
    jsonElement({ sql: nearestRank(value, percent), type: value.type }),
  )
  return [`CASE WHEN count(${value.sql}) > 0 THEN '[' || ${items.join(" || ',' || ")} || ']' END`]
}

/** Times take part as their ticks. */
function asNumber(value: Sql): Sql {
  if (value.type === 'datetime' || value.type === 'timespan') return { sql: value.sql, type: 'long' }
  if (value.type === 'decimal') throw notSupported('weighted percentiles of decimal')
  return value
}

function pairs(value: Sql, weight: string): string {
  const number = asNumber(value)
  const pair = `'[' || ${castTo(number, 'dynamic')} || ',' || (${weight})::VARCHAR || ']'`
  return `coalesce(string_agg(${pair}, ',') FILTER (WHERE (${value.sql}) IS NOT NULL AND (${weight}) IS NOT NULL), '')`
}

function weightedArray(value: Sql, weight: string, wanted: readonly number[]): string {
  return `k_weighted_percentiles('[' || ${pairs(value, weight)} || ']', ${quoteText(`[${wanted.join(',')}]`)})`
}

const weightedPercentiles: AggregateFunction = (args, call) => {
  const value = checked(argument(args, 0), call)
  const wanted = percents(args.slice(2), call)
  const array = weightedArray(value, real(args, 1), wanted)
  const timed = asNumber(value) !== value
  return wanted.map((_, index) =>
    castTo(
      { sql: `json_extract(${array}, '$[${index}]')::VARCHAR`, type: 'dynamic' },
      timed ? 'long' : resultType(value, index, call),
    ),
  )
}

/** Type of one percentile as the binder gave it. */
function resultType(value: Sql, index: number, call: CallContext): ScalarName {
  return call.resultColumns?.[index]?.type ?? (call.resultType === 'dynamic' ? value.type : call.resultType)
}

const weightedPercentilesArray: AggregateFunction = (args, call) => {
  const value = checked(argument(args, 0), call)
  if (asNumber(value) !== value) throw notSupported(`${call.name} of ${value.type}`)
  return [weightedArray(value, real(args, 1), percents(args.slice(2), call))]
}

const digest: AggregateFunction = (args, call) => {
  const value = checked(argument(args, 0), call)
  if (asNumber(value) !== value) throw notSupported(`${call.name} of ${value.type}`)
  return [`('["tdigest",[' || ${pairs(value, args.length > 1 ? real(args, 1) : '1')} || ']]')`]
}

const mergeDigests: AggregateFunction = (args) => [
  `k_sketch_merge_list('tdigest', '[' || coalesce(string_agg(${dynamic(args, 0)}, ','), '') || ']')`,
]

export const PERCENTILE_AGGREGATES: readonly AggregateEntry[] = [
  ['percentile', percentiles],
  ['percentiles', percentiles],
  ['percentiles_array', percentilesArray],
  ['percentilew', weightedPercentiles],
  ['percentilesw', weightedPercentiles],
  ['percentilesw_array', weightedPercentilesArray],
  ['tdigest', digest],
  ['tdigest_merge', mergeDigests],
  ['merge_tdigest', mergeDigests],
]

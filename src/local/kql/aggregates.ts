import type { ScalarName } from '../lang/syntax.ts'
import { COLLECTION_AGGREGATES } from './aggregates-collection.ts'
import { PERCENTILE_AGGREGATES } from './aggregates-percentile.ts'
import { castTo } from './casts.ts'
import { argument, as, real, result, type AggregateEntry } from './emit.ts'
import { notSupported, type AggregateFunction, type CallContext, type Sql } from './sql.ts'

type Emit = (args: readonly Sql[], call: CallContext, filter: string) => string

/** An aggregate and its `...if` form, whose predicate is the argument at `predicate`. */
function withIf(name: string, ifName: string, predicate: number, emit: Emit): readonly AggregateEntry[] {
  return [
    [name, (args, call) => [emit(args, call, '')]],
    [
      ifName,
      (args, call) => [emit(args.toSpliced(predicate, 1), call, ` FILTER (WHERE ${as(args, predicate, 'bool')})`)],
    ],
  ]
}

/** SQL of an aggregate of numbers in the result's type; times are numbers of ticks. */
function summed(sql: string, type: ScalarName): string {
  if (type === 'real') return sql
  return `CAST(${sql} AS ${type === 'decimal' ? 'DECIMAL(38,18)' : 'BIGINT'})`
}

const sum: Emit = (args, call, filter) =>
  `coalesce(${summed(`sum(${as(args, 0, call.resultType)})${filter}`, call.resultType)}, 0)`

const avg: Emit = (args, call, filter) => {
  const value = argument(args, 0)
  if (call.resultType === 'datetime' || call.resultType === 'timespan') {
    const ticks = as(args, 0, call.resultType)
    return `CAST(sum(${ticks})${filter} // nullif(count(${ticks})${filter}, 0) AS BIGINT)`
  }
  if (call.resultType === 'decimal') {
    // A quotient of decimals is a double in DuckDB; whole units of the last digit are divided instead.
    throw notSupported('avg of decimal')
  }
  return `coalesce(avg(${castTo(value, 'real')})${filter}, 'nan'::DOUBLE)`
}

function extreme(sqlName: 'min' | 'max'): Emit {
  return (args, call, filter) => {
    if (call.resultType === 'dynamic') throw notSupported(`${call.name} of dynamic values`)
    const sql = `${sqlName}(${as(args, 0, call.resultType)})${filter}`
    return call.resultType === 'string' ? `coalesce(${sql}, '')` : sql
  }
}

/** Distinct values; dynamic values are told apart by value, not by text. */
const distinctCount: Emit = (args, _call, filter) => {
  const value = argument(args, 0)
  return `count(DISTINCT ${value.type === 'dynamic' ? `k_json_canonical(${value.sql})` : value.sql})${filter}`
}

function statistic(sqlName: string): Emit {
  return (args, _call, filter) => `coalesce(${sqlName}(${real(args, 0)})${filter}, 'nan'::DOUBLE)`
}

function covariance(sqlName: string): Emit {
  return (args, _call, filter) => `coalesce(${sqlName}(${real(args, 1)}, ${real(args, 0)})${filter}, 'nan'::DOUBLE)`
}

function bits(sqlName: string): AggregateFunction {
  return (args, call) => {
    const { type } = argument(args, 0)
    if (type !== 'int' && type !== 'long') throw notSupported(`${call.name} of ${type}`)
    return [result(`${sqlName}(${as(args, 0, 'long')})`, 'long', call.resultType)]
  }
}

function record(args: readonly Sql[]): string {
  return `{${args.map((arg, index) => `'a${index}': ${arg.sql}`).join(', ')}}`
}

function first(sql: string, call: CallContext, filter: string): string {
  return `first(${sql}${call.order === undefined ? '' : ` ORDER BY ${call.order}`})${filter}`
}

// One aggregate picks the whole row, so that all columns come from the same one; DuckDB computes it once. A group whose
// values are all null still yields a row.
function argExtreme(sqlName: 'arg_max' | 'arg_min'): AggregateFunction {
  return (args, call) => {
    const value = argument(args, 0)
    if (value.type === 'dynamic') throw notSupported(`${call.name} of dynamic values`)
    const row = `coalesce(${sqlName}(${record(args)}, ${value.sql}), ${first(record(args), call, '')})`
    return args.map((arg, index) => orEmpty(`(${row}).a${index}`, arg.type))
  }
}

function orEmpty(sql: string, type: ScalarName): string {
  return type === 'string' ? `coalesce(${sql}, '')` : sql
}

// A single expression prefers a value that is not null or empty; several come from one row.
function takeAny(args: readonly Sql[], call: CallContext, filter: string): readonly string[] {
  const [only] = args
  if (args.length === 1 && only) {
    const sql = `any_value(${only.type === 'string' ? `nullif(${only.sql}, '')` : only.sql})${filter}`
    return [orEmpty(sql, only.type)]
  }
  const row = first(record(args), call, filter)
  return args.map((arg, index) => orEmpty(`(${row}).a${index}`, arg.type))
}

const takeAnyIf: AggregateFunction = (args, call) =>
  takeAny([argument(args, 0)], call, ` FILTER (WHERE ${as(args, 1, 'bool')})`)

const BASIC_AGGREGATES: readonly AggregateEntry[] = [
  [
    'count',
    (args) => {
      if (args.length > 0) throw notSupported('count with an argument')
      return ['count(*)']
    },
  ],
  ['countif', (args) => [`count(*) FILTER (WHERE ${as(args, 0, 'bool')})`]],
  ...withIf('sum', 'sumif', 1, sum),
  ...withIf('avg', 'avgif', 1, avg),
  ...withIf('min', 'minif', 1, extreme('min')),
  ...withIf('max', 'maxif', 1, extreme('max')),
  ...withIf('dcount', 'dcountif', 1, distinctCount),
  ...withIf('count_distinct', 'count_distinctif', 1, distinctCount),
  ...withIf('stdev', 'stdevif', 1, statistic('stddev_samp')),
  ...withIf('stdevp', 'stdevpif', 1, statistic('stddev_pop')),
  ...withIf('variance', 'varianceif', 1, statistic('var_samp')),
  ...withIf('variancep', 'variancepif', 1, statistic('var_pop')),
  ...withIf('covariance', 'covarianceif', 2, covariance('covar_samp')),
  ...withIf('covariancep', 'covariancepif', 2, covariance('covar_pop')),
  ['binary_all_and', bits('bit_and')],
  ['binary_all_or', bits('bit_or')],
  ['binary_all_xor', bits('bit_xor')],
  ['arg_max', argExtreme('arg_max')],
  ['arg_min', argExtreme('arg_min')],
  ['argmax', argExtreme('arg_max')],
  ['argmin', argExtreme('arg_min')],
  ['take_any', (args, call) => takeAny(args, call, '')],
  ['any', (args, call) => takeAny(args, call, '')],
  ['take_anyif', takeAnyIf],
  ['anyif', takeAnyIf],
]

/** The aggregation functions the embedded Kusto has, by name. What is not here is refused. */
export const AGGREGATES: ReadonlyMap<string, AggregateFunction> = new Map([
  ...BASIC_AGGREGATES,
  ...COLLECTION_AGGREGATES,
  ...PERCENTILE_AGGREGATES,
])

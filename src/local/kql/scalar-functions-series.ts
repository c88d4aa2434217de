import { dynamicOf } from './casts.ts'
import { argument, dynamic, type Entry } from './emit.ts'
import { notSupported, type ScalarFunction } from './sql.ts'

/** Functions of one or two series whose user function has the same name. */
const PLAIN: readonly (readonly [name: string, series: number])[] = [
  ...['add', 'subtract', 'multiply', 'divide', 'pow'].map((name) => [name, 2] as const),
  ...['equals', 'not_equals', 'greater', 'greater_equals', 'less', 'less_equals'].map((name) => [name, 2] as const),
  ...['abs', 'sign', 'acos', 'asin', 'atan', 'ceiling', 'cos', 'exp', 'floor', 'log', 'sin', 'tan'].map(
    (name) => [name, 1] as const,
  ),
  ...['sum', 'product', 'magnitude'].map((name) => [name, 1] as const),
  ...['pearson_correlation', 'cosine_similarity'].map((name) => [name, 2] as const),
]

function plain(name: string, series: number): Entry {
  const full = `series_${name}`
  const emit: ScalarFunction = (args) => {
    if (args.length !== series) throw notSupported(`${full}() with ${args.length} arguments`)
    const given = args.map((arg) => {
      if (arg.type !== 'dynamic') throw notSupported(`${full}() of a ${arg.type}`)
      return arg.sql
    })
    return `k_${full}(${given.join(', ')})`
  }
  return [full, emit]
}

/** `series_fill_*`: the last argument is what stands for a missing value, by default a null of type real. */
function fill(name: string, own: number): Entry {
  const full = `series_fill_${name}`
  const emit: ScalarFunction = (args) => {
    const placeholder = args.length > own ? dynamicOf(argument(args, own)) : 'NULL::VARCHAR'
    const given = args.slice(0, own).map((_, index) => dynamicOf(argument(args, index)))
    return `k_${full}(${[...given, placeholder].join(', ')})`
  }
  return [full, emit]
}

const stats: ScalarFunction = (args) => {
  if (args.length !== 1) throw notSupported('series_stats() with ignore_nonfinite')
  return `k_series_stats(${dynamic(args, 0)})`
}

/** The properties in the order of the columns that the binder gives. */
const statsTuple: ScalarFunction = (args, call) => {
  const names = ['min', 'min_idx', 'max', 'max_idx', 'avg', 'stdev', 'variance']
  if (call.resultColumns?.length !== names.length) throw notSupported('this series_stats()')
  const bag = stats(args, call)
  const parts = names.map((name) => `json_extract(${bag}, '$.${name}')::VARCHAR`)
  return `('[' || ${parts.join(" || ',' || ")} || ']')`
}

export const SERIES_FUNCTIONS: readonly Entry[] = [
  ...PLAIN.map(([name, series]) => plain(name, series)),
  fill('forward', 1),
  fill('backward', 1),
  fill('const', 2),
  ['series_stats_dynamic', stats],
  ['series_stats', statsTuple],
]

import { udfFailure } from '../server/local-error.ts'
import { castTo, dynamicOf, jsonElement } from './casts.ts'
import { argument, as, dynamic, long, named, result, text, type Entry } from './emit.ts'
import { bind, notSupported, quoteText, type CallContext, type ScalarFunction, type Sql } from './sql.ts'

/** SQL of a bag from pairs of a key and a value. */
function bag(pairs: readonly (readonly [key: string, value: Sql])[]): string {
  if (pairs.length === 0) return "'{}'"
  return `('{' || ${pairs.map(([key, value]) => `${key} || ${jsonElement(value)}`).join(" || ',' || ")} || '}')`
}

const bagPack: ScalarFunction = (args, call) => {
  const pairs: [string, Sql][] = []
  const seen = new Set<string>()
  for (let index = 0; index + 1 < args.length; index += 2) {
    const key = argument(args, index)
    if (typeof key.constant === 'string') {
      if (seen.has(key.constant)) throw notSupported(`${call.name} with the key ${key.constant} twice`)
      seen.add(key.constant)
      pairs.push([quoteText(`${JSON.stringify(key.constant)}:`), argument(args, index + 1)])
    } else {
      pairs.push([`to_json(${castTo(key, 'string')})::VARCHAR || ':'`, argument(args, index + 1)])
    }
  }
  const packed = bag(pairs)
  // Keys that are only known per row may repeat; reading the text back keeps one of each.
  return pairs.length > 1 && seen.size < pairs.length ? `k_json_compact(${packed})` : packed
}

const bagPackColumns: ScalarFunction = (args, call: CallContext) =>
  bag(
    args.map((value, index) => {
      const name = call.path?.(index)
      if (name === undefined) throw notSupported(`${call.name} of an expression`)
      return [quoteText(`${JSON.stringify(name)}:`), value] as const
    }),
  )

const packArray: ScalarFunction = (args) =>
  args.length === 0 ? "'[]'" : `('[' || ${args.map(jsonElement).join(" || ',' || ")} || ']')`

function sort(direction: 'asc' | 'desc'): ScalarFunction {
  return (args) => {
    const last = args.at(-1)
    const flagged = args.length > 1 && last?.type === 'bool'
    if (flagged && typeof last.constant !== 'boolean') throw notSupported('nulls_last that is not a literal')
    const nulls = flagged && last.constant === false ? 'first' : 'last'
    const arrays = (flagged ? args.slice(0, -1) : args).map((arg) => dynamicOf(arg))
    return `k_array_sort('${direction} ${nulls}', ${arrays.join(', ')})`
  }
}

const range: ScalarFunction = (args) => {
  const types = args.map((arg) => arg.type)
  const [start, stop] = [argument(args, 0), argument(args, 1)]
  if (types.includes('datetime') || types.includes('timespan')) {
    const kind = start.type === 'datetime' ? 'datetime' : 'timespan'
    const step = args.length > 2 ? as(args, 2, 'timespan') : '36000000000::BIGINT'
    return `k_range('${kind}', ${castTo(start, kind)}, ${castTo(stop, kind)}, ${step})`
  }
  if (types.includes('real') || types.includes('decimal')) {
    return `k_range_real(${castTo(start, 'real')}, ${castTo(stop, 'real')}, ${args.length > 2 ? as(args, 2, 'real') : '1::DOUBLE'})`
  }
  return `k_range('long', ${castTo(start, 'long')}, ${castTo(stop, 'long')}, ${args.length > 2 ? long(args, 2) : '1::BIGINT'})`
}

function dynamics(udfName: string): ScalarFunction {
  return (args) => `${udfName}(${args.map((arg) => dynamicOf(arg)).join(', ')})`
}

function rotate(sign: string): ScalarFunction {
  return (args) => `k_array_rotate(${dynamic(args, 0)}, ${sign}(${long(args, 1)}))`
}

function shift(sign: string): ScalarFunction {
  return (args) =>
    `k_array_shift(${dynamic(args, 0)}, ${sign}(${long(args, 1)}), ${args.length > 2 ? dynamic(args, 2) : 'NULL::VARCHAR'})`
}

const indexOf: ScalarFunction = (args) => {
  const option = (index: number, fallback: string): string =>
    args.length > index ? long(args, index) : `(${fallback})::BIGINT`
  return `k_array_index_of(${dynamic(args, 0)}, ${jsonElement(argument(args, 1))}, ${option(2, '0')}, ${option(3, '-1')}, ${option(4, '1')})`
}

const percentileOfDigest: ScalarFunction = (args, call) =>
  castTo({ sql: `k_digest_percentile(${dynamic(args, 0)}, ${as(args, 1, 'real')})`, type: 'dynamic' }, call.resultType)

const percentilesOfDigest: ScalarFunction = (args) => {
  const given = args.slice(1).filter((arg) => arg.type !== 'string')
  const [only] = given
  const wanted =
    given.length === 1 && only?.type === 'dynamic'
      ? only.sql
      : `('[' || ${given.map(jsonElement).join(" || ',' || ")} || ']')`
  return `k_digest_percentiles(${dynamic(args, 0)}, ${wanted})`
}

const UNSIZED = `error(${quoteText(udfFailure('', notSupported('estimate_data_size() of nulls and of other text than ASCII')))})`

/** Bytes of the values: a long has eight, a string one for each character of ASCII. */
const dataSize: ScalarFunction = (args, call) => {
  const sizes = args.map((value) => {
    if (value.type === 'long') return `CASE WHEN ${value.sql} IS NULL THEN ${UNSIZED} ELSE 8 END`
    if (value.type === 'string') {
      return bind(value.sql, (x) => `CASE WHEN strlen(${x}) > length(${x}) THEN ${UNSIZED} ELSE strlen(${x}) END`)
    }
    throw notSupported(`${call.name} of a ${value.type}`, 'its size is not documented')
  })
  return `(${sizes.join(' + ')})::BIGINT`
}

export const DYNAMIC_FUNCTIONS: readonly Entry[] = [
  ...named(['bag_pack', 'pack', 'pack_dictionary'], bagPack),
  ['bag_pack_columns', bagPackColumns],
  ['pack_array', packArray],
  [
    'array_length',
    (args) =>
      bind(
        dynamic(args, 0),
        (d) => `CASE WHEN starts_with(${d}, '[') THEN CAST(json_array_length(${d}) AS BIGINT) END`,
      ),
  ],
  ['array_concat', dynamics('k_array_concat')],
  ['array_iff', dynamics('k_array_iff')],
  ['array_iif', dynamics('k_array_iff')],
  ['array_index_of', indexOf],
  ['array_reverse', dynamics('k_array_reverse')],
  ['array_rotate_left', rotate('')],
  ['array_rotate_right', rotate('-')],
  ['array_shift_left', shift('')],
  ['array_shift_right', shift('-')],
  ['array_slice', (args) => `k_array_slice(${dynamic(args, 0)}, ${long(args, 1)}, ${long(args, 2)})`],
  ['array_sort_asc', sort('asc')],
  ['array_sort_desc', sort('desc')],
  ['array_split', dynamics('k_array_split')],
  ['array_sum', (args, call) => result(`k_array_sum(${dynamic(args, 0)})`, 'real', call.resultType)],
  ['zip', dynamics('k_zip')],
  ['set_union', dynamics('k_set_union')],
  ['set_intersect', dynamics('k_set_intersect')],
  ['set_difference', dynamics('k_set_difference')],
  ['set_has_element', (args) => `k_set_has(${dynamic(args, 0)}, ${dynamicOf(argument(args, 1))})`],
  [
    'jaccard_index',
    (args, call) => result(`k_jaccard(${dynamic(args, 0)}, ${dynamic(args, 1)})`, 'real', call.resultType),
  ],
  ['bag_keys', dynamics('k_bag_keys')],
  ['bag_has_key', (args) => `k_bag_has_key(${dynamic(args, 0)}, ${text(args, 1)})`],
  ['bag_merge', dynamics('k_bag_merge')],
  ['bag_remove_keys', dynamics('k_bag_remove_keys')],
  ['bag_set_key', (args) => `k_bag_set_key(${dynamic(args, 0)}, ${text(args, 1)}, ${dynamicOf(argument(args, 2))})`],
  ['bag_zip', dynamics('k_bag_zip')],
  ['treepath', dynamics('k_treepath')],
  ['range', range],
  ['repeat', (args) => `k_repeat(${dynamicOf(argument(args, 0))}, ${long(args, 1)})`],
  ['percentile_tdigest', percentileOfDigest],
  ...named(['percentile_array_tdigest', 'percentiles_array_tdigest'], percentilesOfDigest),
  ...named(['merge_tdigest', 'tdigest_merge'], dynamics('k_digest_merge')),
  ['dcount_hll', (args) => `k_hll_count(${dynamic(args, 0)})`],
  ['hll_merge', dynamics('k_hll_merge')],
  ['estimate_data_size', dataSize],
  ['series_dot_product', (args) => `k_series_dot(${dynamic(args, 0)}, ${dynamic(args, 1)})`],
]

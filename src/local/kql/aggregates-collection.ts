import { dynamicOf, jsonElement } from './casts.ts'
import { argument, as, dynamic, type AggregateEntry } from './emit.ts'
import { notSupported, type CallContext, type Sql } from './sql.ts'

/** Elements that make_list and make_set keep when no maximum is given. */
const DEFAULT_MAXIMUM = 1_048_576

interface Collection {
  readonly value: Sql
  /** SQL condition of the `..._if` form. */
  readonly condition: string | undefined
  readonly maximum: number
}

function collection(args: readonly Sql[], conditional: boolean, call: CallContext): Collection {
  const limit = args[conditional ? 2 : 1]
  if (limit && typeof limit.constant !== 'bigint' && typeof limit.constant !== 'number') {
    throw notSupported(`a maximum size of ${call.name} that is not a literal`)
  }
  return {
    value: argument(args, 0),
    condition: conditional ? as(args, 1, 'bool') : undefined,
    maximum: limit ? Math.min(Number(limit.constant), DEFAULT_MAXIMUM) : DEFAULT_MAXIMUM,
  }
}

function filter(...conditions: readonly (string | undefined)[]): string {
  const given = conditions.filter((condition) => condition !== undefined)
  return given.length === 0 ? '' : ` FILTER (WHERE ${given.join(' AND ')})`
}

function known(value: Sql): string | undefined {
  return value.type === 'string' ? undefined : `(${value.sql}) IS NOT NULL`
}

function inOrder(call: CallContext): string {
  return call.order === undefined ? '' : ` ORDER BY ${call.order}`
}

/** JSON array of the elements an aggregate collects. */
function jsonArray(element: string, order: string, where: string, maximum: number): string {
  const joined =
    maximum === DEFAULT_MAXIMUM
      ? `string_agg(${element}, ','${order})${where}`
      : `array_to_string(list_slice(list(${element}${order})${where}, 1, ${maximum}), ',')`
  return `('[' || coalesce(${joined}, '') || ']')`
}

function makeList(conditional: boolean): AggregateEntry[1] {
  return (args, call) => {
    const { value, condition, maximum } = collection(args, conditional, call)
    return [jsonArray(jsonElement(value), inOrder(call), filter(known(value), condition), maximum)]
  }
}

const makeListWithNulls: AggregateEntry[1] = (args, call) => [
  jsonArray(jsonElement(argument(args, 0)), inOrder(call), '', DEFAULT_MAXIMUM),
]

// The elements of an array count one by one, which only the value itself can tell.
function makeSet(conditional: boolean): AggregateEntry[1] {
  return (args, call) => {
    const { value, condition, maximum } = collection(args, conditional, call)
    const where = filter(known(value), condition)
    if (value.type === 'dynamic') {
      return [
        `k_set_distinct(${jsonArray(dynamicOf(value), inOrder(call), where, DEFAULT_MAXIMUM)}, ${maximum}::BIGINT)`,
      ]
    }
    const element = jsonElement(value)
    return [jsonArray(`DISTINCT ${element}`, ` ORDER BY ${element}`, where, maximum)]
  }
}

function makeBag(conditional: boolean): AggregateEntry[1] {
  return (args, call) => {
    const { value, condition, maximum } = collection(args, conditional, call)
    const bags = jsonArray(dynamicOf(value), inOrder(call), filter(known(value), condition), DEFAULT_MAXIMUM)
    return [`k_bag_merge_list(${bags}, ${maximum}::BIGINT)`]
  }
}

function hll(conditional: boolean): AggregateEntry[1] {
  return (args) => {
    const value = argument(args, 0)
    const element = value.type === 'dynamic' ? `k_json_canonical(${value.sql})` : jsonElement(value)
    const where = filter(known(value), conditional ? as(args, 1, 'bool') : undefined)
    return [`('["hll",' || ${jsonArray(`DISTINCT ${element}`, ` ORDER BY ${element}`, where, DEFAULT_MAXIMUM)} || ']')`]
  }
}

export const COLLECTION_AGGREGATES: readonly AggregateEntry[] = [
  ['make_list', makeList(false)],
  ['make_list_if', makeList(true)],
  ['make_list_with_nulls', makeListWithNulls],
  ['make_set', makeSet(false)],
  ['make_set_if', makeSet(true)],
  ['make_bag', makeBag(false)],
  ['make_bag_if', makeBag(true)],
  ['make_dictionary', makeBag(false)],
  ['hll', hll(false)],
  ['hll_if', hll(true)],
  [
    'hll_merge',
    (args) => [
      `k_sketch_merge_list('hll', ${jsonArray(dynamic(args, 0), '', filter(known(argument(args, 0))), DEFAULT_MAXIMUM)})`,
    ],
  ],
  [
    'buildschema',
    (args) => [`k_build_schema(${jsonArray(dynamic(args, 0), '', filter(known(argument(args, 0))), DEFAULT_MAXIMUM)})`],
  ],
]

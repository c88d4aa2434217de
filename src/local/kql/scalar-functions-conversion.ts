import type { ScalarName } from '../lang/syntax.ts'
import { castTo, dynamicFromText, dynamicOf } from './casts.ts'
import { argument, as, named, text, type Entry } from './emit.ts'
import { bind, notSupported, quoteText, type ScalarFunction, type Sql } from './sql.ts'

function conversion(type: ScalarName): ScalarFunction {
  return (args) => as(args, 0, type)
}

const parseJson: ScalarFunction = (args) => {
  const value = argument(args, 0)
  return value.type === 'string' ? dynamicFromText(value.sql) : dynamicOf(value)
}

const typeName: ScalarFunction = (args) => {
  const value = argument(args, 0)
  return value.type === 'dynamic' ? `k_gettype(${value.sql})` : quoteText(value.type)
}

const choose: ScalarFunction = (args, call) => {
  const branch = (index: number): string => castTo(argument(args, index), call.resultType)
  return `CASE WHEN ${as(args, 0, 'bool')} THEN ${branch(1)} ELSE ${branch(2)} END`
}

const cases: ScalarFunction = (args, call) => {
  const last = args.length - 1
  const branches: string[] = []
  for (let index = 0; index + 1 <= last; index += 2) {
    branches.push(`WHEN ${as(args, index, 'bool')} THEN ${castTo(argument(args, index + 1), call.resultType)}`)
  }
  return `CASE ${branches.join(' ')} ELSE ${castTo(argument(args, last), call.resultType)} END`
}

const coalesce: ScalarFunction = (args, call) => {
  const values = args.map((arg) => castTo(arg, call.resultType))
  return call.resultType === 'string'
    ? `coalesce(${values.map((value) => `nullif(${value}, '')`).join(', ')}, '')`
    : `coalesce(${values.join(', ')})`
}

function isNullSql(value: Sql): string {
  return value.type === 'string' ? 'false' : `((${value.sql}) IS NULL)`
}

function isEmptySql(value: Sql): string {
  if (value.type === 'string') return `((${value.sql}) = '')`
  return value.type === 'dynamic' ? bind(value.sql, (d) => `(${d} IS NULL OR ${d} = '""')`) : isNullSql(value)
}

const assertion: ScalarFunction = (args) =>
  `CASE WHEN ${as(args, 0, 'bool')} THEN true ELSE error('assert() has failed with message: ' || ${text(args, 1)}) END`

export const CONVERSION_FUNCTIONS: readonly Entry[] = [
  ...named(['tobool', 'toboolean'], conversion('bool')),
  ['toint', conversion('int')],
  ['tolong', conversion('long')],
  ...named(['toreal', 'todouble'], conversion('real')),
  ['todecimal', conversion('decimal')],
  ['tostring', conversion('string')],
  ['todatetime', conversion('datetime')],
  ...named(['totimespan', 'totime'], conversion('timespan')),
  ['toguid', conversion('guid')],
  ...named(['parse_json', 'parsejson', 'todynamic', 'toobject'], parseJson),
  ['dynamic_to_json', (args) => `coalesce(k_sorted_json(${as(args, 0, 'dynamic')}), 'null')`],
  ['gettype', typeName],
  ...named(['iff', 'iif'], choose),
  ['case', cases],
  ['coalesce', coalesce],
  ['isnull', (args) => isNullSql(argument(args, 0))],
  ...named(['isnotnull', 'notnull'], (args) => `(NOT ${isNullSql(argument(args, 0))})`),
  ['isempty', (args) => isEmptySql(argument(args, 0))],
  ...named(['isnotempty', 'notempty'], (args) => `(NOT ${isEmptySql(argument(args, 0))})`),
  ['not', (args) => `(NOT ${as(args, 0, 'bool')})`],
  ['assert', assertion],
  ['new_guid', () => 'uuid()'],
  ['estimate_data_size', estimateSize],
]

function estimateSize(args: readonly Sql[]): string {
  if (args.length === 0) throw notSupported('estimate_data_size of *')
  return `CAST(${args.map(dataSize).join(' + ')} AS BIGINT)`
}

const FIXED_SIZES: Readonly<Partial<Record<ScalarName, number>>> = {
  bool: 1,
  int: 4,
  long: 8,
  real: 8,
  datetime: 8,
  timespan: 8,
  guid: 16,
  decimal: 16,
}

function dataSize(value: Sql): string {
  if (value.type === 'string') return `strlen(${value.sql})`
  const size = FIXED_SIZES[value.type]
  if (size === undefined) throw notSupported(`estimate_data_size of ${value.type}`)
  return String(size)
}

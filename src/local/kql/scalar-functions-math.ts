import type { ScalarName } from '../lang/syntax.ts'
import { castTo, commonType } from './casts.ts'
import { argument, as, long, named, real, result, type Entry } from './emit.ts'
import { bind, notSupported, type CallContext, type ScalarFunction, type Sql } from './sql.ts'

const NAN = "'nan'::DOUBLE"

/** A function of one real that DuckDB has under the same meaning for every argument. */
function plain(sqlName: string): ScalarFunction {
  return (args) => `${sqlName}(${real(args, 0)})`
}

/** A function of one real that Kusto leaves null outside its domain, where DuckDB raises an error. */
function within(condition: (x: string) => string, body: (x: string) => string): ScalarFunction {
  return (args) => bind(real(args, 0), (x) => `CASE WHEN ${condition(x)} THEN ${body(x)} END`)
}

/** A logarithm: null below zero, minus infinity at zero. */
function logarithm(sqlName: string): ScalarFunction {
  return (args) =>
    bind(
      real(args, 0),
      (x) =>
        `CASE WHEN isnan(${x}) THEN ${x} WHEN ${x} > 0 THEN ${sqlName}(${x}) WHEN ${x} = 0 THEN '-inf'::DOUBLE END`,
    )
}

const abs: ScalarFunction = (args, call) => `abs(${as(args, 0, call.resultType)})`

const round: ScalarFunction = (args, call) => {
  const precision = args.length > 1 ? `, CAST(${long(args, 1)} AS INTEGER)` : ''
  const value = argument(args, 0)
  const type = value.type === 'decimal' ? 'decimal' : 'real'
  return result(
    `round(${castTo(value, type)}${type === 'decimal' && precision === '' ? ', 0' : precision})`,
    type,
    call.resultType,
  )
}

const floor: ScalarFunction = (args, call) => {
  if (args.length > 1) return bin(args, call)
  const value = argument(args, 0)
  return result(
    `floor(${value.type === 'decimal' ? value.sql : real(args, 0)})`,
    value.type === 'decimal' ? 'decimal' : 'real',
    call.resultType,
  )
}

const ceiling: ScalarFunction = (args, call) => {
  const value = argument(args, 0)
  const type = value.type === 'decimal' ? 'decimal' : 'real'
  return result(`ceil(${castTo(value, type)})`, type, call.resultType)
}

/** Start of the bin of a value: bins are `size` wide and one of them starts at `origin`. */
function binStart(value: string, size: string, origin: string | undefined, type: ScalarName): string {
  const shifted = origin === undefined ? value : `(${value} - ${origin})`
  const back = origin === undefined ? '' : ` + ${origin}`
  const start =
    type === 'real'
      ? `floor(${shifted} / ${size}) * ${size}`
      : `${shifted} - (((${shifted} % ${size}) + ${size}) % ${size})`
  return `CASE WHEN ${size} > 0 THEN ${start}${back} END`
}

/** Type in which a bin is computed: ticks for times, else the wider of value and size. */
function binType(value: Sql, size: Sql): ScalarName {
  if (value.type === 'datetime' || value.type === 'timespan') return 'timespan'
  if (value.type === 'real' || size.type === 'real' || value.type === 'dynamic') return 'real'
  return value.type === 'decimal' || size.type === 'decimal' ? 'decimal' : 'long'
}

function binOperand(value: Sql, type: ScalarName): string {
  return type === 'timespan' && (value.type === 'datetime' || value.type === 'timespan')
    ? value.sql
    : castTo(value, type)
}

export const bin: ScalarFunction = (args, call) => {
  const [value, size] = [argument(args, 0), argument(args, 1)]
  const type = binType(value, size)
  const sql = bind(binOperand(value, type), (x) =>
    bind(binOperand(size, type), (n) => binStart(`(${x})`, `(${n})`, undefined, type)),
  )
  return type === 'timespan'
    ? sql
    : result(type === 'decimal' ? `CAST(${sql} AS DECIMAL(38,18))` : sql, type, call.resultType)
}

/** `bin_at(value, size, fixed point)`. */
export const binAt: ScalarFunction = (args, call) => {
  const [value, size, origin] = [argument(args, 0), argument(args, 1), argument(args, 2)]
  const type = binType(value, size)
  const sql = bind(binOperand(value, type), (x) =>
    bind(binOperand(size, type), (n) =>
      bind(binOperand(origin, type), (o) => binStart(`(${x})`, `(${n})`, `(${o})`, type)),
    ),
  )
  return type === 'timespan'
    ? sql
    : result(type === 'decimal' ? `CAST(${sql} AS DECIMAL(38,18))` : sql, type, call.resultType)
}

/** The least or greatest of the values that are not null. */
function extreme(sqlName: 'least' | 'greatest'): ScalarFunction {
  return (args, call) => {
    if (call.resultType === 'dynamic') throw notSupported(`${call.name} of dynamic values`)
    return `${sqlName}(${args.map((arg) => castTo(arg, call.resultType)).join(', ')})`
  }
}

/** Whether a value lies within a distance of a centre. */
const around: ScalarFunction = (args) => {
  const [value, center] = [argument(args, 0), argument(args, 1)]
  const type = commonType(value.type, center.type)
  const distance = as(args, 2, type === 'datetime' ? 'timespan' : type)
  return bind(castTo(value, type), (x) =>
    bind(castTo(center, type), (c) => `(${x} >= ${c} - ${distance} AND ${x} <= ${c} + ${distance})`),
  )
}

const rand: ScalarFunction = (args, call) =>
  result(args.length === 0 ? 'random()' : `floor(random() * (${real(args, 0)}))`, 'real', call.resultType)

const sign: ScalarFunction = (args, call: CallContext) =>
  result(`CAST(sign(${real(args, 0)}) AS DOUBLE)`, 'real', call.resultType)

/** Shifts wrap the distance at 64 bits, as the processor does; DuckDB raises an error on overflow. */
function shift(direction: 'left' | 'right'): ScalarFunction {
  return (args) => `k_shift_${direction}(${long(args, 0)}, ${long(args, 1)})`
}

export const MATH_FUNCTIONS: readonly Entry[] = [
  ['abs', abs],
  [
    'acos',
    within(
      (x) => `abs(${x}) <= 1`,
      (x) => `acos(${x})`,
    ),
  ],
  [
    'asin',
    within(
      (x) => `abs(${x}) <= 1`,
      (x) => `asin(${x})`,
    ),
  ],
  ['atan', plain('atan')],
  ['atan2', (args) => `atan2(${real(args, 0)}, ${real(args, 1)})`],
  [
    'cos',
    within(
      (x) => `isfinite(${x})`,
      (x) => `cos(${x})`,
    ),
  ],
  [
    'sin',
    within(
      (x) => `isfinite(${x})`,
      (x) => `sin(${x})`,
    ),
  ],
  [
    'tan',
    within(
      (x) => `isfinite(${x})`,
      (x) => `tan(${x})`,
    ),
  ],
  [
    'cot',
    within(
      (x) => `isfinite(${x})`,
      (x) => `(1.0::DOUBLE / tan(${x}))`,
    ),
  ],
  ['exp', plain('exp')],
  ['exp2', (args) => `pow(2.0::DOUBLE, ${real(args, 0)})`],
  ['exp10', (args) => `pow(10.0::DOUBLE, ${real(args, 0)})`],
  ['pow', (args) => `k_pow(${real(args, 0)}, ${real(args, 1)})`],
  [
    'sqrt',
    within(
      (x) => `${x} >= 0`,
      (x) => `sqrt(${x})`,
    ),
  ],
  ['log', logarithm('ln')],
  ['log2', logarithm('log2')],
  ['log10', logarithm('log10')],
  ['pi', () => 'pi()'],
  ['degrees', plain('degrees')],
  ['radians', plain('radians')],
  ['sign', sign],
  ['round', round],
  ['floor', floor],
  ['bin', bin],
  ['bin_at', binAt],
  ...named(['ceiling'], ceiling),
  ['min_of', extreme('least')],
  ['max_of', extreme('greatest')],
  ['around', around],
  ['rand', rand],
  ['welch_test', (args) => `k_welch(${args.map((_, index) => real(args, index)).join(', ')})`],
  [
    'gamma',
    within(
      () => 'true',
      (x) => `CASE WHEN ${x} <= 0 AND ${x} = floor(${x}) THEN ${NAN} ELSE gamma(${x}) END`,
    ),
  ],
  [
    'loggamma',
    within(
      () => 'true',
      (x) => `CASE WHEN ${x} <= 0 AND ${x} = floor(${x}) THEN 'inf'::DOUBLE ELSE lgamma(${x}) END`,
    ),
  ],
  ['erf', plain('k_erf')],
  ['erfc', plain('k_erfc')],
  ['beta_cdf', (args) => `k_beta_cdf(${real(args, 0)}, ${real(args, 1)}, ${real(args, 2)})`],
  ['beta_inv', (args) => `k_beta_inv(${real(args, 0)}, ${real(args, 1)}, ${real(args, 2)})`],
  ['beta_pdf', (args) => `k_beta_pdf(${real(args, 0)}, ${real(args, 1)}, ${real(args, 2)})`],
  ['isnan', (args) => `coalesce(isnan(${real(args, 0)}), false)`],
  ['isinf', (args) => `coalesce(isinf(${real(args, 0)}), false)`],
  ['isfinite', (args) => `coalesce(isfinite(${real(args, 0)}), false)`],
  ['binary_and', (args) => `(${long(args, 0)} & ${long(args, 1)})`],
  ['binary_or', (args) => `(${long(args, 0)} | ${long(args, 1)})`],
  ['binary_xor', (args) => `xor(${long(args, 0)}, ${long(args, 1)})`],
  ['binary_not', (args) => `(~(${long(args, 0)}))`],
  ['binary_shift_left', shift('left')],
  ['binary_shift_right', shift('right')],
  ['bitset_count_ones', (args) => `CAST(bit_count(${long(args, 0)}) AS BIGINT)`],
  ['convert_angle', convert('angle')],
  ['convert_energy', convert('energy')],
  ['convert_force', convert('force')],
  ['convert_length', convert('length')],
  ['convert_mass', convert('mass')],
  ['convert_speed', convert('speed')],
  ['convert_temperature', convert('temperature')],
  ['convert_volume', convert('volume')],
]

function convert(quantity: string): ScalarFunction {
  return (args) => `k_convert('${quantity}', ${real(args, 0)}, ${as(args, 1, 'string')}, ${as(args, 2, 'string')})`
}

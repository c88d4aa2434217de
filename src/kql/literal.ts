import { KustoUsageError } from '../errors.ts'
import {
  formatDatetime,
  formatTimespan,
  MAX_DATETIME_TICKS,
  MAX_TIMESPAN_TICKS,
  MIN_TIMESPAN_TICKS,
} from '../base/ticks.ts'
import { quoteText } from './quote-text.ts'

/** The ten scalar types of Kusto. */
export type KustoScalarType =
  | 'bool'
  | 'int'
  | 'long'
  | 'real'
  | 'decimal'
  | 'string'
  | 'datetime'
  | 'timespan'
  | 'guid'
  | 'dynamic'

/**
 * A Kusto value in JavaScript: bool boolean; int number; long bigint; real number; decimal its text; datetime and
 * timespan bigint ticks; guid its text; string string; dynamic JSON text; any of them null, except string.
 */
export type KustoValue = boolean | number | bigint | string | null

type Write = (value: KustoValue) => string | undefined

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** What stands between the parentheses of `type(...)`; undefined for a value that is not of the type. */
const BODIES: Readonly<Record<Exclude<KustoScalarType, 'string'>, Write>> = {
  bool: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  int: (value) =>
    typeof value === 'number' && Number.isInteger(value) && value === (value | 0) ? String(value | 0) : undefined,
  long: (value) =>
    typeof value === 'bigint' && value >= INT64_MIN && value <= INT64_MAX
      ? String(value)
      : typeof value === 'number' && Number.isSafeInteger(value)
        ? BigInt(value).toString()
        : undefined,
  real: (value) => (typeof value === 'number' ? realBody(value) : undefined),
  decimal: (value) => (typeof value === 'string' && DECIMAL.test(value) ? value : undefined),
  datetime: (value) =>
    typeof value === 'bigint' && value >= 0n && value <= MAX_DATETIME_TICKS ? formatDatetime(value) : undefined,
  timespan: (value) =>
    typeof value === 'bigint' && value >= MIN_TIMESPAN_TICKS && value <= MAX_TIMESPAN_TICKS
      ? formatTimespan(value)
      : undefined,
  guid: (value) => (typeof value === 'string' && GUID.test(value) ? value.toLowerCase() : undefined),
  dynamic: (value) => (typeof value === 'string' ? dynamicBody(value) : undefined),
}

/**
 * The text of a literal, always with its type written out: `long(5)`, `datetime(...Z)`, `real(nan)`, `int(null)`.
 * @throws {KustoUsageError} KUSTO_BAD_LITERAL when the value is not of the type, or null for string, which has no null
 */
export function formatLiteral(value: KustoValue, type: KustoScalarType): string {
  if (type === 'string') {
    if (typeof value === 'string') return quoteText(value)
    throw badLiteral(value, type)
  }
  const body = value === null ? 'null' : BODIES[type](value)
  if (body === undefined) throw badLiteral(value, type)
  return `${type}(${body})`
}

function realBody(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (value === Infinity) return '+inf'
  if (value === -Infinity) return '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** JSON as it may stand in `dynamic(...)`, whose strings know fewer escapes than JSON's. */
function dynamicBody(json: string): string | undefined {
  try {
    JSON.parse(json)
  } catch {
    return undefined
  }
  return json.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, (quoted) => quoteText(JSON.parse(quoted) as string))
}

function badLiteral(value: KustoValue, type: KustoScalarType): KustoUsageError {
  const found =
    value === null ? 'null' : typeof value === 'string' ? 'a text that is not one' : `${typeof value} ${value}`
  return new KustoUsageError('KUSTO_BAD_LITERAL', `expected a value of type ${type}, found ${found}`)
}

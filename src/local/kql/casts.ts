import { udfFailure } from '../server/local-error.ts'
import type { ScalarName } from '../lang/syntax.ts'
import { bind, notSupported, quoteText, SQL_TYPES, type Sql } from './sql.ts'
import { MAX_DATETIME_TICKS } from './types.ts'

/** Microseconds from 0001-01-01 to 1970-01-01, for `make_timestamp`. */
const EPOCH_MICROSECONDS = '62135596800000000'
const TICKS_PER_DAY = '864000000000'

const NO_DATETIME = quoteText(udfFailure('', notSupported('a datetime outside of the years 1 to 9999')))

/** SQL of ticks that may have left the range of datetime, which is an error. */
export function checkedDatetime(ticks: string): string {
  return bind(
    ticks,
    (t) => `CASE WHEN ${t} NOT BETWEEN 0 AND ${MAX_DATETIME_TICKS} THEN error(${NO_DATETIME}) ELSE ${t} END`,
  )
}

/** SQL of a DuckDB TIMESTAMP (microseconds) for ticks; the seventh digit is cut. */
export function timestampOf(ticks: string): string {
  return `make_timestamp((${ticks}) // 10 - ${EPOCH_MICROSECONDS})`
}

/** SQL of ticks for a DuckDB TIMESTAMP. */
export function ticksOfTimestamp(timestamp: string): string {
  return `((epoch_us(${timestamp}) + ${EPOCH_MICROSECONDS}) * 10)`
}

/** SQL of the value converted by Kusto's rules; what cannot be converted becomes null (the empty string for string). */
export function castTo(value: Sql, type: ScalarName): string {
  if (value.type === type) return value.sql
  if (value.constant === null) return type === 'string' ? "''" : `NULL::${SQL_TYPES[type]}`
  if (type === 'string') return textOf(value)
  if (type === 'dynamic') return dynamicOf(value)
  if (value.type === 'string') return fromText(value.sql, type)
  if (value.type === 'dynamic') return fromDynamic(value.sql, type)
  return fromScalar(value, type)
}

function textOf(value: Sql): string {
  return value.type === 'dynamic' ? dynamicText(value.sql) : `coalesce(${textOrNull(value)}, '')`
}

/** SQL of the text of a dynamic: a string value without its quotes, anything else as JSON, null as the empty string. */
export function dynamicText(sql: string): string {
  return bind(
    sql,
    (d) => `CASE WHEN starts_with(${d}, '"') THEN json_extract_string(${d}, '$') ELSE coalesce(${d}, '') END`,
  )
}

function textOrNull({ sql, type }: Sql): string {
  if (type === 'datetime') return bind(sql, datetimeText)
  if (type === 'timespan') return bind(sql, timespanText)
  if (type === 'real') return bind(sql, realText)
  // The number of a version has no fraction to cut.
  if (type === 'decimal') return `regexp_replace((${sql})::VARCHAR, '\\.0*$|(\\.[0-9]*[1-9])0+$', '\\1')`
  return `(${sql})::VARCHAR`
}

function realText(x: string): string {
  const special = `WHEN isnan(${x}) THEN 'NaN' WHEN ${x} > 0 THEN 'Infinity' WHEN ${x} < 0 THEN '-Infinity'`
  return `CASE WHEN isfinite(${x}) THEN (${x})::VARCHAR ${special} END`
}

function datetimeText(ticks: string): string {
  return `(strftime(${timestampOf(ticks)}, '%Y-%m-%dT%H:%M:%S.%f') || ((${ticks}) % 10)::VARCHAR || 'Z')`
}

function timespanText(ticks: string): string {
  const size = `abs(${ticks})`
  const two = (unit: string, wrap: string): string => `lpad(((${size} // ${unit}) % ${wrap})::VARCHAR, 2, '0')`
  return (
    `(CASE WHEN ${ticks} < 0 THEN '-' ELSE '' END` +
    ` || CASE WHEN ${size} >= ${TICKS_PER_DAY} THEN (${size} // ${TICKS_PER_DAY})::VARCHAR || '.' ELSE '' END` +
    ` || ${two('36000000000', '24')} || ':' || ${two('600000000', '60')} || ':' || ${two('10000000', '60')}` +
    ` || CASE WHEN ${size} % 10000000 <> 0 THEN '.' || lpad((${size} % 10000000)::VARCHAR, 7, '0') ELSE '' END)`
  )
}

/** SQL of the value as dynamic (JSON text, NULL for null); types that JSON lacks become their text. */
export function dynamicOf(value: Sql): string {
  if (value.type === 'dynamic') return value.sql
  if (value.constant === null) return 'NULL::VARCHAR'
  if (value.type === 'string') return `to_json((${value.sql})::VARCHAR)::VARCHAR`
  if (value.type === 'bool' || value.type === 'int' || value.type === 'long') return `(${value.sql})::VARCHAR`
  if (value.type === 'real') {
    return bind(value.sql, (x) => `CASE WHEN isfinite(${x}) THEN (${x})::VARCHAR ELSE '"' || ${realText(x)} || '"' END`)
  }
  return `('"' || ${textOrNull(value)} || '"')`
}

/** SQL of the value as an element of a JSON array or bag, where null is written out. */
export function jsonElement(value: Sql): string {
  if (value.type === 'string') return dynamicOf(value)
  return `coalesce(${dynamicOf(value)}, 'null')`
}

/** SQL of the dynamic value of a text, as parse_json reads it: JSON made compact, other text as a string value. */
export function dynamicFromText(sql: string): string {
  return bind(
    sql,
    (x) =>
      `CASE WHEN trim(${x}) IN ('', 'null') THEN NULL WHEN NOT json_valid(${x}) THEN to_json((${x})::VARCHAR)::VARCHAR` +
      // Most JSON comes without blanks and needs no rewriting. DuckDB also takes what JSON does not have: a comma at
      // the end, NaN and Infinity.
      ` WHEN regexp_matches(${x}, '[ \\t\\r\\n]|,[\\]}]|[nN][aA][nN]|[iI][nN][fF]') THEN k_parse_json(${x}) ELSE ${x} END`,
  )
}

function fromText(sql: string, type: Exclude<ScalarName, 'string' | 'dynamic'>): string {
  switch (type) {
    case 'bool':
      return bind(
        sql,
        (x) =>
          `CASE lower(trim(${x})) WHEN 'true' THEN true WHEN 'false' THEN false ELSE (${longFromText(x, 'BIGINT')}) <> 0 END`,
      )
    case 'int':
      return bind(sql, (x) => longFromText(x, 'INTEGER'))
    case 'long':
      return bind(sql, (x) => longFromText(x, 'BIGINT'))
    case 'real':
      return bind(sql, (x) => `CASE WHEN contains(${x}, '_') THEN NULL ELSE TRY_CAST(${x} AS DOUBLE) END`)
    case 'decimal':
      return bind(sql, (x) => `CASE WHEN contains(${x}, '_') THEN NULL ELSE TRY_CAST(${x} AS DECIMAL(38,18)) END`)
    case 'datetime':
      return bind(sql, datetimeFromText)
    case 'timespan':
      return `k_parse_timespan(${sql})`
    case 'guid':
      return bind(
        sql,
        (x) =>
          `CASE WHEN regexp_matches(${x}, '^\\s*\\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}') THEN TRY_CAST(left(replace(replace(trim(${x}), '-', ''), '{', ''), 32) AS UUID) END`,
      )
  }
}

function longFromText(x: string, sqlType: string): string {
  return `CASE WHEN regexp_full_match(${x}, '\\s*([+-]?[0-9]+|0[xX][0-9a-fA-F]+)\\s*') THEN TRY_CAST(trim(${x}, ' +\t\r\n') AS ${sqlType}) END`
}

// Kusto's own form with seven digits is read fastest, the usual forms by DuckDB too, everything else by the (slow) user
// function.
function datetimeFromText(x: string): string {
  const microseconds = `TRY_CAST(left(${x}, 26) AS TIMESTAMP)`
  const seventh = `TRY_CAST(substr(${x}, 27, 1) AS BIGINT)`
  return (
    `coalesce(CASE WHEN length(${x}) = 28 AND ends_with(${x}, 'Z') AND substr(${x}, 20, 1) = '.' AND ${readAlike(x)}` +
    ` THEN ${ticksOfTimestamp(microseconds)} + ${seventh} END, ${anyDatetimeFromText(x)})`
  )
}

/** There is no year 0 and no hour 24, which DuckDB reads. */
function readAlike(x: string): string {
  return `NOT starts_with(${x}, '0000') AND substr(${x}, 12, 2) <> '24'`
}

function anyDatetimeFromText(x: string): string {
  const fraction = `CAST(rpad(regexp_extract(${x}, '\\.([0-9]+)', 1), 7, '0') AS BIGINT)`
  return (
    `CASE WHEN regexp_full_match(${x}, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,7})?Z?') AND ${readAlike(x)}` +
    ` THEN ${ticksOfTimestamp(`TRY_CAST(left(${x}, 19) AS TIMESTAMP)`)} + ${fraction} ELSE k_parse_datetime(${x}) END`
  )
}

function fromDynamic(sql: string, type: Exclude<ScalarName, 'string' | 'dynamic'>): string {
  return bind(sql, (d) => {
    const text = fromText(`json_extract_string(${d}, '$')`, type)
    return `CASE WHEN starts_with(${d}, '"') THEN ${text} ELSE ${fromJsonScalar(d, type)} END`
  })
}

function fromJsonScalar(d: string, type: Exclude<ScalarName, 'string' | 'dynamic'>): string {
  switch (type) {
    case 'bool':
      return `CASE ${d} WHEN 'true' THEN true WHEN 'false' THEN false ELSE TRY_CAST(${d} AS DOUBLE) <> 0 END`
    case 'int':
    case 'long': {
      const sqlType = SQL_TYPES[type]
      return (
        `CASE ${d} WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE CASE WHEN regexp_full_match(${d}, '-?[0-9]+') THEN TRY_CAST(${d} AS ${sqlType})` +
        ` ELSE TRY_CAST(trunc(TRY_CAST(${d} AS DOUBLE)) AS ${sqlType}) END END`
      )
    }
    case 'real':
    case 'decimal':
      return `CASE ${d} WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE TRY_CAST(${d} AS ${SQL_TYPES[type]}) END`
    case 'datetime':
    case 'timespan':
    case 'guid':
      return `NULL::${SQL_TYPES[type]}`
  }
}

function fromScalar({ sql, type: from }: Sql, to: Exclude<ScalarName, 'string' | 'dynamic'>): string {
  const numeric = ['int', 'long', 'real', 'decimal'].includes(from)
  const target = SQL_TYPES[to]
  if (to === 'bool' && numeric) return `((${sql}) <> 0)`
  if (to === 'int' || to === 'long') {
    if (from === 'bool' || from === 'int' || from === 'long') return `TRY_CAST(${sql} AS ${target})`
    if (from === 'real' || from === 'decimal') return `TRY_CAST(trunc(${sql}) AS ${target})`
    if (to === 'long' && (from === 'datetime' || from === 'timespan')) return sql
  }
  if (to === 'real' && (numeric || from === 'bool')) return `CAST(${sql} AS DOUBLE)`
  // Through text: the shortest text of a double is its decimal value, its binary value is not.
  if (to === 'decimal' && from === 'real') return `TRY_CAST((${sql})::VARCHAR AS DECIMAL(38,18))`
  if (to === 'decimal' && (numeric || from === 'bool')) return `TRY_CAST(${sql} AS DECIMAL(38,18))`
  throw notSupported(`converting ${from} to ${to}`)
}

type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>='

/** `==`: null when both sides are null, false when one is. */
export function equals(a: Sql, b: Sql): string {
  return compare(a, b, '=')
}

/** `!=`: null when both sides are null, true when one is. */
export function notEquals(a: Sql, b: Sql): string {
  return compare(a, b, '<>')
}

export function lessThan(a: Sql, b: Sql): string {
  return compare(a, b, '<')
}

export function lessOrEqual(a: Sql, b: Sql): string {
  return compare(a, b, '<=')
}

export function greaterThan(a: Sql, b: Sql): string {
  return compare(a, b, '>')
}

export function greaterOrEqual(a: Sql, b: Sql): string {
  return compare(a, b, '>=')
}

function compare(a: Sql, b: Sql, operator: Comparison): string {
  if (a.type === 'dynamic' && b.type === 'dynamic') return compareDynamics(a, b, operator)
  if (a.type === 'dynamic' && isNumber(b.type)) return compareNumberInDynamic(a, b, operator)
  if (b.type === 'dynamic' && isNumber(a.type)) return compareNumberInDynamic(b, a, mirrored(operator))
  const type = commonType(a.type, b.type)
  return compareSame(convert(a, type), convert(b, type), operator)
}

function convert(value: Sql, type: ScalarName): Sql {
  return value.type === type ? value : { ...value, sql: castTo(value, type), type }
}

function isNumber(type: ScalarName): boolean {
  return type === 'int' || type === 'long' || type === 'real' || type === 'decimal'
}

/** The type in which two different types are compared: the wider number, else the one that is not dynamic. */
export function commonType(a: ScalarName, b: ScalarName): ScalarName {
  if (a === b) return a
  const order: readonly ScalarName[] = ['bool', 'int', 'long', 'decimal', 'real']
  if (a === 'dynamic') return b
  if (b === 'dynamic') return a
  const wider = Math.max(order.indexOf(a), order.indexOf(b))
  if (order.includes(a) && order.includes(b)) return order[wider] ?? a
  throw notSupported(`comparing ${a} with ${b}`)
}

function compareSame(a: Sql, b: Sql, operator: Comparison): string {
  const x = `(${a.sql})`
  const y = `(${b.sql})`
  // DuckDB holds NaN equal to itself and above all numbers; IEEE holds it equal to and ordered against nothing.
  const mayBeNaN =
    a.type === 'real' ? [a, b].filter((side) => !isFiniteConstant(side)).map((side) => `isnan(${side.sql})`) : []
  const apart = mayBeNaN.join(' OR ')
  if (operator === '=' || operator === '<>') {
    const plain = nullAware(a, b, x, y, operator)
    if (apart === '') return plain
    return operator === '=' ? `(${plain} AND NOT coalesce(${apart}, false))` : `(${plain} OR coalesce(${apart}, false))`
  }
  return apart === '' ? `(${x} ${operator} ${y})` : `(${x} ${operator} ${y} AND NOT (${apart}))`
}

function isFiniteConstant(value: Sql): boolean {
  return typeof value.constant === 'bigint' || (typeof value.constant === 'number' && !Number.isNaN(value.constant))
}

function nullAware(a: Sql, b: Sql, x: string, y: string, operator: '=' | '<>'): string {
  if (a.type === 'string') return `(${x} ${operator} ${y})`
  const distinct = `(${x} IS ${operator === '=' ? 'NOT ' : ''}DISTINCT FROM ${y})`
  if (isKnown(a) || isKnown(b)) return distinct
  return `CASE WHEN ${x} IS NULL AND ${y} IS NULL THEN NULL ELSE ${distinct} END`
}

function isKnown(value: Sql): boolean {
  return value.constant !== undefined && value.constant !== null
}

function mirrored(operator: Comparison): Comparison {
  const mirror: Readonly<Record<Comparison, Comparison>> = {
    '=': '=',
    '<>': '<>',
    '<': '>',
    '<=': '>=',
    '>': '<',
    '>=': '<=',
  }
  return mirror[operator]
}

// A number in a dynamic may be an integer beyond a double or a fraction: neither type alone compares both exactly.
function compareNumberInDynamic(dynamic: Sql, number: Sql, operator: Comparison): string {
  const asReal = compareSame(convert(dynamic, 'real'), convert(number, 'real'), operator)
  if (number.type === 'real') return asReal
  if (number.type === 'decimal') return compareSame(convert(dynamic, 'decimal'), number, operator)
  const asLong = compareSame(convert(dynamic, 'long'), convert(number, 'long'), operator)
  return `CASE WHEN regexp_full_match(${dynamic.sql}, '"?-?[0-9]+"?') THEN ${asLong} ELSE ${asReal} END`
}

function compareDynamics(a: Sql, b: Sql, operator: Comparison): string {
  if (operator !== '=' && operator !== '<>') throw notSupported(`the operator ${operator} between dynamic values`)
  const [x, y] = [canonical(a), canonical(b)]
  return nullAware(x, y, `(${x.sql})`, `(${y.sql})`, operator)
}

function canonical(value: Sql): Sql {
  return { sql: `k_json_canonical(${value.sql})`, type: 'dynamic' }
}

/** A JSON path step to a key: the argument of DuckDB's JSON functions, quoted for any name. */
export function jsonKeyPath(key: string): string {
  return quoteText(isPointerKey(key) ? `/${key}` : `$."${key.replaceAll(/[\\"]/g, String.raw`\$&`)}"`)
}

// DuckDB takes a quoted star for a wildcard and refuses a quoted nothing; a JSON pointer takes both for keys. Other keys
// are no pointers, because those would also find the items of an array.
function isPointerKey(key: string): boolean {
  return key === '' || key === '*'
}

/** The path step to a key that is SQL. */
export function jsonKeyPathOf(key: string): string {
  const quoted = `'$."' || replace(replace(${key}, '\\', '\\\\'), '"', '\\"') || '"'`
  return `CASE WHEN ${key} IN ('', '*') THEN '/' || ${key} ELSE ${quoted} END`
}

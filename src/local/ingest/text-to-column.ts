import { castTo } from '../kql/casts.ts'
import type { ScalarName } from '../lang/syntax.ts'

/** Largest string and dynamic value of a cell, in UTF-8 bytes, without a BigObject encoding. */
export const MAX_CELL_BYTES: number = 1024 * 1024
const UNIX_EPOCH_TICKS = '621355968000000000'

/** Marks a decimal that the embedded Kusto cannot hold, in the message of DuckDB's error. */
export const DECIMAL_RANGE = 'KUSTO_DECIMAL_RANGE'

/** Compact JSON by the letter: no blanks and comments outside texts, no NaN, no comma at an end, all of which DuckDB forgives. */
const COMPACT_JSON = String.raw`(?:,?"(?:[^"\\]|\\.)*"|,?(?:true|false|null)|,?-?[0-9][0-9.eE+-]*|,?[\[{]|[\]}:])*`

/**
 * SQL of the column's value for the text of a field. What does not parse becomes null, or the empty string.
 *
 * The usual spelling of a type is converted by DuckDB alone; any other goes through the conversion functions of the
 * language, which are exact and slower. `text` is the name of a VARCHAR column.
 */
export function textToColumn(text: string, type: ScalarName): string {
  const slow = castTo({ sql: text, type: 'string' }, type)
  switch (type) {
    case 'string':
      return `CASE WHEN strlen(${text}) > ${MAX_CELL_BYTES} THEN ${cutText(text)} ELSE coalesce(${text}, '') END`
    case 'dynamic':
      return dynamicText(text)
    case 'int':
      return canonicalInteger(text, 'INTEGER', slow)
    case 'long':
      return canonicalInteger(text, 'BIGINT', slow)
    case 'decimal':
      return decimalText(text)
    case 'datetime':
      return `CASE WHEN ${isIsoDatetime(text)} THEN ${isoTicks(text)} ELSE ${slow} END`
    case 'timespan':
      return `CASE WHEN ${text} IS NULL OR ${text} = '' THEN NULL WHEN regexp_full_match(${text}, '${TIMESPAN}') THEN ${timespanTicks(text)} ELSE ${slow} END`
    case 'guid':
      return `CASE WHEN strlen(${text}) = 36 AND TRY_CAST(${text} AS UUID) IS NOT NULL THEN TRY_CAST(${text} AS UUID) ELSE ${slow} END`
    case 'bool':
      return `CASE ${text} WHEN 'true' THEN true WHEN 'false' THEN false ELSE ${slow} END`
    case 'real':
      return slow
  }
}

/** An integer that prints as it was written needs no check of its spelling, which costs more than the conversion. */
function canonicalInteger(text: string, sqlType: string, slow: string): string {
  const fast = `TRY_CAST(${text} AS ${sqlType})`
  return `CASE WHEN ${fast}::VARCHAR = ${text} THEN ${fast} ELSE ${slow} END`
}

/** The longest part that fits and ends between two characters: the byte after the cut must not continue one. */
function cutText(text: string): string {
  const startsCharacter = (byte: number): string =>
    `(get_bit(encode(${text})[${byte}:${byte}]::BLOB::BIT, 0) = 0 OR get_bit(encode(${text})[${byte}:${byte}]::BLOB::BIT, 1) = 1)`
  const cut = (bytes: number): string => `decode(encode(${text})[1:${bytes}])`
  const cases = [0, 1, 2].map(
    (less) => `WHEN ${startsCharacter(MAX_CELL_BYTES + 1 - less)} THEN ${cut(MAX_CELL_BYTES - less)}`,
  )
  return `CASE ${cases.join(' ')} ELSE ${cut(MAX_CELL_BYTES - 3)} END`
}

/** SQL of a dynamic cell for JSON text; too large is null, text that is no JSON is a string value. */
function dynamicText(text: string): string {
  const fast = `regexp_full_match(${text}, '${COMPACT_JSON}') AND json_valid(${text})`
  return (
    `CASE WHEN ${text} IS NULL OR ${text} = '' OR ${text} = 'null' OR strlen(${text}) > ${MAX_CELL_BYTES} THEN NULL` +
    ` WHEN ${fast} THEN ${text} ELSE ${strictJson(text)} END`
  )
}

function strictJson(text: string): string {
  return `CASE WHEN trim(${text}) IN ('', 'null') THEN NULL ELSE coalesce(k_json_compact(${text}), to_json(${text})::VARCHAR) END`
}

/** A number that leaves DECIMAL(38,18) is an error here, never a rounded value and never null. */
function decimalText(text: string): string {
  const value = `TRY_CAST(${text} AS DECIMAL(38,18))`
  const exact = `regexp_full_match(${text}, '\\s*[+-]?[0-9]*(\\.[0-9]{0,18})?\\s*')`
  const number = `regexp_full_match(${text}, '\\s*[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?\\s*')`
  const scientific = `regexp_full_match(${text}, '\\s*[+-]?[0-9.]+[eE].*')`
  // An exponent moves the digits: exact when the double that DuckDB reads has few of them.
  const exactScientific = `${scientific} AND ${value}::DOUBLE = TRY_CAST(${text} AS DOUBLE) AND strlen(${text}) <= 17`
  return (
    `CASE WHEN ${text} IS NULL OR ${text} = '' THEN NULL WHEN ${exact} AND ${value} IS NOT NULL THEN ${value}` +
    ` WHEN NOT ${number} THEN NULL WHEN ${exactScientific} THEN ${value}` +
    ` ELSE error('${DECIMAL_RANGE}: ' || ${text}) END`
  )
}

/** `yyyy-MM-ddTHH:mm:ss.fffffffZ`, the form that Kusto itself writes. */
function isIsoDatetime(text: string): string {
  return `strlen(${text}) = 28 AND regexp_full_match(${text}, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{7}Z') AND NOT starts_with(${text}, '0000') AND TRY_CAST(left(${text}, 26) AS TIMESTAMP) IS NOT NULL`
}

function isoTicks(text: string): string {
  return `epoch_us(TRY_CAST(left(${text}, 26) AS TIMESTAMP)) * 10 + ${UNIX_EPOCH_TICKS} + (ord(${text}[27]) - 48)`
}

const TIMESPAN = String.raw`-?([0-9]{1,7}\.)?([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{7})?`

function timespanTicks(text: string): string {
  const group = (index: number): string =>
    `TRY_CAST(regexp_extract(${text}, '^-?(?:([0-9]+)\\.)?([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\\.([0-9]{7}))?$', ${index}) AS BIGINT)`
  const size = `(coalesce(${group(1)}, 0) * 864000000000 + ${group(2)} * 36000000000 + ${group(3)} * 600000000 + ${group(4)} * 10000000 + coalesce(${group(5)}, 0))`
  return `CASE WHEN starts_with(${text}, '-') THEN -${size} ELSE ${size} END`
}

/** Ticks per unit of an epoch number, as a fraction, by the transform's last word. */
const EPOCH_UNITS: ReadonlyMap<string, readonly [multiply: number, divide: number]> = new Map([
  ['Seconds', [10_000_000, 1]],
  ['Milliseconds', [10_000, 1]],
  ['Microseconds', [10, 1]],
  ['Nanoseconds', [1, 100]],
])

/** SQL of datetime ticks for the text of a number since 1970; null when it is none or out of range. */
export function epochToTicks(text: string, unit: string): string {
  const [multiply, divide] = EPOCH_UNITS.get(unit) ?? [1, 1]
  const ticks = `TRY_CAST(floor(TRY_CAST(${text} AS DECIMAL(30, 7)) * ${multiply}) AS HUGEINT) // ${divide}`
  const all = `(${ticks} + ${UNIX_EPOCH_TICKS})`
  return `CASE WHEN ${all} BETWEEN 0 AND 3155378975999999999 THEN (${all})::BIGINT END`
}

import { castTo, dynamicOf, timestampOf } from '../kql/casts.ts'
import type { Column, ScalarName } from '../lang/syntax.ts'
import { notSupported } from '../server/local-error.ts'
import type { ExportFormat, ExportSettings } from './export-properties.ts'

/**
 * The select list that turns result columns `c0`, `c1`, ... into what the artifact holds. Parquet: bool BOOLEAN, int INT32,
 * long INT64, real DOUBLE, decimal FIXED_LEN_BYTE_ARRAY DECIMAL(38,18), datetime INT64 TIMESTAMP in milliseconds, or in
 * microseconds adjusted to UTC, timespan INT64 ticks, guid, string and dynamic BYTE_ARRAY UTF8. JSON: one object per line.
 * Delimited text: the service's printing, nothing for null.
 */
export function exportColumns(columns: readonly Column[], settings: ExportSettings): string {
  if (settings.format === 'parquet' || settings.format === 'json') checkNames(columns, settings.format)
  return columns
    .map(({ name, type }, index) => `${expression(`c${index}`, type, settings)} AS ${quoteName(name)}`)
    .join(', ')
}

function expression(sql: string, type: ScalarName, { format, datetimePrecision }: ExportSettings): string {
  switch (format) {
    case 'csv':
    case 'tsv':
      return `nullif(${castTo({ sql, type }, 'string')}, '')`
    case 'json':
      return type === 'string' ? sql : `(${dynamicOf({ sql, type })})::JSON`
    case 'parquet':
      return parquetValue(sql, type, datetimePrecision)
  }
}

function parquetValue(sql: string, type: ScalarName, precision: ExportSettings['datetimePrecision']): string {
  if (type === 'datetime') {
    return precision === 'microsecond'
      ? `make_timestamptz(${sql} // 10 - 62135596800000000)`
      : `${timestampOf(`(${sql} - ${sql} % 10000)`)}::TIMESTAMP_MS`
  }
  return type === 'guid' ? `${sql}::VARCHAR` : sql
}

/** DuckDB does not tell names apart by case and would rename one of them without a word. */
function checkNames(columns: readonly Column[], format: ExportFormat): void {
  const names = new Set(columns.map(({ name }) => name.toLowerCase()))
  if (names.size < columns.length) throw notSupported(`exporting columns whose names differ by case only to ${format}`)
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Bytes of a value in an artifact, before compression, where the type fixes them: in Parquet, and as text. */
const WIDTHS: ReadonlyMap<ScalarName, readonly [parquet: number, text: number]> = new Map([
  ['bool', [1, 5]],
  ['int', [4, 8]],
  ['long', [8, 12]],
  ['real', [8, 14]],
  ['decimal', [16, 20]],
  ['datetime', [8, 28]],
  ['timespan', [8, 16]],
  ['guid', [40, 36]],
])

/** SQL of the size in bytes of all rows, to cut the result into artifacts below the size limit. */
export function exportSize(columns: readonly Column[], format: ExportFormat): string {
  const fixed = columns.map(({ name, type }) => {
    const widths = WIDTHS.get(type) ?? [4, 0]
    const value = format === 'parquet' ? widths[0] : widths[1]
    return value + (format === 'json' ? Buffer.byteLength(name) + 6 : 1)
  })
  const row = fixed.reduce((sum, width) => sum + width, 2)
  const texts = columns
    .map(({ type }, index) => ({ type, sql: `coalesce(sum(strlen(c${index})), 0)` }))
    .filter(({ type }) => type === 'string' || type === 'dynamic')
    .map(({ sql }) => sql)
  return [`count(*) * ${row}`, ...texts].join(' + ')
}

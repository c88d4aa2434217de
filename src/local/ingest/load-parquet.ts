import { castTo } from '../kql/casts.ts'
import { quoteText, sqlLiteral, SQL_TYPES } from '../kql/sql.ts'
import type { DuckSession } from '../engine/duck.ts'
import type { Column, ScalarName } from '../lang/syntax.ts'
import { LocalError, notSupported } from '../server/local-error.ts'
import { parseJsonPath, type PathStep } from './json-path.ts'
import { epochUnit, epochValue, sourceValue } from './load-delimited.ts'
import { bagArrayToBag } from './load-json.ts'
import type { LoadPlan, LoadRequest } from './load.ts'
import type { MappedColumn } from './mapping.ts'
import { type ParquetField, type ParquetKind, readParquetFields } from './parquet-schema.ts'
import { DECIMAL_RANGE, textToColumn } from './text-to-column.ts'

/**
 * Which column types a Parquet field may feed, as the service documents it. A pair that is not here is refused with
 * BadRequest_InvalidMapping: what the service does then is not documented, and a column of nulls would hide it.
 *
 * | Parquet field | feeds |
 * |---|---|
 * | INT8..INT64, UINT8..UINT32 | bool int long real decimal string |
 * | UINT64 | bool int long decimal string |
 * | FLOAT, DOUBLE | bool int long real decimal string |
 * | BOOLEAN | bool decimal string |
 * | DECIMAL on INT32, INT64 | bool int long real decimal string |
 * | DECIMAL on FIXED_LEN_BYTE_ARRAY | long real decimal string |
 * | DECIMAL on BYTE_ARRAY | bool long real decimal string dynamic |
 * | TIMESTAMP, DATE | datetime string |
 * | STRING | int long real decimal string dynamic |
 * | UUID | string guid |
 * | JSON | string dynamic |
 * | LIST, MAP, STRUCT | dynamic |
 * | anything else (TIME, bare BYTE_ARRAY, INT96, ...) | nothing |
 *
 * Nothing feeds timespan. A timestamp in nanoseconds that is adjusted to UTC is refused, because it could not be read
 * exactly. Values: a fraction does not fit int and long and becomes null, as does a number out of range;
 * a decimal that leaves 20 digits before and 18 after the point is an error.
 */
export const PARQUET_FEEDS: Readonly<Record<ParquetKind, readonly ScalarName[]>> = {
  integer: ['bool', 'int', 'long', 'real', 'decimal', 'string'],
  uint64: ['bool', 'int', 'long', 'decimal', 'string'],
  float: ['bool', 'int', 'long', 'real', 'decimal', 'string'],
  boolean: ['bool', 'decimal', 'string'],
  'decimal-int': ['bool', 'int', 'long', 'real', 'decimal', 'string'],
  'decimal-flba': ['long', 'real', 'decimal', 'string'],
  'decimal-binary': ['bool', 'long', 'real', 'decimal', 'string', 'dynamic'],
  timestamp: ['datetime', 'string'],
  string: ['int', 'long', 'real', 'decimal', 'string', 'dynamic'],
  uuid: ['string', 'guid'],
  json: ['string', 'dynamic'],
  list: ['dynamic'],
  map: ['dynamic'],
  struct: ['dynamic'],
  other: [],
}

/** Plans a Parquet file; fields match columns by their exact name unless mapped. */
export async function planParquet(session: DuckSession, request: LoadRequest): Promise<Omit<LoadPlan, 'bytes'>> {
  if (request.ignoreFirstRecord === true) {
    throw new LocalError(
      'BadRequest_IngestionPropertyNotSupportedInThisContext',
      'ignoreFirstRecord does not apply to parquet',
    )
  }
  const fields = await readParquetFields(session, request.file)
  const file = quoteText(request.file)
  const counted = await session.rows(`SELECT coalesce(sum(num_rows), 0)::BIGINT FROM parquet_file_metadata(${file})`)
  // The inner query gives every field a name of its own: DuckDB does not tell names apart by case.
  const outer = { name: 'file', kind: 'struct', description: 'file', children: fields } as const
  const inner: string[] = []
  const values = request.columns.map((column, index) => {
    const mapped: MappedColumn | undefined =
      request.mapping === undefined
        ? { column: column.name, field: column.name }
        : request.mapping.find((entry) => entry.column === column.name)
    const name = `f${index}`
    const planned = valueOf({ column, mapped, name, file: outer, source: request.sourceLocation })
    if (planned.extract !== undefined) inner.push(`${planned.extract} AS ${name}`)
    return planned.value
  })
  const numbered = request.mapping?.some(({ transform }) => transform === 'SourceLineNumber') === true
  if (numbered) inner.push('row_number() OVER () AS line')
  const source = `read_parquet(${file}, hive_partitioning = false) AS source(${fields.map((_, index) => `p${index}`).join(', ')})`
  return {
    select: `SELECT ${values.join(', ')} FROM (SELECT ${inner.length === 0 ? '1' : inner.join(', ')} FROM ${source})`,
    records: Number(counted[0]?.[0] ?? 0),
  }
}

interface ValueRequest {
  readonly column: Column
  readonly mapped: MappedColumn | undefined
  readonly name: string
  readonly file: ParquetField
  readonly source: string
}

function valueOf(request: ValueRequest): { readonly extract?: string; readonly value: string } {
  const { column, mapped, name, source } = request
  const { type } = column
  const absent = { value: sqlLiteral(null, type) }
  if (mapped === undefined) return absent
  const { transform, constValue } = mapped
  if (transform === 'SourceLocation' || transform === 'SourceLineNumber')
    return { value: sourceValue(column, transform, source) }
  if (constValue !== undefined) return { value: castTo({ sql: quoteText(constValue), type: 'string' }, type) }
  if (transform === 'DropMappedFields') throw notSupported('the transform DropMappedFields on parquet')
  const steps = mapped.field === undefined ? parseJsonPath(mapped.path ?? '$') : [mapped.field]
  const found = findField(request.file, steps)
  if (found === undefined) return absent
  const { field, sql } = found
  if (transform === 'PropertyBagArrayToDictionary') {
    if (field.kind !== 'list') throw refused(field, column)
    return { extract: bagArrayToBag(`to_json(${sql})::VARCHAR`), value: textToColumn(name, type) }
  }
  const unit = epochUnit(mapped)
  if (unit !== undefined) {
    if (!['integer', 'uint64', 'float', 'decimal-int', 'decimal-flba', 'string'].includes(field.kind))
      throw refused(field, column)
    return { extract: `${sql}::VARCHAR`, value: epochValue(name, unit, column) }
  }
  if (!PARQUET_FEEDS[field.kind].includes(type)) throw refused(field, column)
  return { extract: sql, value: convert(name, field, type) }
}

function refused(field: ParquetField, column: Column): LocalError {
  return new LocalError(
    'BadRequest_InvalidMapping',
    `the Parquet field '${field.name}' (${field.description}) cannot feed the column '${column.name}' of type ${column.type}`,
  )
}

/** The field at a path and SQL that reads it; undefined when the file has none. */
function findField(
  file: ParquetField,
  steps: readonly PathStep[],
): { readonly field: ParquetField; readonly sql: string } | undefined {
  const [first, ...rest] = steps
  if (first === undefined) throw notSupported('the path $ of a parquet mapping')
  const index = file.children.findIndex(({ name }) => name === first)
  let field = file.children[index]
  let sql = `p${index}`
  for (const step of rest) {
    if (field === undefined) return undefined
    if (typeof step === 'number') {
      if (field.kind !== 'list') return undefined
      sql = `${sql}[${step + 1}]`
      // A list is a group around a repeated group around its element.
      field = field.children[0]?.children[0] ?? field.children[0]
    } else {
      if (field.kind === 'map') throw notSupported('a path into a MAP of a parquet file')
      sql = `struct_extract(${sql}, ${quoteText(step)})`
      field = field.kind === 'struct' ? field.children.find(({ name }) => name === step) : undefined
    }
  }
  return field === undefined ? undefined : { field, sql }
}

function convert(name: string, { kind, description }: ParquetField, type: ScalarName): string {
  switch (kind) {
    case 'string':
    case 'json':
      return textToColumn(type === 'string' || type === 'dynamic' ? `${name}::VARCHAR` : name, type)
    case 'list':
    case 'map':
    case 'struct':
      return `CASE WHEN ${name} IS NULL THEN NULL ELSE ${textToColumn(`to_json(${name})::VARCHAR`, 'dynamic')} END`
    case 'uuid':
      return type === 'guid' ? name : `coalesce(${name}::VARCHAR, '')`
    case 'timestamp':
      // DuckDB reads it in microseconds: the seventh digit would be lost without a word.
      if (/isAdjustedToUTC=(1|true).*NanoSeconds/.test(description))
        throw notSupported('a Parquet timestamp in nanoseconds adjusted to UTC')
      return type === 'datetime'
        ? timestampTicks(name)
        : castTo({ sql: timestampTicks(name), type: 'datetime' }, 'string')
    case 'boolean':
      return type === 'bool' ? name : castTo({ sql: name, type: 'bool' }, type)
    case 'decimal-int':
    case 'decimal-flba':
    case 'decimal-binary':
    case 'integer':
    case 'uint64':
    case 'float':
      return convertNumber(name, kind, type)
    case 'other':
      throw notSupported('this Parquet type')
  }
}

function convertNumber(name: string, kind: ParquetKind, type: ScalarName): string {
  switch (type) {
    case 'bool':
      return `(${name} <> 0)`
    case 'int':
    case 'long':
      return kind === 'integer' || kind === 'uint64'
        ? `TRY_CAST(${name} AS ${SQL_TYPES[type]})`
        : `CASE WHEN ${name} = trunc(${name}) THEN TRY_CAST(${name} AS ${SQL_TYPES[type]}) END`
    case 'real':
      return `${name}::DOUBLE`
    case 'decimal':
      return decimalOf(name, kind)
    case 'dynamic':
      return numberText(name, kind)
    case 'string':
      return `coalesce(${numberText(name, kind)}, '')`
    case 'datetime':
    case 'timespan':
    case 'guid':
      throw notSupported(`a Parquet number in a column of type ${type}`)
  }
}

/** Through text for doubles: the shortest text of a double is its decimal value. NaN and infinities have none. */
function decimalOf(name: string, kind: ParquetKind): string {
  const exact = `TRY_CAST(${kind === 'float' ? `${name}::VARCHAR` : name} AS DECIMAL(38,18))`
  const finite = kind === 'float' ? `NOT isfinite(${name})` : 'false'
  return `CASE WHEN ${name} IS NULL OR ${finite} THEN NULL WHEN ${exact} IS NOT NULL THEN ${exact} ELSE error('${DECIMAL_RANGE}: ' || ${name}::VARCHAR) END`
}

function numberText(name: string, kind: ParquetKind): string {
  return kind === 'float'
    ? `nullif(${castTo({ sql: `${name}::DOUBLE`, type: 'real' }, 'string')}, '')`
    : `${name}::VARCHAR`
}

/** Ticks of a DATE or of a TIMESTAMP of any unit; null outside the years 1 to 9999. */
function timestampTicks(name: string): string {
  const ticks =
    `CASE typeof(${name}) WHEN 'TIMESTAMP_NS' THEN epoch_ns(${name}) // 100` +
    ` ELSE epoch_us(${name}) * 10 END + 621355968000000000`
  return `CASE WHEN ${ticks} BETWEEN 0 AND 3155378975999999999 THEN ${ticks} END`
}

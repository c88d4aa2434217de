import {
  Bool,
  type Data,
  type DataType,
  type Decimal,
  type Dictionary,
  type Field,
  FixedSizeBinary,
  type Float,
  type Int,
  makeData,
  Precision,
  RecordBatch,
  type Schema,
  Struct,
  Type,
  Utf8,
} from 'apache-arrow'
import { KustoDataError } from '../errors.ts'
import { encodeDictionary } from './dictionary-columns.ts'
import { located } from './encode-csv.ts'
import {
  castDatetime,
  castDecimal,
  type CastCursor,
  castNumber,
  castText,
  castTimespan,
  withoutNulls,
} from './kernels/cast-column.ts'
import { castDynamic } from './kernels/cast-dynamic.ts'
import { bitmapAtZero, plainColumn, utf8Column } from './kernels/encode-columns.ts'
import { byteSink } from './kernels/write-bytes.ts'
import { kustoType, typeName } from './kusto-columns.ts'
import type { ScalarName } from './scalar-types.ts'

/** Choices of {@link castBatch}. */
export interface CastBatchOptions {
  /** How columns are paired: `name` (default; more columns than asked for are left out) or `position`. */
  readonly match?: 'name' | 'position'
  /** What the batch calls the columns of the schema, in the schema's order. Default: the same. */
  readonly sourceNames?: readonly string[]
  /** Added to row numbers in errors. Default 0. */
  readonly rowOffset?: number
}

/** A batch in the wanted schema. */
export interface CastBatch {
  readonly batch: RecordBatch
  /** Per column: times with a digit below the wanted unit, which was cut. */
  readonly lostTicks: readonly number[]
}

/**
 * Casts a batch of an exported Parquet file to the schema of the query it was exported from: the schema `arrowSchema`
 * made. Timespans and ticks come as int64, guids and dynamics as text, decimals in any width, strings with nulls.
 * @throws {KustoDataError} KUSTO_COLUMN_MISMATCH when a column is missing or its type cannot hold the wanted one;
 * KUSTO_INTEGER_RANGE, KUSTO_DECIMAL_RANGE, KUSTO_TIME_RANGE, KUSTO_BAD_GUID, naming column and row
 */
export function castBatch(batch: RecordBatch, schema: Schema, options: CastBatchOptions = {}): CastBatch {
  const { match = 'name', sourceNames = [], rowOffset = 0 } = options
  const at: CastCursor = { row: 0, lostTicks: 0 }
  if (match === 'position' && batch.numCols !== schema.fields.length) {
    throw mismatch('', `expected ${schema.fields.length} columns, found ${batch.numCols}`)
  }
  const lostTicks: number[] = []
  const byName = new Map(batch.schema.fields.map((field, index) => [field.name, index]))
  const children = schema.fields.map((field, position) => {
    const index = match === 'name' ? byName.get(sourceNames[position] ?? field.name) : position
    const data = index === undefined ? undefined : batch.data.children[index]
    if (data === undefined) throw mismatch(field.name, `expected a column ${field.name}, found none`)
    const type = kustoType(field)
    at.lostTicks = 0
    try {
      const cast = castColumn(field, data, { type, at })
      lostTicks.push(at.lostTicks)
      return cast
    } catch (error) {
      throw located(error, { column: { name: field.name, type }, row: rowOffset + at.row })
    }
  })
  const data = makeData({ type: new Struct(schema.fields), length: batch.numRows, children })
  return { batch: new RecordBatch(schema, data), lostTicks }
}

interface Cast {
  readonly type: ScalarName
  readonly at: CastCursor
}

const CASTS: Readonly<Record<ScalarName, (field: Field, data: Data, at: CastCursor) => Data>> = {
  bool: (field, data) => (data.type.typeId === Type.Bool ? data : castBool(field, data)),
  int: castNumbers,
  long: castNumbers,
  real: castNumbers,
  decimal: castDecimals,
  string: (field, data, at) => {
    const text = asText(field, data, at)
    return field.nullable ? text : withoutNulls(text)
  },
  datetime: (field, data, at) =>
    expectType(field, data, [Type.Timestamp, Type.Date, Type.Int]) && castDatetime(data, field.type, at),
  timespan: (field, data, at) =>
    expectType(field, data, [Type.Duration, Type.Int]) && castTimespan(data, field.type, at),
  guid: castGuid,
  dynamic: (field, data, at) => castDynamic(asText(field, data, at) as Data<Utf8>),
}

function castColumn(field: Field, data: Data, { type, at }: Cast): Data {
  at.row = 0
  if (field.type.typeId === Type.Dictionary) {
    const text = castColumn(field.clone({ type: new Utf8() }), data, { type, at })
    return encodeDictionary(text as Data<Utf8>, field.type as Dictionary)
  }
  if (data.type.typeId === Type.Null) return allNull(field, data.length)
  const isText = type === 'string' || type === 'dynamic' || type === 'guid'
  return CASTS[type](field, isText ? data : plainColumn(data), at)
}

function castNumbers(field: Field, data: Data, at: CastCursor): Data {
  expectType(field, data, [Type.Int, Type.Float])
  const wanted: DataType = field.type
  if (data.type.typeId === Type.Float && (data.type as Float).precision === Precision.HALF) {
    throw mismatch(field.name, `expected values for ${typeName(wanted)}, found Arrow type Float16`)
  }
  if (data.type.typeId === wanted.typeId) {
    if (wanted.typeId === Type.Float && data.values instanceof Float64Array) return data
    const { bitWidth, isSigned } = data.type as Int
    if (wanted.typeId === Type.Int && isSigned && bitWidth === (wanted as Int).bitWidth) return data
  }
  return castNumber(data, wanted as Int | Float, at)
}

function castDecimals(field: Field, data: Data, at: CastCursor): Data {
  if (field.type.typeId === Type.Utf8 && data.type.typeId === Type.Utf8) return emptyAsNull(data)
  expectType(field, data, [Type.Decimal])
  if (field.type.typeId !== Type.Decimal) return asText(field, data, at)
  return castDecimal(data, field.type as Decimal, at)
}

/** Text of decimals: an export writes them with `tostring`, whose null is the empty text. */
function emptyAsNull(data: Data): Data {
  const offsets: ArrayLike<number> = data.valueOffsets
  const nullBitmap = new Uint8Array((data.length + 7) >> 3)
  let nullCount = 0
  for (let row = 0; row < data.length; row++) {
    if (data.getValid(row) && offsets[row] !== offsets[row + 1]) {
      nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7))
    } else nullCount++
  }
  if (nullCount === 0) return data
  const { length, valueOffsets, values } = data
  return makeData({ type: new Utf8(), length, nullCount, nullBitmap, valueOffsets, data: values })
}

function asText(field: Field, data: Data, at: CastCursor): Data {
  if (data.type.typeId === Type.Utf8 || data.type.typeId === Type.LargeUtf8) return castText(data)
  const source = field.clone({ type: data.type })
  return utf8Column(source, data, { target: 'string', counts: byteSink(0), at })
}

function castGuid(field: Field, data: Data, at: CastCursor): Data {
  const wantsBytes = field.type.typeId === Type.FixedSizeBinary
  const hasBytes = data.type.typeId === Type.FixedSizeBinary
  if (hasBytes) {
    if (wantsBytes) return data
    const uuid = field.clone({ type: data.type, metadata: new Map([['ARROW:extension:name', 'arrow.uuid']]) })
    return utf8Column(uuid, data, { target: 'string', counts: byteSink(0), at })
  }
  const text = asText(field, data, at)
  return wantsBytes ? parseGuids(text, at) : text
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function parseGuids(text: Data, at: CastCursor): Data {
  const out = new Uint8Array(text.length * 16)
  const bytes = Buffer.from(text.values.buffer, text.values.byteOffset, text.values.byteLength)
  const offsets: ArrayLike<number> = text.valueOffsets
  for (let row = 0; row < text.length; row++) {
    if (!text.getValid(row)) continue
    at.row = row
    const guid = bytes.toString('latin1', offsets[row], offsets[row + 1])
    if (!GUID.test(guid)) throw new KustoDataError('KUSTO_BAD_GUID', 'expected a guid of 32 digits', { type: 'guid' })
    out.set(Buffer.from(guid.replaceAll('-', ''), 'hex'), row * 16)
  }
  return makeData({ type: new FixedSizeBinary(16), length: text.length, ...bitmapAtZero(text), data: out })
}

function castBool(field: Field, data: Data): Data {
  expectType(field, data, [Type.Int])
  const values: ArrayLike<number | bigint> = data.values
  const bits = new Uint8Array((data.length + 7) >> 3)
  for (let row = 0; row < data.length; row++) {
    if (Number(values[row]) !== 0) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  }
  return makeData({ type: new Bool(), length: data.length, ...bitmapAtZero(data), data: bits })
}

/** A column of nulls: Parquet written by others may give an all-null column no type. */
function allNull(field: Field, length: number): Data {
  const isText = field.type.typeId === Type.Utf8
  const nulls = field.nullable ? { nullCount: length, nullBitmap: new Uint8Array((length + 7) >> 3) } : {}
  if (isText) {
    const none = { valueOffsets: new Int32Array(length + 1), data: new Uint8Array(0) }
    return makeData({ type: new Utf8(), length, ...nulls, ...none })
  }
  const empty = makeData({ type: field.type, length: 0 } as never)
  const items = field.type.typeId === Type.Bool ? (length + 7) >> 3 : length * empty.stride
  const ArrayType = field.type.ArrayType as Uint8ArrayConstructor
  return makeData({ type: field.type, length, ...nulls, data: new ArrayType(items) } as never)
}

function expectType(field: Field, data: Data, types: readonly Type[]): true {
  if (types.includes(data.type.typeId)) return true
  throw mismatch(field.name, `expected values for ${typeName(field.type)}, found Arrow type ${typeName(data.type)}`)
}

function mismatch(column: string, message: string): KustoDataError {
  return new KustoDataError('KUSTO_COLUMN_MISMATCH', message, { column })
}

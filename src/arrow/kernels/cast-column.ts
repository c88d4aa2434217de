/*
 * HOT: once per column and batch of a Parquet file, loops over its rows. Casts a column to the Arrow type the query's
 * schema gave it. Values are never rounded silently: what does not fit throws, a cut seventh digit is counted.
 * Results start at offset 0; a column that already has the type is passed on as it is.
 */
import {
  type Data,
  type DataType,
  type Date_,
  DateUnit,
  Decimal,
  type Duration,
  Field,
  type Float,
  type Int,
  makeData,
  type Timestamp,
  TimeUnit,
  Type,
  Utf8,
} from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import { bitmapAtZero, type RowCursor, utf8Column } from './encode-columns.ts'
import { byteSink } from './write-bytes.ts'
import { isValid } from './write-cells.ts'
import { decimalValue } from './write-decimal.ts'

const EPOCH_TICKS = 621_355_968_000_000_000n
const TICKS_PER_SECOND = 10_000_000n
const DECIMAL_LIMIT = 10n ** 38n

/** Where a cast stands and what it lost. */
export interface CastCursor extends RowCursor {
  /** Times with a digit below the target's unit, which was cut. */
  lostTicks: number
}

/** How a cast time is counted: units per second, and where zero is. */
interface TimeGrid {
  readonly perSecond: bigint
  readonly epochTicks: bigint
}

/** A text column of any layout as Utf8. */
export function castText(data: Data): Data {
  const { typeId } = data.type
  if (typeId === Type.Utf8) return data
  if (typeId === Type.LargeUtf8) {
    const large = data.valueOffsets as unknown as BigInt64Array
    const start = large[0] ?? 0n
    const end = large[data.length] ?? 0n
    if (end - start > 0x7fff_ffffn)
      throw new KustoDataError('KUSTO_BATCH_TOO_LARGE', 'expected at most 2 GiB of text in a batch')
    const offsets = new Int32Array(data.length + 1)
    for (let row = 0; row <= data.length; row++) offsets[row] = Number(large[row]! - start)
    const bytes = (data.values as Uint8Array).subarray(Number(start), Number(end))
    return utf8(data, offsets, bytes)
  }
  return utf8Column(new Field('', data.type, true), data, { target: 'string', counts: byteSink(0), at: { row: 0 } })
}

/** A Utf8 column whose nulls are empty strings, as Kusto's strings have no null. */
export function withoutNulls(data: Data): Data {
  if (data.nullCount === 0) return data
  const from = data.valueOffsets as Int32Array
  const bytes = data.values as Uint8Array
  const offsets = new Int32Array(data.length + 1)
  const out = new Uint8Array(from[data.length]! - from[0]!)
  let end = 0
  for (let row = 0; row < data.length; row++) {
    if (isValid(data, row)) {
      out.set(bytes.subarray(from[row], from[row + 1]), end)
      end += from[row + 1]! - from[row]!
    }
    offsets[row + 1] = end
  }
  return makeData({ type: new Utf8(), length: data.length, valueOffsets: offsets, data: out.subarray(0, end) })
}

/** An integer or real column as int32, int64 or float64, every value checked to be the same. */
export function castNumber(data: Data, type: Int | Float, at: CastCursor): Data {
  const values = data.values as Int32Array | BigInt64Array
  const { length } = data
  const isInt = type.typeId === Type.Int
  const isLong = isInt && type.bitWidth === 64
  const out = isLong ? new BigInt64Array(length) : isInt ? new Int32Array(length) : new Float64Array(length)
  for (let row = 0; row < length; row++) {
    if (!isValid(data, row)) continue
    const value = values[row]!
    at.row = row
    if (isLong && typeof value === 'number' && !Number.isInteger(value)) throw misfit('long')
    out[row] = (isLong ? BigInt(value) : Number(value)) as never
    // eslint-disable-next-line eqeqeq -- `==` compares a bigint with a number by value
    if (out[row]! != value && !Number.isNaN(value)) throw misfit(isLong ? 'long' : isInt ? 'int' : 'real')
  }
  return makeData({ type, length, ...bitmapAtZero(data), data: out } as never)
}

/**
 * A decimal column of any width as Decimal128 of the target's scale.
 * @throws {KustoDataError} KUSTO_DECIMAL_RANGE when a value needs more digits than that
 */
export function castDecimal(data: Data, type: Decimal, at: CastCursor): Data {
  const from = data.type as Decimal
  if (from.bitWidth === 128 && from.scale === type.scale) return data.clone(type)
  const words = data.values as Uint32Array
  const count = from.bitWidth / 32
  const out = new Uint32Array(data.length * 4)
  const up = 10n ** BigInt(Math.max(0, type.scale - from.scale))
  const down = 10n ** BigInt(Math.max(0, from.scale - type.scale))
  for (let row = 0; row < data.length; row++) {
    if (!isValid(data, row)) continue
    at.row = row
    const scaled = decimalValue(words, row * count, count) * up
    const value = scaled / down
    if (value * down !== scaled || value >= DECIMAL_LIMIT || value <= -DECIMAL_LIMIT) {
      throw new KustoDataError('KUSTO_DECIMAL_RANGE', `expected a decimal that fits (38, ${type.scale})`, {
        type: 'decimal',
      })
    }
    for (let word = 0; word < 4; word++) out[row * 4 + word] = Number((value >> BigInt(word * 32)) & 0xffff_ffffn)
  }
  return makeData({ type, length: data.length, ...bitmapAtZero(data), data: out })
}

/** A timestamp, date or int64 column of ticks as a timestamp, or as int64 ticks since 0001-01-01. Cuts towards the past. */
export function castDatetime(data: Data, type: DataType, at: CastCursor): Data {
  return castTime(data, type, { at, from: gridOf(data.type, EPOCH_TICKS), to: gridOf(type, EPOCH_TICKS), cut: 'down' })
}

/** A duration or int64 column of ticks as a duration, or as int64 ticks. Cuts towards zero. */
export function castTimespan(data: Data, type: DataType, at: CastCursor): Data {
  return castTime(data, type, { at, from: gridOf(data.type, 0n), to: gridOf(type, 0n), cut: 'to-zero' })
}

function castTime(
  data: Data,
  type: DataType,
  how: { readonly at: CastCursor; readonly from: TimeGrid; readonly to: TimeGrid; readonly cut: 'down' | 'to-zero' },
): Data {
  const { at, from, to, cut } = how
  if (from.perSecond === to.perSecond && from.epochTicks === to.epochTicks && data.type.typeId !== Type.Date) {
    return data.clone(type as never)
  }
  const values = data.values as Int32Array | BigInt64Array
  const out = new BigInt64Array(data.length)
  const isDays = data.type.typeId === Type.Date && (data.type as Date_).unit === DateUnit.DAY
  const factor = (isDays ? 86_400n : 1n) * to.perSecond
  // Both epochs are whole seconds, so the shift is a whole number of `from` units times `to.perSecond`.
  const shift = ((to.epochTicks - from.epochTicks) / TICKS_PER_SECOND) * from.perSecond * to.perSecond
  for (let row = 0; row < data.length; row++) {
    if (!isValid(data, row)) continue
    const scaled = BigInt(values[row]!) * factor + shift
    let value = scaled / from.perSecond
    if (value * from.perSecond !== scaled) {
      at.lostTicks++
      if (cut === 'down' && scaled < 0n) value -= 1n
    }
    if (BigInt.asIntN(64, value) !== value) {
      at.row = row
      throw new KustoDataError('KUSTO_TIME_RANGE', 'expected a time that fits 64 bits in the wanted unit')
    }
    out[row] = value
  }
  return makeData({ type, length: data.length, ...bitmapAtZero(data), data: out } as never)
}

/** `epochTicks` is how far before 1970 zero lies; ticks as int64 count from year 1 when they are datetimes. */
function gridOf(type: DataType, epochTicks: bigint): TimeGrid {
  if (type.typeId === Type.Int) return { perSecond: TICKS_PER_SECOND, epochTicks }
  if (type.typeId === Type.Date)
    return { perSecond: (type as Date_).unit === DateUnit.DAY ? 1n : 1000n, epochTicks: 0n }
  return { perSecond: 1000n ** BigInt((type as Timestamp | Duration).unit - TimeUnit.SECOND), epochTicks: 0n }
}

function utf8(data: Data, offsets: Int32Array, bytes: Uint8Array): Data {
  return makeData({ type: new Utf8(), length: data.length, ...bitmapAtZero(data), valueOffsets: offsets, data: bytes })
}

function misfit(type: string): KustoDataError {
  return new KustoDataError('KUSTO_INTEGER_RANGE', `expected a value that ${type} holds exactly`, { type })
}

/*
 * HOT: once per column and batch, loops over its rows. Columns in the few Arrow types that Parquet carries into Kusto,
 * made from any other. Results start at offset 0 and share no buffer with the input unless they are the input.
 * Bench: bench/csv.bench.ts measures the text kernels used here.
 */
import {
  type Data,
  type Date_,
  DateUnit,
  Decimal,
  type Dictionary,
  type Field,
  Float64,
  type Int,
  Int32,
  Int64,
  makeData,
  Timestamp,
  TimeUnit,
  Type,
  Utf8,
} from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import type { ScalarName } from '../scalar-types.ts'
import { cellBlock, refusedAt } from './cell-kernel.ts'
import { columnCells } from './column-cells.ts'
import { type ByteSink, byteSink, reserve } from './write-bytes.ts'
import { isValid } from './write-cells.ts'

const EPOCH_TICKS = 621_355_968_000_000_000n
const FIRST_US = -62_135_596_800_000_000n
const LAST_US = 253_402_300_799_999_999n
const MAX_UTF8 = 0x7fff_ffff

/** The row a conversion stands at, for the error report. */
export interface RowCursor {
  row: number
}

/** A validity bitmap that starts at bit 0. */
export function bitmapAtZero(data: Data): { readonly nullCount: number; readonly nullBitmap: Uint8Array | null } {
  const { nullBitmap, offset, length, nullCount } = data
  if (!nullBitmap || nullBitmap.length === 0 || nullCount === 0) return { nullCount: 0, nullBitmap: null }
  const bytes = (length + 7) >> 3
  if ((offset & 7) === 0) return { nullCount, nullBitmap: nullBitmap.subarray(offset >> 3, (offset >> 3) + bytes) }
  const out = new Uint8Array(bytes)
  for (let row = 0; row < length; row++) {
    const bit = offset + row
    if ((nullBitmap[bit >> 3]! >> (bit & 7)) & 1) out[row >> 3]! |= 1 << (row & 7)
  }
  return { nullCount, nullBitmap: out }
}

/** The column as text, one value per row in the form CSV would carry, unquoted. Counts go to `counts`. */
export function utf8Column(
  field: Field,
  data: Data,
  how: { target: ScalarName; counts: ByteSink; at: RowCursor },
): Data {
  const { target, counts, at } = how
  const { length } = data
  const kernel = columnCells(field, data, { target, form: 'plain' })
  const block = cellBlock(length)
  for (let row = 0; row < length; row++) block.rows[row] = row
  block.count = length
  const offsets = new Int32Array(length + 1)
  const out = byteSink(0)
  const write = (): void => {
    kernel.measure(block)
    let bytes = 0
    for (let row = 0; row < length; row++) {
      block.at[row] = bytes
      bytes += block.lengths[row]!
      if (bytes > MAX_UTF8)
        throw new KustoDataError('KUSTO_BATCH_TOO_LARGE', 'expected at most 2 GiB of text in a batch')
      offsets[row + 1] = bytes
    }
    reserve(out, bytes)
    kernel.write(out, block)
  }
  at.row = 0
  refusedAt(write, { kernel, block, at })
  const bitmap = new Uint8Array((length + 7) >> 3)
  let nullCount = 0
  for (let row = 0; row < length; row++) {
    if (isPresent(data, row)) bitmap[row >> 3]! |= 1 << (row & 7)
    else nullCount++
  }
  counts.cutTimes += out.cutTimes
  counts.oversizeCells += out.oversizeCells
  return makeData({
    type: new Utf8(),
    length,
    nullCount,
    nullBitmap: bitmap,
    valueOffsets: offsets,
    data: out.bytes.subarray(0, offsets[length]),
  })
}

/** A column of fixed-width values with its dictionary resolved; any other column as it is. */
export function plainColumn(data: Data): Data {
  if (data.type.typeId !== Type.Dictionary) return data
  const type = (data.type as Dictionary).dictionary
  const keys = data.values as Int32Array
  const chunks = data.dictionary?.data ?? []
  const first = chunks[0]
  const bits = new Uint8Array((data.length + 7) >> 3)
  const isBool = type.typeId === Type.Bool
  const stride = first?.stride ?? 1
  const like = (first?.values ?? new Uint8Array(0)) as Int32Array
  const values = new (like.constructor as Int32ArrayConstructor)(isBool ? bits.length : data.length * stride)
  let nullCount = 0
  for (let row = 0; row < data.length; row++) {
    if (!isPresent(data, row)) {
      nullCount++
      continue
    }
    bits[row >> 3]! |= 1 << (row & 7)
    let key = Number(keys[row])
    let chunk = 0
    while (key >= chunks[chunk]!.length) key -= chunks[chunk++]!.length
    const source = chunks[chunk]!.values as Int32Array
    if (isBool) {
      const bit = chunks[chunk]!.offset + key
      values[row >> 3]! |= ((source[bit >> 3]! >> (bit & 7)) & 1) << (row & 7)
    } else for (let part = 0; part < stride; part++) values[row * stride + part] = source[key * stride + part]!
  }
  return makeData({ type, length: data.length, nullCount, nullBitmap: bits, data: values } as never)
}

/** An integer column as int32 or int64, every value checked. */
export function integerColumn(data: Data, target: 'int' | 'long', at: RowCursor): Data {
  const { bitWidth, isSigned } = data.type as Int
  const wanted = target === 'int' ? 32 : 64
  if (isSigned && bitWidth === wanted) return data
  const values = data.values as Int32Array
  const type = target === 'int' ? new Int32() : new Int64()
  const out = target === 'int' ? new Int32Array(data.length) : new BigInt64Array(data.length)
  const [low, high] = target === 'int' ? [-(2 ** 31), 2 ** 31 - 1] : [-(2n ** 63n), 2n ** 63n - 1n]
  const convert = target === 'int' ? Number : BigInt
  for (let row = 0; row < data.length; row++) {
    if (!isValid(data, row)) continue
    const value = values[row]!
    if (value < low || value > high) {
      at.row = row
      throw new KustoDataError('KUSTO_INTEGER_RANGE', `expected an integer that fits ${target}`, { type: target })
    }
    out[row] = convert(value) as never
  }
  return makeData({ type, length: data.length, ...bitmapAtZero(data), data: out } as never)
}

/** An integer column as float64, every value checked to be exact. */
export function realColumn(data: Data, at: RowCursor): Data {
  const values = data.values as Int32Array | BigInt64Array
  const out = new Float64Array(data.length)
  for (let row = 0; row < data.length; row++) {
    out[row] = Number(values[row])
    if (isValid(data, row) && BigInt(out[row]!) !== BigInt(values[row]!)) {
      at.row = row
      throw new KustoDataError('KUSTO_INTEGER_RANGE', 'expected an integer that a real holds exactly', { type: 'real' })
    }
  }
  return makeData({ type: new Float64(), length: data.length, ...bitmapAtZero(data), data: out })
}

/** A date, timestamp or int64 ticks column as UTC microseconds, every value checked to be exact and in Kusto's range. */
export function microsecondColumn(data: Data, at: RowCursor): Data {
  const { multiply, divide, shift } = unitOf(data)
  const values = data.values as Int32Array | BigInt64Array
  const out = new BigInt64Array(data.length)
  for (let row = 0; row < data.length; row++) {
    if (!isValid(data, row)) continue
    const units = BigInt(values[row]!) - shift
    const value = divide === 1n ? units * multiply : units / divide
    if (divide !== 1n && value * divide !== units) {
      at.row = row
      throw new KustoDataError(
        'KUSTO_PARQUET_PRECISION',
        'expected whole microseconds, which is all that Parquet carries',
        {
          type: 'datetime',
        },
      )
    }
    if (value < FIRST_US || value > LAST_US) {
      at.row = row
      throw new KustoDataError('KUSTO_DATETIME_RANGE', 'expected a time in the years 0001 to 9999', {
        type: 'datetime',
      })
    }
    out[row] = value
  }
  const type = new Timestamp(TimeUnit.MICROSECOND, 'UTC')
  return makeData({ type, length: data.length, ...bitmapAtZero(data), data: out })
}

/** A decimal column of any width as Decimal128(38, its scale), every value checked to have at most 34 digits. */
export function decimalColumn(data: Data, at: RowCursor): Data {
  const { bitWidth, scale } = data.type as Decimal
  const count = bitWidth / 32
  const words = data.values as Uint32Array
  const out = new Uint32Array(data.length * 4)
  for (let row = 0; row < data.length; row++) {
    if (!isValid(data, row)) continue
    const fill = words[row * count + count - 1]! >>> 31 === 1 ? 0xffff_ffff : 0
    for (let word = 0; word < 4; word++) out[row * 4 + word] = word < count ? words[row * count + word]! : fill
    at.row = row
    checkDigits(words.subarray(row * count, row * count + count), fill)
  }
  const type = new Decimal(scale, 38, 128)
  return makeData({ type, length: data.length, ...bitmapAtZero(data), data: out })
}

/* Values of up to 96 bits have at most 29 digits: only larger ones are looked at in full. */
function checkDigits(words: Uint32Array, fill: number): void {
  let high = words.length - 1
  while (high >= 0 && words[high] === fill) high--
  if (high < 3) return
  let value = 0n
  for (let word = words.length - 1; word >= 0; word--) value = (value << 32n) | BigInt(words[word]!)
  const signed = BigInt.asIntN(words.length * 32, value)
  const digits = (signed < 0n ? -signed : signed).toString()
  if (digits.length > 38 || digits.replace(/0+$/, '').length > 34) {
    throw new KustoDataError('KUSTO_DECIMAL_DIGITS', 'expected at most 34 significant digits', { type: 'decimal' })
  }
}

function isPresent(data: Data, row: number): boolean {
  if (!isValid(data, row)) return false
  if (data.type.typeId !== Type.Dictionary) return true
  let key = Number((data.values as Int32Array)[row])
  for (const chunk of data.dictionary?.data ?? []) {
    if (key < chunk.length) return isValid(chunk, key)
    key -= chunk.length
  }
  return false
}

function unitOf(data: Data): { readonly multiply: bigint; readonly divide: bigint; readonly shift: bigint } {
  const { typeId } = data.type
  if (typeId === Type.Int) return { multiply: 1n, divide: 10n, shift: EPOCH_TICKS }
  if (typeId === Type.Date) {
    const isDay = (data.type as Date_).unit === DateUnit.DAY
    return { multiply: isDay ? 86_400_000_000n : 1000n, divide: 1n, shift: 0n }
  }
  const { unit } = data.type as Timestamp
  return unit === TimeUnit.NANOSECOND
    ? { multiply: 1n, divide: 1000n, shift: 0n }
    : { multiply: 1000n ** BigInt(2 - unit), divide: 1n, shift: 0n }
}

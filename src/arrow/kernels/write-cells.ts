/*
 * HOT: the closures are made once per column and batch and called once per cell. They read raw Arrow buffers: `values`,
 * `valueOffsets` and `typeIds` of a sliced Data already start at its first row, only bitmaps need `offset`. A writer
 * must not be called for a null row, and needs `room` bytes reserved. Bench: bench/csv.bench.ts.
 */
import {
  DateUnit,
  type Data,
  type Date_,
  type Decimal,
  type Duration,
  type Float,
  type Int,
  type Interval,
  IntervalUnit,
  Precision,
  type Time,
  TimeUnit,
  type Timestamp,
  Type,
} from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import type { ScalarName } from '../scalar-types.ts'
import { type ByteSink, writeAscii } from './write-bytes.ts'
import { writeDecimal } from './write-decimal.ts'
import { writeInt64, writeInteger, writeUint64 } from './write-integer.ts'
import { halfToNumber, writeReal } from './write-real.ts'
import {
  MICROSECONDS,
  MILLISECONDS,
  NANOSECONDS,
  SECONDS,
  TICKS,
  type TimeScale,
  writeDatetime,
  writeDatetimeTicks,
  writeDuration,
  writeTimespan,
  writeTimestamp,
} from './write-time.ts'

/** Appends the text of one cell. */
export type CellWriter = (out: ByteSink, row: number) => void

/** A writer of bounded length, with the bytes it may need. */
export interface FixedCells {
  readonly room: number
  readonly write: CellWriter
}

const NANO = 1_000_000_000n

/** The scale of each Arrow time unit. */
export const SCALES: Readonly<Record<TimeUnit, TimeScale>> = {
  [TimeUnit.SECOND]: SECONDS,
  [TimeUnit.MILLISECOND]: MILLISECONDS,
  [TimeUnit.MICROSECOND]: MICROSECONDS,
  [TimeUnit.NANOSECOND]: NANOSECONDS,
}

/** Whether the row of a Data is not null, by its own bitmap. */
export function isValid(data: Data, row: number): boolean {
  const bitmap = data.nullBitmap
  if (!bitmap || bitmap.length === 0) return data.typeId !== Type.Null
  const bit = data.offset + row
  return ((bitmap[bit >> 3]! >> (bit & 7)) & 1) === 1
}

/** The two 32-bit halves of each value of a 64-bit buffer: low at 2i, high at 2i + 1. */
export function halves(values: BigInt64Array | BigUint64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** Writers for the types whose text has a bounded length; undefined for text, binary, nested, dictionary and null. */
export function fixedCells(data: Data, target: ScalarName): FixedCells | undefined {
  const { typeId } = data.type
  if (typeId === Type.Bool) return { room: 5, write: boolCells(data) }
  if (typeId === Type.Int) return { room: 32, write: integerCells(data, target) }
  if (typeId === Type.Float) return { room: 32, write: realCells(data, target) }
  if (typeId === Type.Decimal) return decimalCells(data)
  if (typeId === Type.Date || typeId === Type.Timestamp) return { room: 32, write: datetimeCells(data) }
  const isTimespan = typeId === Type.Time || typeId === Type.Duration || typeId === Type.Interval
  return isTimespan ? { room: 32, write: timespanCells(data) } : undefined
}

function decimalCells(data: Data): FixedCells {
  const { bitWidth, scale } = data.type as Decimal
  const words = data.values as Uint32Array
  const count = bitWidth / 32
  return {
    room: 90 + Math.abs(scale),
    write: (out, row) => writeDecimal(out, words, row * count, count, scale),
  }
}

function boolCells(data: Data): CellWriter {
  const bits = data.values as Uint8Array
  const { offset } = data
  return (out, row) => {
    const bit = offset + row
    writeAscii(out, ((bits[bit >> 3]! >> (bit & 7)) & 1) === 1 ? 'true' : 'false')
  }
}

function integerCells(data: Data, target: ScalarName): CellWriter {
  const { bitWidth, isSigned } = data.type as Int
  if (bitWidth < 64) {
    const values = data.values as Int32Array
    if (target !== 'int' || bitWidth < 32 || isSigned) return (out, row) => writeInteger(out, values[row]!)
    return (out, row) => {
      if (values[row]! > 0x7fff_ffff) throw integerRange('int')
      writeInteger(out, values[row]!)
    }
  }
  const words = halves(data.values as BigInt64Array)
  const write = longCells(words, { target, isSigned })
  if (isSigned || target === 'decimal' || target === 'string' || target === 'dynamic' || target === 'real') return write
  return (out, row) => {
    if (words[2 * row + 1]! < 0) throw integerRange('long')
    write(out, row)
  }
}

function longCells(words: Int32Array, how: { readonly target: ScalarName; readonly isSigned: boolean }): CellWriter {
  const { target, isSigned } = how
  if (target === 'datetime') return (out, row) => writeDatetimeTicks(out, words[2 * row + 1]!, words[2 * row]!)
  if (target === 'timespan') return (out, row) => writeDuration(out, words[2 * row + 1]!, words[2 * row]!, TICKS)
  const digits = isSigned ? writeInt64 : writeUint64
  if (target === 'int') {
    return (out, row) => {
      if (words[2 * row + 1] !== words[2 * row]! >> 31) throw integerRange('int')
      digits(out, words[2 * row + 1]!, words[2 * row]!)
    }
  }
  if (target !== 'real') return (out, row) => digits(out, words[2 * row + 1]!, words[2 * row]!)
  return (out, row) => {
    const exact = (BigInt(words[2 * row + 1]!) << 32n) | BigInt(words[2 * row]! >>> 0)
    const value = isSigned ? exact : BigInt.asUintN(64, exact)
    if (BigInt(Number(value)) !== value) {
      throw new KustoDataError('KUSTO_INTEGER_RANGE', 'expected an integer that a real holds exactly', { type: 'real' })
    }
    digits(out, words[2 * row + 1]!, words[2 * row]!)
  }
}

function realCells(data: Data, target: ScalarName): CellWriter {
  const values = data.values as Float64Array
  const number: (row: number) => number =
    (data.type as Float).precision === Precision.HALF ? (row) => halfToNumber(values[row]!) : (row) => values[row]!
  if (target === 'int' || target === 'long') {
    const limit = target === 'int' ? 2 ** 31 : 2 ** 63
    return (out, row) => {
      const value = number(row)
      if (!Number.isInteger(value) || value < -limit || value >= limit) throw integerRange(target)
      writeAscii(out, BigInt(value).toString())
    }
  }
  if (target === 'decimal') {
    return (out, row) => {
      const value = number(row)
      if (!Number.isFinite(value)) {
        throw new KustoDataError('KUSTO_DECIMAL_RANGE', 'expected a finite number for a decimal', { type: 'decimal' })
      }
      writeReal(out, value)
    }
  }
  if ((data.type as Float).precision === Precision.HALF) return (out, row) => writeReal(out, halfToNumber(values[row]!))
  return (out, row) => writeReal(out, values[row]!)
}

function datetimeCells(data: Data): CellWriter {
  const type = data.type as Date_ | Timestamp
  // Date32 counts days in 32 bits; Date64 and every timestamp count units in 64, in UTC whatever the zone's label says.
  if (type.typeId === Type.Date && type.unit === DateUnit.DAY) {
    const days = data.values as Int32Array
    return (out, row) => writeDatetime(out, days[row]! * 86_400, 0)
  }
  const words = halves(data.values as BigInt64Array)
  const scale = type.typeId === Type.Date ? MILLISECONDS : SCALES[(type as Timestamp).unit]
  return (out, row) => writeTimestamp(out, words[2 * row + 1]!, words[2 * row]!, scale)
}

function timespanCells(data: Data): CellWriter {
  if (data.type.typeId === Type.Interval) return intervalCells(data.values as Int32Array, data.type as Interval)
  const type = data.type as Time | Duration
  const scale = SCALES[type.unit]
  if (type.typeId === Type.Time && type.bitWidth === 32) {
    const values = data.values as Int32Array
    return (out, row) => writeDuration(out, values[row]! >> 31, values[row]!, scale)
  }
  const words = halves(data.values as BigInt64Array)
  return (out, row) => writeDuration(out, words[2 * row + 1]!, words[2 * row]!, scale)
}

function intervalCells(values: Int32Array, type: Interval): CellWriter {
  if (type.unit === IntervalUnit.YEAR_MONTH) {
    return (out, row) => {
      noMonths(values[row]!)
      writeTimespan(out, 0, 0, SECONDS)
    }
  }
  if (type.unit === IntervalUnit.DAY_TIME) {
    return (out, row) => {
      const seconds = Math.floor(values[2 * row + 1]! / 1000)
      const fraction = values[2 * row + 1]! - seconds * 1000
      writeTimespan(out, values[2 * row]! * 86_400 + seconds, fraction, MILLISECONDS)
    }
  }
  return (out, row) => {
    const at = 4 * row
    const nanoseconds = (BigInt(values[at + 3]!) << 32n) | BigInt(values[at + 2]! >>> 0)
    const seconds = (nanoseconds - (((nanoseconds % NANO) + NANO) % NANO)) / NANO
    const fraction = Number(nanoseconds - seconds * NANO)
    noMonths(values[at]!)
    writeTimespan(out, values[at + 1]! * 86_400 + Number(seconds), fraction, NANOSECONDS)
  }
}

function noMonths(months: number): void {
  if (months !== 0) {
    throw new KustoDataError(
      'KUSTO_TIMESPAN_MONTHS',
      'expected an interval without months, which have no fixed length',
      {
        type: 'timespan',
      },
    )
  }
}

/** The error of an integer that does not fit its column. */
export function integerRange(type: 'int' | 'long'): KustoDataError {
  return new KustoDataError('KUSTO_INTEGER_RANGE', `expected an integer that fits ${type}`, { type })
}

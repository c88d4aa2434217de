/*
 * HOT: the closures are made once per column and batch and called once per cell. They read raw Arrow buffers: `values`,
 * `valueOffsets` and `typeIds` of a sliced Data already start at its first row, only bitmaps need `offset`. A writer
 * must not be called for a null row, and needs `room` bytes reserved. Bench: bench/csv.bench.ts.
 */
import {
  type Data,
  type Decimal,
  type Duration,
  type Float,
  type Interval,
  IntervalUnit,
  Precision,
  type Time,
  TimeUnit,
  Type,
} from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import type { ScalarName } from '../scalar-types.ts'
import { halfToNumber } from './half-to-number.ts'
import { type ByteSink, writeAscii } from './write-bytes.ts'
import { writeDecimal } from './write-decimal.ts'
import {
  MICROSECONDS,
  MILLISECONDS,
  NANOSECONDS,
  SECONDS,
  TICKS,
  type TimeScale,
  writeDuration,
  writeTimespan,
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

/**
 * Writers for decimals, times of day, durations, intervals, ticks of a timespan column, and reals of an integer column;
 * undefined for other types, whose cells are not written one by one.
 */
export function fixedCells(data: Data, target: ScalarName): FixedCells | undefined {
  const { typeId } = data.type
  if (typeId === Type.Decimal) return decimalCells(data)
  if (typeId === Type.Int && target === 'timespan') return { room: 32, write: tickCells(data) }
  if (typeId === Type.Float && (target === 'int' || target === 'long')) {
    return { room: 32, write: wholeCells(data, target) }
  }
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

function tickCells(data: Data): CellWriter {
  const words = halves(data.values as BigInt64Array)
  return (out, row) => writeDuration(out, words[2 * row + 1]!, words[2 * row]!, TICKS)
}

function wholeCells(data: Data, target: 'int' | 'long'): CellWriter {
  const values = data.values as Float64Array
  const isHalf = (data.type as Float).precision === Precision.HALF
  const limit = target === 'int' ? 2 ** 31 : 2 ** 63
  return (out, row) => {
    const value = isHalf ? halfToNumber(values[row]!) : values[row]!
    if (!Number.isInteger(value) || value < -limit || value >= limit) throw integerRange(target)
    writeAscii(out, BigInt(value).toString())
  }
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

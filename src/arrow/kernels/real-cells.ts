/*
 * HOT: two loops per real column and block of rows. The shortest text that reads back as the same double, in the form of
 * JavaScript's String(): plain digits from 1e-6 to 1e21, an exponent outside. Integers and numbers of few decimals, which
 * most measured data is, need no search for their digits. Bench: bench/csv.bench.ts.
 */
import { type CellKernel, roomFor } from './cell-kernel.ts'
import { writeLeft } from './integer-cells.ts'
import { COUNT, type Digits, HIGH, LOW, POINT, setTrimmed, shortestDigits } from './shortest-digits.ts'
import type { ByteSink } from './write-bytes.ts'
import { DIGIT_PAIRS, digitsOf } from './write-integer.ts'

const HUNDRED_MILLION = 100_000_000
const MINUS = 45
const PLUS = 43
const DOT = 46
const ZERO = 48
const QUOTE = 34
const LETTER_E = 101

/**
 * Cells of doubles. NaN and the infinities are spelled as in .NET's invariant culture, which is what the service parses
 * reals with, and stand between `quotes` quotation marks.
 */
export function realCells(values: Float64Array, quotes: 0 | 1 | 2): CellKernel {
  const digits = new Int32Array(4)
  let highs = new Int32Array(0)
  let lows = new Int32Array(0)
  let shapes = new Int32Array(0)
  return {
    measure: ({ count: cells, rows, lengths }) => {
      highs = roomFor(highs, cells)
      lows = roomFor(lows, cells)
      shapes = roomFor(shapes, cells)
      for (let index = 0; index < cells; index++) {
        const value = values[rows[index]!]!
        if (value - value !== 0) {
          lengths[index] = nameOf(value).length + 2 * quotes
          continue
        }
        const negative = value < 0 || (value === 0 && 1 / value < 0)
        findDigits(digits, negative ? -value : value)
        const count = digits[COUNT]!
        const point = digits[POINT]!
        highs[index] = digits[HIGH]!
        lows[index] = digits[LOW]!
        shapes[index] = (point << 8) | count
        lengths[index] = (negative ? 1 : 0) + textLength(count, point)
      }
    },
    write: (out, { count, rows, lengths, at }) => {
      const { bytes } = out
      for (let index = 0; index < count; index++) {
        const value = values[rows[index]!]!
        let start = at[index]!
        const end = start + lengths[index]!
        if (value - value !== 0) {
          writeName(out, start, value, quotes)
          continue
        }
        if (value < 0 || (value === 0 && 1 / value < 0)) bytes[start++] = MINUS
        const count = shapes[index]! & 255
        const point = shapes[index]! >> 8
        if (point > 21 || point <= -6) {
          const exponent = point - 1
          const size = Math.abs(exponent)
          const tail = end - digitsOf(size)
          bytes[tail - 2] = LETTER_E
          bytes[tail - 1] = exponent < 0 ? MINUS : PLUS
          writeLeft(out, end, size)
          writeDigits(out, tail - 2, highs[index]!, lows[index]!)
          if (count > 1) insertPoint(bytes, start, 1)
          continue
        }
        let last = end
        for (let zeros = point - count; zeros > 0; zeros--) bytes[--last] = ZERO
        writeDigits(out, last, highs[index]!, lows[index]!)
        if (point >= count) continue
        if (point > 0) insertPoint(bytes, start, point)
        else {
          bytes[start] = ZERO
          bytes[start + 1] = DOT
          for (let place = start + 2; place < start + 2 - point; place++) bytes[place] = ZERO
        }
      }
    },
  }
}

/*
 * `whole / 10^n === value` with whole < 10^15 means that whole * 10^-n reads as value, because IEEE division rounds
 * correctly, and that no shorter text does, because texts of up to 15 digits read as distinct doubles.
 */
function findDigits(digits: Digits, value: number): void {
  if (value < 1e9) {
    const whole = value | 0
    if (whole === value) {
      const count = digitsOf(whole)
      digits[HIGH] = 0
      digits[LOW] = whole
      digits[COUNT] = count
      digits[POINT] = count
      return
    }
    const thousandths = Math.floor(value * 1e3 + 0.5)
    if (thousandths / 1e3 === value) {
      setDecimal(digits, thousandths, 3)
      return
    }
    const millionths = Math.floor(value * 1e6 + 0.5)
    if (millionths / 1e6 === value) {
      setDecimal(digits, millionths, 6)
      return
    }
  }
  shortestDigits(digits, value)
}

function setDecimal(digits: Digits, whole: number, places: number): void {
  if (whole <= 0x7fff_ffff) {
    const low = whole | 0
    const count = digitsOf(low)
    digits[POINT] = count - places
    setTrimmed(digits, 0, low, count)
    return
  }
  const high = Math.floor(whole / HUNDRED_MILLION)
  const count = digitsOf(high) + 8
  digits[POINT] = count - places
  setTrimmed(digits, high, (whole - high * HUNDRED_MILLION) | 0, count)
}

/** Writes `high * 10^8 + low` so that it ends before `end`. */
function writeDigits(out: ByteSink, end: number, high: number, low: number): void {
  if (high === 0) {
    writeLeft(out, end, low)
    return
  }
  const { view } = out
  const top = (low / 10_000) | 0
  const bottom = low - top * 10_000
  const topPair = (top / 100) | 0
  const bottomPair = (bottom / 100) | 0
  view.setUint16(end - 2, DIGIT_PAIRS[bottom - bottomPair * 100]!, true)
  view.setUint16(end - 4, DIGIT_PAIRS[bottomPair]!, true)
  view.setUint16(end - 6, DIGIT_PAIRS[top - topPair * 100]!, true)
  view.setUint16(end - 8, DIGIT_PAIRS[topPair]!, true)
  writeLeft(out, end - 8, high)
}

/** Moves the first `count` digits, which stand one place too far to the right, and puts the point behind them. */
function insertPoint(bytes: Uint8Array, start: number, count: number): void {
  for (let place = start; place < start + count; place++) bytes[place] = bytes[place + 1]!
  bytes[start + count] = DOT
}

function nameOf(value: number): string {
  return value > 0 ? 'Infinity' : value < 0 ? '-Infinity' : 'NaN'
}

function writeName({ bytes }: ByteSink, start: number, value: number, quotes: number): void {
  const name = nameOf(value)
  let pos = start
  for (let quote = 0; quote < quotes; quote++) bytes[pos++] = QUOTE
  for (let index = 0; index < name.length; index++) bytes[pos++] = name.charCodeAt(index)
  for (let quote = 0; quote < quotes; quote++) bytes[pos++] = QUOTE
}

function textLength(count: number, point: number): number {
  if (point > 0 && point <= 21) return point >= count ? point : count + 1
  if (point > -6 && point <= 0) return 2 - point + count
  const exponent = Math.abs(point - 1)
  return (count === 1 ? 1 : count + 1) + 2 + digitsOf(exponent)
}

/*
 * HOT: two loops per integer column and block of rows. Decimal digits written from the right, two at a time, without
 * strings, and without bigint for any 64-bit value. Bench: bench/csv.bench.ts.
 */
import type { CellBlock, CellKernel } from './cell-kernel.ts'
import { DIGIT_PAIRS, digitsOf } from './write-integer.ts'
import type { ByteSink } from './write-bytes.ts'

const BILLION = 1_000_000_000
const MINUS = 45

/** Cells of integers of at most 32 bits with sign. */
export function int32Cells(values: Int32Array): CellKernel {
  return {
    measure: ({ count, rows, lengths }) => {
      for (let index = 0; index < count; index++) {
        const value = values[rows[index]!]!
        lengths[index] = value < 0 ? digitsOf(-value) + 1 : digitsOf(value)
      }
    },
    write: (out, { count, rows, lengths, at }) => {
      const { bytes } = out
      for (let index = 0; index < count; index++) {
        const value = values[rows[index]!]!
        const start = at[index]!
        if (value < 0) bytes[start] = MINUS
        writeLeft(out, start + lengths[index]!, (value < 0 ? -value : value) >>> 0)
      }
    },
  }
}

/** Cells of 64-bit integers, given as their 32-bit halves: low at 2i, high at 2i + 1. */
export function int64Cells(halves: Int32Array, sign: 'signed' | 'unsigned'): CellKernel {
  const signed = sign === 'signed'
  const parts = new Int32Array(3)
  return {
    measure: ({ count, rows, lengths }) => {
      for (let index = 0; index < count; index++) {
        const row = rows[index]! * 2
        const low = halves[row]!
        const high = halves[row + 1]!
        if (high === low >> 31 && (signed || low >= 0)) {
          lengths[index] = low < 0 ? digitsOf(-low) + 1 : digitsOf(low)
          continue
        }
        splitInt64(parts, high, low, signed)
        const minus = signed && high < 0 ? 1 : 0
        const [first, second, third] = [parts[0]!, parts[1]!, parts[2]!]
        lengths[index] =
          minus + (first > 0 ? digitsOf(first) + 18 : second > 0 ? digitsOf(second) + 9 : digitsOf(third))
      }
    },
    write: (out, { count, rows, lengths, at }) => {
      const { bytes } = out
      for (let index = 0; index < count; index++) {
        const row = rows[index]! * 2
        const low = halves[row]!
        const high = halves[row + 1]!
        const start = at[index]!
        let end = start + lengths[index]!
        if (signed && high < 0) bytes[start] = MINUS
        if (high === low >> 31 && (signed || low >= 0)) {
          writeLeft(out, end, (low < 0 ? -low : low) >>> 0)
          continue
        }
        splitInt64(parts, high, low, signed)
        const [first, second, third] = [parts[0]!, parts[1]!, parts[2]!]
        if (first === 0 && second === 0) {
          writeLeft(out, end, third)
          continue
        }
        writeNine(out, end, third)
        end -= 9
        if (first > 0) {
          writeNine(out, end, second)
          writeLeft(out, end - 9, first)
        } else writeLeft(out, end, second)
      }
    },
  }
}

/** Writes the digits of an integer in [0, 2^32) so that they end before `end`. */
export function writeLeft({ bytes, view }: ByteSink, end: number, value: number): void {
  let rest = value
  let pos = end
  while (rest >= 100) {
    const high = (rest / 100) >>> 0
    pos -= 2
    view.setUint16(pos, DIGIT_PAIRS[(rest - high * 100) | 0]!, true)
    rest = high
  }
  if (rest >= 10) view.setUint16(pos - 2, DIGIT_PAIRS[rest]!, true)
  else bytes[pos - 1] = 48 + rest
}

/** Writes an integer in [0, 10^9) as nine digits that end before `end`. */
export function writeNine({ bytes, view }: ByteSink, end: number, value: number): void {
  const high = (value / 10_000) | 0
  const low = value - high * 10_000
  const lowPair = (low / 100) | 0
  view.setUint16(end - 2, DIGIT_PAIRS[low - lowPair * 100]!, true)
  view.setUint16(end - 4, DIGIT_PAIRS[lowPair]!, true)
  const top = (high / 10_000) | 0
  const middle = high - top * 10_000
  const middlePair = (middle / 100) | 0
  view.setUint16(end - 6, DIGIT_PAIRS[middle - middlePair * 100]!, true)
  view.setUint16(end - 8, DIGIT_PAIRS[middlePair]!, true)
  bytes[end - 9] = 48 + top
}

/*
 * The size of a 64-bit integer in base 10^9, most significant part first: long division by 10^9 in steps of 16 bits,
 * which keeps every intermediate value below 2^53.
 */
function splitInt64(parts: Int32Array, high: number, low: number, signed: boolean): void {
  let top = high >>> 0
  let bottom = low >>> 0
  if (signed && high < 0) {
    bottom = -low >>> 0
    top = (~high + (bottom === 0 ? 1 : 0)) >>> 0
  }
  const first = Math.floor(top / BILLION)
  const second = (top - first * BILLION) * 65_536 + (bottom >>> 16)
  const secondWhole = Math.floor(second / BILLION)
  const third = (second - secondWhole * BILLION) * 65_536 + (bottom & 0xffff)
  const thirdWhole = Math.floor(third / BILLION)
  const quotient = first * 4_294_967_296 + secondWhole * 65_536 + thirdWhole
  const leading = Math.floor(quotient / BILLION)
  parts[0] = leading
  parts[1] = quotient - leading * BILLION
  parts[2] = third - thirdWhole * BILLION
}

/** Calls `use` for rows of the block until one is refused: a check that goes before the digits. */
export function checkedCells(kernel: CellKernel, check: (block: CellBlock) => void): CellKernel {
  return {
    measure: (block) => {
      check(block)
      kernel.measure(block)
    },
    write: kernel.write,
  }
}

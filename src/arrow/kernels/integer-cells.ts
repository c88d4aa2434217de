/*
 * HOT: two loops per integer column and block of rows. Decimal digits written from the right, two at a time, without
 * strings, and without bigint for any 64-bit value. Bench: bench/csv.bench.ts.
 */
import type { CellBlock, CellKernel } from './cell-kernel.ts'
import { DIGIT_PAIRS, digitsOf } from './write-integer.ts'
import type { ByteSink } from './write-bytes.ts'

const BILLION = 1_000_000_000
const MINUS = 45
const SMALL = 10_000

/** Cells of integers of at most 32 bits with sign. */
export function int32Cells(values: Int32Array): CellKernel {
  return {
    measure: ({ count, rows, lengths }) => {
      for (let index = 0; index < count; index++) {
        const value = values[rows[index]!]!
        const sign = value >>> 31
        lengths[index] = digitsOf(((value ^ -sign) + sign) >>> 0) + sign
      }
    },
    write: (out, { count, rows, lengths, at }) => {
      const { bytes } = out
      for (let index = 0; index < count; index++) {
        const value = values[rows[index]!]!
        const sign = value >>> 31
        const size = ((value ^ -sign) + sign) >>> 0
        const start = at[index]!
        const end = start + lengths[index]!
        // Where there is no sign the first digit overwrites it.
        bytes[start] = MINUS
        if (size < SMALL) writeSmall(bytes, start + sign, end, size)
        else writeLeft(out, end, size)
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
          const sign = low >>> 31
          lengths[index] = digitsOf(((low ^ -sign) + sign) >>> 0) + sign
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
        // Where there is no sign the first digit overwrites it.
        bytes[start] = MINUS
        if (high === low >> 31 && (signed || low >= 0)) {
          const sign = low >>> 31
          const size = ((low ^ -sign) + sign) >>> 0
          if (size < SMALL) writeSmall(bytes, start + sign, end, size)
          else writeLeft(out, end, size)
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

/*
 * Writes an integer in [0, 10^4) at [start, end) without a branch: lengths of neighbours differ, and each wrong guess of a
 * branch costs more than these four stores. Places left of `start` fall on it and are overwritten from left to right.
 */
function writeSmall(bytes: Uint8Array, start: number, end: number, value: number): void {
  const high = (value / 100) | 0
  const low = value - high * 100
  const highPair = DIGIT_PAIRS[high]!
  const lowPair = DIGIT_PAIRS[low]!
  const thousands = end - 4 - start
  const hundreds = thousands + 1
  const tens = thousands + 2
  bytes[start + (thousands & ~(thousands >> 31))] = highPair
  bytes[start + (hundreds & ~(hundreds >> 31))] = highPair >> 8
  bytes[start + (tens & ~(tens >> 31))] = lowPair
  bytes[end - 1] = lowPair >> 8
}

/** Writes the digits of an integer in [0, 2^32) so that they end before `end`. */
export function writeLeft({ bytes, view }: ByteSink, end: number, value: number): void {
  let rest = value
  let pos = end
  while (rest >= 10_000) {
    const high = (rest / 10_000) >>> 0
    const low = (rest - high * 10_000) | 0
    const lowPair = (low / 100) | 0
    view.setUint16(pos - 2, DIGIT_PAIRS[low - lowPair * 100]!, true)
    view.setUint16(pos - 4, DIGIT_PAIRS[lowPair]!, true)
    pos -= 4
    rest = high
  }
  if (rest >= 100) {
    const high = (rest / 100) | 0
    pos -= 2
    view.setUint16(pos, DIGIT_PAIRS[rest - high * 100]!, true)
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
  if (top < 0x20_0000) {
    // Below 2^53 a double is exact; multiplying by the inverse misses the quotient by one at most.
    const value = top * 4_294_967_296 + bottom
    let quotient = Math.floor(value * 1e-9)
    let rest = value - quotient * BILLION
    if (rest < 0) {
      rest += BILLION
      quotient--
    } else if (rest >= BILLION) {
      rest -= BILLION
      quotient++
    }
    parts[0] = 0
    parts[1] = quotient
    parts[2] = rest
    return
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

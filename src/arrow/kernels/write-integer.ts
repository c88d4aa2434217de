/*
 * HOT: once per integer, date part and decimal. Decimal digits without strings and, below 2^53, without bigint.
 * Up to 20 bytes per call must be reserved. Bench: bench/csv.bench.ts.
 */
import { type ByteSink, writeAscii } from './write-bytes.ts'

const TWO_32 = 4_294_967_296
const EXACT = 9_007_199_254_740_991
const BILLION = 1_000_000_000

/** Two ASCII digits for each of 0..99. */
const PAIRS: Uint8Array = Uint8Array.from({ length: 200 }, (_, index) =>
  String(index >> 1)
    .padStart(2, '0')
    .charCodeAt(index & 1),
)

/** The same two digits as one little-endian 16-bit value, for `DataView.setUint16`. */
export const DIGIT_PAIRS: Uint16Array = Uint16Array.from(
  { length: 100 },
  (_, index) => PAIRS[2 * index]! | (PAIRS[2 * index + 1]! << 8),
)

/** The smallest integer of n + 1 digits at index n; 0 for n = 0, so that zero has one digit. */
const FIRST_OF_LENGTH: Int32Array = Int32Array.from({ length: 10 }, (_, n) => (n === 0 ? 0 : 10 ** n))

/** Decimal digits of an integer in [0, 2^31]. 1233 / 4096 approximates the logarithm of 2 to base 10. */
export function digitsOf(value: number): number {
  const guess = ((32 - Math.clz32(value | 1)) * 1233) >> 12
  return guess + 1 - (((value - FIRST_OF_LENGTH[guess]!) | 0) >>> 31)
}

/** Writes a signed 64-bit integer given as its two 32-bit halves (`high` signed, `low` any). */
export function writeInt64(out: ByteSink, high: number, low: number): void {
  const value = high * TWO_32 + (low >>> 0)
  if (value >= 0 && value <= EXACT) writeUnsigned(out, value)
  else if (value < 0 && value >= -EXACT) {
    out.bytes[out.pos++] = 45
    writeUnsigned(out, -value)
  } else writeAscii(out, ((BigInt(high) << 32n) | BigInt(low >>> 0)).toString())
}

/** Writes an unsigned 64-bit integer given as its two 32-bit halves. */
export function writeUint64(out: ByteSink, high: number, low: number): void {
  const value = (high >>> 0) * TWO_32 + (low >>> 0)
  if (value <= EXACT) writeUnsigned(out, value)
  else writeAscii(out, ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString())
}

/** Writes a signed integer of at most 53 bits. */
export function writeInteger(out: ByteSink, value: number): void {
  if (value < 0) {
    out.bytes[out.pos++] = 45
    writeUnsigned(out, -value)
  } else writeUnsigned(out, value)
}

/** Writes an integer in [0, 2^53). */
export function writeUnsigned(out: ByteSink, value: number): void {
  if (value < BILLION) {
    const length = digits(value)
    writePadded(out, value, length)
    return
  }
  const high = Math.floor(value / BILLION)
  writeUnsigned(out, high)
  writePadded(out, value - high * BILLION, 9)
}

/** Writes an integer in [0, 10^9) with exactly `length` digits, filled with zeros on the left. */
export function writePadded(out: ByteSink, value: number, length: number): void {
  const { bytes } = out
  const start = out.pos
  let end = start + length
  out.pos = end
  let rest = value | 0
  while (end - start >= 2) {
    const high = (rest / 100) | 0
    const pair = (rest - high * 100) << 1
    bytes[--end] = PAIRS[pair + 1]!
    bytes[--end] = PAIRS[pair]!
    rest = high
  }
  if (end > start) bytes[start] = 48 + (rest % 10)
}

function digits(value: number): number {
  if (value < 10) return 1
  if (value < 100) return 2
  if (value < 1000) return 3
  if (value < 10_000) return 4
  if (value < 100_000) return 5
  if (value < 1_000_000) return 6
  if (value < 10_000_000) return 7
  if (value < 100_000_000) return 8
  return 9
}

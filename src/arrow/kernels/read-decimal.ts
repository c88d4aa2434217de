import type { ColumnBuilder } from './column-builder.ts'

const SCALE = 18
const MAX_DIGITS = 38
const TWO_32 = 4_294_967_296

/**
 * Reads a decimal at `p` into the four words of row `row`: Decimal128 with 18 digits after the point.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Layout: a JSON string (what the service sends) or a JSON number (older answers), `[-]digits[.digits][e[+-]digits]`.
 * Digits are multiplied in six at a time, because 2^32 * 10^6 is below 2^53.
 *
 * Returns the position after the value, or `~position` of the first byte that does not fit. A value that would need
 * rounding or more than 38 digits does not fit.
 */
export function readDecimal(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  const start = p
  const quoted = buf[p] === 0x22
  if (quoted) p++
  const negative = buf[p] === 0x2d
  if (negative || (quoted && buf[p] === 0x2b)) p++
  const first = p
  let point = -1
  let c = buf[p]!
  while ((c >= 0x30 && c <= 0x39) || (c === 0x2e && point < 0)) {
    if (c === 0x2e) point = p
    c = buf[++p]!
  }
  const last = p
  const integerDigits = (point < 0 ? last : point) - first
  if (integerDigits === 0 && !(quoted && point >= 0 && last - point > 1)) return ~p
  if (point >= 0 && last - point === 1) return ~p
  if (!quoted && integerDigits > 1 && buf[first] === 0x30) return ~first
  let exponent = 0
  if (c === 0x65 || c === 0x45) {
    c = buf[++p]!
    const negativeExponent = c === 0x2d
    if (negativeExponent || c === 0x2b) c = buf[++p]!
    if (c < 0x30 || c > 0x39) return ~p
    while (c >= 0x30 && c <= 0x39) {
      if (exponent < 100_000) exponent = exponent * 10 + c - 48
      c = buf[++p]!
    }
    if (negativeExponent) exponent = -exponent
  }
  if (quoted) {
    if (c !== 0x22) return ~p
    p++
  }

  // Digits that count: from the first that is not 0 to 10^-18. What is below must be zeros.
  const fractionDigits = (point < 0 ? 0 : last - point - 1) - exponent
  let ignored = fractionDigits - SCALE
  let w0 = 0
  let w1 = 0
  let w2 = 0
  let w3 = 0
  let group = 0
  let power = 1
  let significant = 0
  let end = last
  while (ignored > 0 && end > first) {
    const digit = buf[--end]!
    if (digit === 0x2e) continue
    if (digit !== 0x30) return ~start
    ignored--
  }
  let padding = SCALE - fractionDigits
  for (let i = first; ; i++) {
    const isDone = i >= end && (padding <= 0 || significant === 0)
    if (!isDone) {
      let digit = 0
      if (i < end) {
        if (i === point) continue
        digit = buf[i]! - 48
      } else padding--
      if (digit !== 0 || significant > 0) significant++
      if (significant > MAX_DIGITS) return ~start
      group = group * 10 + digit
      power *= 10
      if (power < 1_000_000) continue
    }
    let t = w0 * power + group
    let carry = Math.floor(t / TWO_32)
    w0 = t - carry * TWO_32
    t = w1 * power + carry
    carry = Math.floor(t / TWO_32)
    w1 = t - carry * TWO_32
    t = w2 * power + carry
    carry = Math.floor(t / TWO_32)
    w2 = t - carry * TWO_32
    w3 = w3 * power + carry
    if (isDone) break
    group = 0
    power = 1
  }
  const i32 = column.i32
  const at = row * 4
  if (negative) {
    i32[at] = -w0
    i32[at + 1] = w0 === 0 ? -w1 : ~w1
    i32[at + 2] = w0 === 0 && w1 === 0 ? -w2 : ~w2
    i32[at + 3] = w0 === 0 && w1 === 0 && w2 === 0 ? -w3 : ~w3
  } else {
    i32[at] = w0
    i32[at + 1] = w1
    i32[at + 2] = w2
    i32[at + 3] = w3
  }
  return p
}

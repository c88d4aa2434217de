import type { ColumnBuilder } from './column-builder.ts'

const POW10 = new Float64Array([1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9])
const TWO_32 = 4_294_967_296

/**
 * Reads a JSON integer of 64 bits at `p` into row `row`, exactly, as two 32-bit halves and without a bigint.
 * HOT: once per cell. bench/decode.bench.ts.
 * Returns the position after the value, or `~position` of the byte that does not fit; a value out of range counts
 * as not fitting. A fraction or exponent is left unread for the caller to find.
 */
export function readLong(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  const negative = buf[p] === 0x2d
  if (negative) p++
  const first = p
  let d = (buf[p]! - 48) >>> 0
  if (d > 9) return ~p
  let a = d
  d = (buf[++p]! - 48) >>> 0
  if (a === 0 && d <= 9) return ~p
  while (d <= 9 && p - first < 9) {
    a = (a * 10 + d) | 0
    d = (buf[++p]! - 48) >>> 0
  }
  let hi = 0
  let lo = a
  if (d <= 9) {
    const second = p
    let b = 0
    while (d <= 9 && p - second < 9) {
      b = (b * 10 + d) | 0
      d = (buf[++p]! - 48) >>> 0
    }
    const power = POW10[p - second]!
    if (p - first <= 15) {
      const value = a * power + b
      hi = Math.floor(value / TWO_32)
      lo = value - hi * TWO_32
    } else {
      // a * power + b with a = a1 * 2^16 + a0: every partial product stays below 2^53.
      const low = (a & 0xffff) * power + b
      const high = (a >>> 16) * power
      const highTop = Math.floor(high / 65_536)
      const sum = (high - highTop * 65_536) * 65_536 + low
      const carry = Math.floor(sum / TWO_32)
      hi = highTop + carry
      lo = sum - carry * TWO_32
      if (d <= 9) {
        const times10 = lo * 10 + d
        const up = Math.floor(times10 / TWO_32)
        hi = hi * 10 + up
        lo = times10 - up * TWO_32
        d = (buf[++p]! - 48) >>> 0
        if (d <= 9) return ~p
        if (hi > 2_147_483_647 && !(negative && hi === 2_147_483_648 && lo === 0)) return ~first
      }
    }
  }
  if (negative) {
    hi = lo === 0 ? -hi : ~hi
    lo = -lo
  }
  column.i32[2 * row] = lo
  column.i32[2 * row + 1] = hi
  return p
}

import type { ColumnBuilder } from './column-builder.ts'

const POW10 = new Float64Array([1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9])
const TWO_32 = 4_294_967_296
const ZEROS = 0x30303030
const ABOVE_NINE = 0x76767676
const HIGH_BITS = 0x80808080 | 0

/**
 * Reads a JSON integer of 64 bits at `p` into row `row`, exactly, as two 32-bit halves and without a bigint.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Up to eleven digits are read four at a time; see readInt.
 *
 * Returns the position after the value, or `~position` of the byte that does not fit; a value out of range counts
 * as not fitting. A fraction or exponent is left unread for the caller to find.
 * Precondition, not checked: twelve zero bytes follow the last byte of `buf`.
 */
export function readLong(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const minus = ((buf[p]! ^ 0x2d) - 1) >>> 31
  p += minus
  const t = view.getInt32(p, true) ^ ZEROS
  const odd = ((t + ABOVE_NINE) | t) & HIGH_BITS
  if (odd !== 0) {
    const digits = (31 - Math.clz32(odd & -odd)) >> 3
    if (digits === 0 || (digits > 1 && (t & 255) === 0)) return ~p
    const aligned = t << (32 - (digits << 3))
    const pairs = (Math.imul(aligned, 10) + (aligned >>> 8)) | 0
    const value = ((((pairs & 255) * 100 + ((pairs >>> 16) & 255)) ^ -minus) + minus) | 0
    column.i32[2 * row] = value
    column.i32[2 * row + 1] = value >> 31
    return p + digits
  }
  if ((t & 255) === 0) return ~(p + 1)
  const pairs = (Math.imul(t, 10) + (t >>> 8)) | 0
  const four = (pairs & 255) * 100 + ((pairs >>> 16) & 255)
  const t2 = view.getInt32(p + 4, true) ^ ZEROS
  const odd2 = ((t2 + ABOVE_NINE) | t2) & HIGH_BITS
  if (odd2 !== 0) {
    const digits = (31 - Math.clz32(odd2 & -odd2)) >> 3
    const aligned = (t2 << (24 - (digits << 3))) << 8
    const pairs2 = (Math.imul(aligned, 10) + (aligned >>> 8)) | 0
    const rest = (pairs2 & 255) * 100 + ((pairs2 >>> 16) & 255)
    const value = (((four * POW10[digits]! + rest) ^ -minus) + minus) | 0
    column.i32[2 * row] = value
    column.i32[2 * row + 1] = value >> 31
    return p + 4 + digits
  }
  const t3 = view.getInt32(p + 8, true) ^ ZEROS
  const odd3 = ((t3 + ABOVE_NINE) | t3) & HIGH_BITS
  if (odd3 === 0) return readLongest(buf, p, minus === 1, column, row)
  const digits = (31 - Math.clz32(odd3 & -odd3)) >> 3
  const aligned = (t3 << (24 - (digits << 3))) << 8
  const pairs2 = (Math.imul(t2, 10) + (t2 >>> 8)) | 0
  const pairs3 = (Math.imul(aligned, 10) + (aligned >>> 8)) | 0
  const eight = four * 10_000 + (pairs2 & 255) * 100 + ((pairs2 >>> 16) & 255)
  const value = eight * POW10[digits]! + (pairs3 & 255) * 100 + ((pairs3 >>> 16) & 255)
  const high = Math.floor(value / TWO_32)
  storeHalves(column, row, high, value - high * TWO_32, minus === 1)
  return p + 8 + digits
}

/** Twelve digits and more, from the first digit, which is not 0. */
function readLongest(buf: Uint8Array, p: number, negative: boolean, column: ColumnBuilder, row: number): number {
  const first = p
  let a = 0
  let d = (buf[p]! - 48) >>> 0
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
  storeHalves(column, row, hi, lo, negative)
  return p
}

function storeHalves(column: ColumnBuilder, row: number, hi: number, lo: number, negative: boolean): void {
  if (negative) {
    hi = lo === 0 ? -hi : ~hi
    lo = -lo
  }
  column.i32[2 * row] = lo
  column.i32[2 * row + 1] = hi
}

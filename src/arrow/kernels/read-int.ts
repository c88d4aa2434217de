import type { ColumnBuilder } from './column-builder.ts'

const ZEROS = 0x30303030
const ABOVE_NINE = 0x76767676
const HIGH_BITS = 0x80808080 | 0
const POW10 = new Int32Array([1, 10, 100, 1000])

/**
 * Reads a JSON integer of 32 bits at `p` into row `row`.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Up to seven digits are read four at a time and without a branch on their number or sign, which no processor can
 * guess: in `t` each digit is a byte 0 to 9, and the first other byte has its high bit set in `odd`.
 *
 * Returns the position after the value, or `~position` of the byte that does not fit; a value out of range counts
 * as not fitting. A fraction or exponent is left unread for the caller to find.
 * Precondition, not checked: eight zero bytes follow the last byte of `buf`.
 */
export function readInt(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  // 1 when the byte is a minus.
  const minus = ((buf[p]! ^ 0x2d) - 1) >>> 31
  p += minus
  const t = view.getInt32(p, true) ^ ZEROS
  const odd = ((t + ABOVE_NINE) | t) & HIGH_BITS
  if (odd !== 0) {
    const digits = (31 - Math.clz32(odd & -odd)) >> 3
    if (digits === 0 || (digits > 1 && (t & 255) === 0)) return ~p
    const aligned = t << (32 - (digits << 3))
    const pairs = (Math.imul(aligned, 10) + (aligned >>> 8)) | 0
    const value = (pairs & 255) * 100 + ((pairs >>> 16) & 255)
    column.i32[row] = (value ^ -minus) + minus
    return p + digits
  }
  const t2 = view.getInt32(p + 4, true) ^ ZEROS
  const odd2 = ((t2 + ABOVE_NINE) | t2) & HIGH_BITS
  if (odd2 === 0 || (t & 255) === 0) return readLongInt(buf, p, minus, column, row)
  const digits = (31 - Math.clz32(odd2 & -odd2)) >> 3
  const aligned = (t2 << (24 - (digits << 3))) << 8
  const pairs = (Math.imul(t, 10) + (t >>> 8)) | 0
  const pairs2 = (Math.imul(aligned, 10) + (aligned >>> 8)) | 0
  const value =
    ((pairs & 255) * 100 + ((pairs >>> 16) & 255)) * POW10[digits]! + (pairs2 & 255) * 100 + ((pairs2 >>> 16) & 255)
  column.i32[row] = (value ^ -minus) + minus
  return p + 4 + digits
}

/** Eight digits and more, from the first digit. */
function readLongInt(buf: Uint8Array, p: number, minus: number, column: ColumnBuilder, row: number): number {
  const first = p
  let d = (buf[p]! - 48) >>> 0
  let value = d
  d = (buf[++p]! - 48) >>> 0
  if (value === 0) return ~p
  // Nine digits stay within 32 bits; the tenth may leave them, so it is added apart.
  while (d <= 9 && p - first < 9) {
    value = (value * 10 + d) | 0
    d = (buf[++p]! - 48) >>> 0
  }
  if (d <= 9) {
    const wide = value * 10 + d
    d = (buf[++p]! - 48) >>> 0
    if (d <= 9) return ~p
    if (wide > 2_147_483_647 + minus) return ~first
    column.i32[row] = minus === 1 ? -wide : wide
    return p
  }
  column.i32[row] = minus === 1 ? -value : value
  return p
}

import type { ColumnBuilder } from './column-builder.ts'

/**
 * Reads a JSON integer of 32 bits at `p` into row `row`.
 * HOT: once per cell. bench/decode.bench.ts.
 * Returns the position after the value, or `~position` of the byte that does not fit; a value out of range counts
 * as not fitting. A fraction or exponent is left unread for the caller to find.
 */
export function readInt(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  const negative = buf[p] === 0x2d
  if (negative) p++
  const first = p
  let d = (buf[p]! - 48) >>> 0
  if (d > 9) return ~p
  let value = d
  d = (buf[++p]! - 48) >>> 0
  if (value === 0 && d <= 9) return ~p
  // Nine digits stay within 32 bits; the tenth may leave them, so it is added apart.
  while (d <= 9 && p - first < 9) {
    value = (value * 10 + d) | 0
    d = (buf[++p]! - 48) >>> 0
  }
  if (d <= 9) {
    const wide = value * 10 + d
    d = (buf[++p]! - 48) >>> 0
    if (d <= 9) return ~p
    if (wide > (negative ? 2_147_483_648 : 2_147_483_647)) return ~first
    column.i32[row] = negative ? -wide : wide
    return p
  }
  column.i32[row] = negative ? -value : value
  return p
}

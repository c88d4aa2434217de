import type { ColumnBuilder } from './column-builder.ts'

/**
 * Reads a decimal at `p`, a JSON string or number, as the text of row `row`, digits as sent.
 * Layout and result as readDecimal, but any number of digits fits.
 */
export function readDecimalText(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  const quoted = buf[p] === 0x22
  if (quoted) p++
  const { bytes } = column
  let o = column.used
  const first = o
  let digits = 0
  let points = 0
  let exponents = 0
  let c = buf[p]!
  for (;;) {
    if (c >= 0x30 && c <= 0x39) digits++
    else if (c === 0x2e && points === 0 && exponents === 0) points++
    else if ((c === 0x65 || c === 0x45) && exponents === 0 && digits > 0) {
      exponents++
      digits = 0
    } else if (!((c === 0x2d || c === 0x2b) && (o === first || (bytes[o - 1]! | 0x20) === 0x65))) break
    bytes[o++] = c
    c = buf[++p]!
  }
  if (digits === 0) return ~p
  if (quoted) {
    if (c !== 0x22) return ~p
    p++
  }
  column.used = o
  column.offsets[row + 1] = o
  return p
}

import type { ColumnBuilder } from './column-builder.ts'

/** Value of a hexadecimal digit, by byte; 255 for any other byte. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase())
  return digit < 0 || byte > 127 ? 255 : digit
})

/**
 * Reads a guid at `p` as the text of row `row`, in lower case.
 * HOT: once per cell. bench/decode.bench.ts.
 * Layout: `"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"`. Returns the position after the value, or `~p`.
 */
export function readGuidText(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  if (buf[p] !== 0x22 || buf[p + 37] !== 0x22) return ~p
  const { bytes } = column
  let o = column.used
  let odd = 0
  for (let i = p + 1; i < p + 37; i++) {
    let c = buf[i]!
    odd |= HEX[c]!
    if (c >= 0x41 && c <= 0x46) c |= 0x20
    bytes[o++] = c
    if (i === p + 8 || i === p + 13 || i === p + 18 || i === p + 23) {
      odd |= buf[++i]! ^ 0x2d ? 255 : 0
      bytes[o++] = 0x2d
    }
  }
  if (odd > 15) return ~p
  column.used = o
  column.offsets[row + 1] = o
  return p + 38
}

/**
 * Reads a guid at `p` as the 16 bytes of row `row`, in the order they are written (big-endian, `arrow.uuid`).
 * HOT: once per cell. Layout and result as {@link readGuidText}.
 */
export function readUuid(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  if (buf[p] !== 0x22 || buf[p + 37] !== 0x22) return ~p
  const { bytes } = column
  let o = row * 16
  let odd = 0
  for (let i = p + 1; i < p + 37; i += 2) {
    if (i === p + 9 || i === p + 14 || i === p + 19 || i === p + 24) {
      odd |= buf[i]! ^ 0x2d ? 255 : 0
      i++
    }
    const high = HEX[buf[i]!]!
    const low = HEX[buf[i + 1]!]!
    odd |= high | low
    bytes[o++] = (high << 4) | low
  }
  return odd > 15 ? ~p : p + 38
}

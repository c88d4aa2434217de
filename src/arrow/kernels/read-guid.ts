import type { ColumnBuilder } from './column-builder.ts'

/** Value of a hexadecimal digit, by byte; 255 for any other byte. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase())
  return digit < 0 || byte > 127 ? 255 : digit
})

const HIGH_BITS = 0x80808080 | 0

/**
 * Reads a guid at `p` as the text of row `row`, in lower case.
 * HOT: once per cell. bench/decode.bench.ts.
 * Layout: `"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"`. Returns the position after the value, or `~p`.
 */
export function readGuidText(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const hyphens = (buf[p + 9]! ^ 0x2d) | (buf[p + 14]! ^ 0x2d) | (buf[p + 19]! ^ 0x2d) | (buf[p + 24]! ^ 0x2d)
  if ((hyphens | (buf[p]! ^ 0x22) | (buf[p + 37]! ^ 0x22)) !== 0) return ~p
  const first = p + 1
  const good =
    lowerHex(view.getInt32(first, true)) &
    lowerHex(view.getInt32(first + 4, true)) &
    lowerHex(view.getInt32(first + 9, true)) &
    lowerHex(view.getInt32(first + 14, true)) &
    lowerHex(view.getInt32(first + 19, true)) &
    lowerHex(view.getInt32(first + 24, true)) &
    lowerHex(view.getInt32(first + 28, true)) &
    lowerHex(view.getInt32(first + 32, true))
  const start = column.used
  const out = column.view
  for (let i = 0; i < 36; i += 4) out.setInt32(start + i, view.getInt32(first + i, true), true)
  if ((good & HIGH_BITS) !== HIGH_BITS && !lowerCase(column.bytes, start)) return ~p
  column.used = start + 36
  column.offsets[row + 1] = start + 36
  return p + 38
}

/** Four bytes at once: the high bit of each is set where the byte is one of `0-9a-f`. */
function lowerHex(w: number): number {
  const isDigit = (w + 0x50505050) & ~(w + 0x46464646)
  const isLetter = (w + 0x1f1f1f1f) & ~(w + 0x19191919)
  return (isDigit | isLetter) & ~w
}

/** Turns the hexadecimal digits of a guid at `start` to lower case; false when there is something else. */
function lowerCase(bytes: Uint8Array, start: number): boolean {
  for (let i = start; i < start + 36; i++) {
    const c = bytes[i]!
    const at = i - start
    if (c === 0x2d && (at === 8 || at === 13 || at === 18 || at === 23)) continue
    if (HEX[c] === 255) return false
    if (c <= 0x46 && c >= 0x41) bytes[i] = c | 0x20
  }
  return true
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

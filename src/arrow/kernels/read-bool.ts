import type { ColumnBuilder } from './column-builder.ts'

const TRUE = 0x65757274
const FALS = 0x736c6166

/**
 * Reads `true`, `false`, `1` or `0` (V1 answers of some producers) at `p` into row `row`.
 * HOT: once per cell. bench/decode.bench.ts.
 * Returns the position after the value, or `~position` of the byte that does not fit.
 */
export function readBool(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const word = view.getInt32(p, true)
  const bit = 1 << (row & 7)
  if (word === TRUE) {
    column.bytes[row >> 3] = column.bytes[row >> 3]! | bit
    return p + 4
  }
  if (word === FALS && buf[p + 4] === 0x65) {
    column.bytes[row >> 3] = column.bytes[row >> 3]! & ~bit
    return p + 5
  }
  const c = word & 255
  if (c === 0x31) column.bytes[row >> 3] = column.bytes[row >> 3]! | bit
  else if (c === 0x30) column.bytes[row >> 3] = column.bytes[row >> 3]! & ~bit
  else return ~p
  return p + 1
}

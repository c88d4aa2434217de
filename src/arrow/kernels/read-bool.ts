import type { ColumnBuilder } from './column-builder.ts'

/**
 * Reads `true`, `false`, `1` or `0` (V1 answers of some producers) at `p` into row `row`.
 * HOT: once per cell. bench/decode.bench.ts.
 * Returns the position after the value, or `~position` of the byte that does not fit.
 */
export function readBool(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  const c = buf[p]!
  const bit = 1 << (row & 7)
  if (c === 0x74 && buf[p + 1] === 0x72 && buf[p + 2] === 0x75 && buf[p + 3] === 0x65) {
    column.bytes[row >> 3] = column.bytes[row >> 3]! | bit
    return p + 4
  }
  if (c === 0x66 && buf[p + 1] === 0x61 && buf[p + 2] === 0x6c && buf[p + 3] === 0x73 && buf[p + 4] === 0x65) {
    column.bytes[row >> 3] = column.bytes[row >> 3]! & ~bit
    return p + 5
  }
  if (c === 0x31) column.bytes[row >> 3] = column.bytes[row >> 3]! | bit
  else if (c === 0x30) column.bytes[row >> 3] = column.bytes[row >> 3]! & ~bit
  else return ~p
  return p + 1
}

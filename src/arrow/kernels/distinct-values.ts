/*
 * HOT: once per column of a Parquet file, over the rows of a sample. Reads the buffers of the column only.
 * Precondition, not checked: `rows` is at most the column's length. Bench: bench/parquet-write.bench.ts.
 */
import type { Data } from 'apache-arrow'
import { isValid } from './write-cells.ts'

/** How many rows of a sample have a value, and how many of those values differ. */
export interface DistinctValues {
  readonly present: number
  readonly distinct: number
}

/** Counts different values by a 32-bit hash of their bytes among the first rows of a column that is not nested. */
export function distinctValues(data: Data, rows: number): DistinctValues {
  const values = data.values as Uint8Array
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const offsets = data.valueOffsets as Int32Array | BigInt64Array | undefined
  const width = data.stride * values.BYTES_PER_ELEMENT
  const slots = 2 ** Math.ceil(Math.log2(Math.max(8, rows * 2)))
  const table = new Int32Array(slots)
  let present = 0
  let distinct = 0
  for (let row = 0; row < rows; row++) {
    if (!isValid(data, row)) continue
    present++
    const start = offsets ? Number(offsets[row]!) : row * width
    const end = offsets ? Number(offsets[row + 1]!) : start + width
    const hash = hashOf(bytes, start, end)
    let slot = hash & (slots - 1)
    while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) & (slots - 1)
    if (table[slot] === hash) continue
    table[slot] = hash
    distinct++
  }
  return { present, distinct }
}

/** FNV-1a with a last mix, because the slot is taken from its low bits; never 0, which marks an empty slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5 | 0
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b_3c6d)
  hash ^= hash >>> 12
  return hash === 0 ? 1 : hash
}

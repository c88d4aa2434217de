import type { ColumnBuilder } from './column-builder.ts'
import { readString } from './read-string.ts'

/**
 * Reads a JSON string at `p` as the number of a text in the column's dictionary, for row `row`.
 * HOT: once per cell of a dictionary column. bench/decode.bench.ts.
 *
 * The text is decoded to the end of the dictionary's bytes, where it stays if it is new. The dictionary outlives
 * batches; a text of a row that is rolled back may stay, to be found again.
 *
 * Result and preconditions as readString.
 */
export function readDictionary(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const after = readString(buf, view, p, column.entries!, column.entryCount)
  if (after < 0) return after
  column.i32[row] = internLast(column)
  return after
}

/** The number of the empty text, which stands for null. */
export function internEmpty(column: ColumnBuilder): number {
  const entries = column.entries!
  entries.offsets[column.entryCount + 1] = entries.used
  return internLast(column)
}

/** The number of the text `bytes[from..to)`, for texts that are no JSON. */
export function internBytes(column: ColumnBuilder, bytes: Uint8Array, from: number, to: number): number {
  const entries = column.entries!
  entries.reserveText(to - from)
  let o = entries.used
  for (let i = from; i < to; i++) entries.bytes[o++] = bytes[i]!
  entries.used = o
  entries.offsets[column.entryCount + 1] = o
  return internLast(column)
}

/** The number of the text at the end of the dictionary's bytes: an earlier one that is the same, or the next. */
function internLast(column: ColumnBuilder): number {
  const entries = column.entries!
  const { bytes, offsets } = entries
  const { slots, entryCount } = column
  const from = offsets[entryCount]!
  const length = entries.used - from
  const mask = slots.length - 1
  let slot = hashOf(bytes, from, length) & mask
  for (;;) {
    const entry = slots[slot]! - 1
    if (entry < 0) break
    const start = offsets[entry]!
    if (offsets[entry + 1]! - start === length && isSame(bytes, start, from, length)) {
      entries.used = from
      return entry
    }
    slot = (slot + 1) & mask
  }
  slots[slot] = entryCount + 1
  column.entryCount = entryCount + 1
  if (2 * entryCount + 4 > slots.length) grow(column)
  return entryCount
}

/** FNV-1a with its high bits folded in. */
function hashOf(bytes: Uint8Array, from: number, length: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

function isSame(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

/** Doubles the room for entries and sorts them into a table twice as large. */
function grow(column: ColumnBuilder): void {
  const entries = column.entries!
  const { entryCount } = column
  const slots = new Int32Array(column.slots.length * 2)
  entries.reserveRows(slots.length, entryCount)
  const { bytes, offsets } = entries
  const mask = slots.length - 1
  for (let entry = 0; entry < entryCount; entry++) {
    const from = offsets[entry]!
    let slot = hashOf(bytes, from, offsets[entry + 1]! - from) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = entry + 1
  }
  column.slots = slots
}

/*
 * HOT: for columns that have nulls. Hands only the rows that are present to the kernel of the column, so that no other
 * kernel knows of nulls. Bench: bench/csv.bench.ts.
 */
import type { Data } from 'apache-arrow'
import { cellBlock, type CellKernel, growBlock, roomFor } from './cell-kernel.ts'

/** "null" as a little-endian 32-bit value. */
const NULL_TEXT = 0x6c6c_756e

/** What a null becomes: nothing, or the word `null`. */
export type NullText = 'empty' | 'word'

/** Cells of a column with nulls, given the kernel of those rows that are not null. */
export function presentCells(data: Data, kernel: CellKernel, text: NullText): CellKernel {
  const { nullBitmap: bitmap, offset } = data
  if (data.nullCount === 0 || !bitmap || bitmap.length === 0) return kernel
  const nullLength = text === 'word' ? 4 : 0
  const present = cellBlock()
  let slots = new Int32Array(0)
  return {
    measure: (block) => {
      const { count, rows, lengths } = block
      growBlock(present, count)
      slots = roomFor(slots, count)
      let found = 0
      const inner = present.rows
      for (let index = 0; index < count; index++) {
        const row = rows[index]!
        const bit = offset + row
        inner[found] = row
        slots[found] = index
        found += (bitmap[bit >> 3]! >> (bit & 7)) & 1
        lengths[index] = nullLength
      }
      present.count = found
      kernel.measure(present)
      const measured = present.lengths
      for (let index = 0; index < found; index++) lengths[slots[index]!] = measured[index]!
    },
    write: (out, { count, rows, at }) => {
      let found = 0
      const inner = present.at
      for (; found < present.count && slots[found]! < count; found++) inner[found] = at[slots[found]!]!
      present.count = found
      kernel.write(out, present)
      if (nullLength === 0) return
      const { view } = out
      for (let index = 0; index < count; index++) {
        const bit = offset + rows[index]!
        if (((bitmap[bit >> 3]! >> (bit & 7)) & 1) === 0) view.setUint32(at[index]!, NULL_TEXT, true)
      }
    },
  }
}

/** Cells of a column of nulls only. */
export function noCells(text: NullText): CellKernel {
  const length = text === 'word' ? 4 : 0
  return {
    measure: ({ count, lengths }) => void lengths.fill(length, 0, count),
    write: ({ view }, { count, at }) => {
      if (length > 0) for (let index = 0; index < count; index++) view.setUint32(at[index]!, NULL_TEXT, true)
    },
  }
}

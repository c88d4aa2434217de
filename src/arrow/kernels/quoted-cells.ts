/* HOT: a loop per column and block of rows around another kernel. Bench: bench/csv.bench.ts. */
import { cellBlock, type CellKernel, growBlock, LONGEST_CELL } from './cell-kernel.ts'
import { CELL_LIMIT_BYTES } from './write-bytes.ts'

const QUOTE = 34

/** Cells of another kernel between `quotes` quotation marks. */
export function quotedCells(kernel: CellKernel, quotes: number): CellKernel {
  const inner = cellBlock()
  return {
    measure: (block) => {
      const { count, lengths } = block
      kernel.measure(block)
      for (let index = 0; index < count; index++) lengths[index] = Math.min(LONGEST_CELL, lengths[index]! + 2 * quotes)
    },
    write: (out, { count, rows, lengths, at }) => {
      growBlock(inner, count)
      inner.count = count
      inner.rows = rows
      const { bytes } = out
      const { lengths: shorter, at: places } = inner
      for (let index = 0; index < count; index++) {
        const start = at[index]!
        const end = start + lengths[index]!
        for (let quote = 0; quote < quotes; quote++) {
          bytes[start + quote] = QUOTE
          bytes[end - 1 - quote] = QUOTE
        }
        places[index] = start + quotes
        shorter[index] = lengths[index]! - 2 * quotes
      }
      kernel.write(out, inner)
    },
  }
}

/** Counts the cells of a kernel that are over the limit; every quotation mark inside is written as `quotes`. */
export function limitedCells(kernel: CellKernel, quotes: 1 | 2): CellKernel {
  return {
    measure: kernel.measure,
    write: (out, block) => {
      kernel.write(out, block)
      const { count, lengths, at } = block
      for (let index = 0; index < count; index++) {
        if (lengths[index]! <= CELL_LIMIT_BYTES) continue
        const text = out.bytes.subarray(at[index], at[index]! + lengths[index]!)
        const bytes =
          quotes === 1 ? text.length : text.length - text.reduce((sum, byte) => sum + Number(byte === 34), 2) / 2
        if (bytes > CELL_LIMIT_BYTES) out.oversizeCells++
      }
    },
  }
}

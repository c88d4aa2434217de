/*
 * HOT: for unions and dictionaries. Rows whose values lie in other columns: each goes to the kernel of its child, under
 * the child's row number. Bench: bench/csv.bench.ts.
 */
import { cellBlock, type CellKernel, growBlock, roomFor } from './cell-kernel.ts'

/** Which child holds a row's value, and in which of its rows. */
export interface Route {
  child(row: number): number
  row(row: number): number
}

/** Cells found in one other column: the values of a dictionary in one piece. */
export function keyedCells(keys: Int32Array, kernel: CellKernel): CellKernel {
  const values = cellBlock()
  return {
    measure: (block) => {
      const { count, rows } = block
      growBlock(values, count)
      values.count = count
      const found = values.rows
      for (let index = 0; index < count; index++) found[index] = keys[rows[index]!]!
      values.lengths = block.lengths
      kernel.measure(values)
    },
    write: (out, { count, lengths, at }) => {
      values.count = count
      values.lengths = lengths
      values.at = at
      kernel.write(out, values)
    },
  }
}

/** Cells found in several other columns. */
export function routedCells(route: Route, kernels: readonly CellKernel[]): CellKernel {
  const blocks = kernels.map(() => cellBlock())
  const slots = kernels.map(() => new Int32Array(0))
  return {
    measure: ({ count, rows, lengths }) => {
      for (const [child, block] of blocks.entries()) {
        growBlock(block, count)
        slots[child] = roomFor(slots[child]!, count)
        block.count = 0
      }
      for (let index = 0; index < count; index++) {
        const child = route.child(rows[index]!)
        const block = blocks[child]!
        slots[child]![block.count] = index
        block.rows[block.count++] = route.row(rows[index]!)
      }
      for (const [child, block] of blocks.entries()) {
        kernels[child]!.measure(block)
        for (let index = 0; index < block.count; index++) lengths[slots[child]![index]!] = block.lengths[index]!
      }
    },
    write: (out, { count, at }) => {
      for (const [child, block] of blocks.entries()) {
        let found = 0
        for (; found < block.count && slots[child]![found]! < count; found++) {
          block.at[found] = at[slots[child]![found]!]!
        }
        block.count = found
        kernels[child]!.write(out, block)
      }
    },
  }
}

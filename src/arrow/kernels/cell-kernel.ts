/*
 * The shape of every kernel that writes a column as text. Text of different columns is interleaved in the output, so a
 * kernel works in two steps over a block of rows: first the length of each cell, from which the caller knows where every
 * cell of every column goes, then the bytes, written in place. Both are loops over one column, with no call per cell.
 */
import { KustoDataError } from '../../errors.ts'
import { type ByteSink, byteSink } from './write-bytes.ts'

/** Some rows of a column: parallel arrays, filled up to `count`, longer than that. */
export interface CellBlock {
  count: number
  /** Row numbers of the column, none of them null, in any order. */
  rows: Int32Array
  /** Bytes of each cell. */
  lengths: Int32Array
  /** Where each cell starts in the output. */
  at: Int32Array
}

/**
 * Writes cells of one column. `write` is called with the block that was measured last, or one of fewer rows of it, and
 * with room for all of its bytes. Kernels keep what they learn while measuring and are for one block at a time.
 */
export interface CellKernel {
  readonly measure: (block: CellBlock) => void
  /** @throws {KustoDataError} for a value that the column's Kusto type cannot hold; so may `measure` */
  readonly write: (out: ByteSink, block: CellBlock) => void
}

/** No cell is longer: its length could not be counted on in 32 bits. A record of one such cell is refused anyway. */
export const LONGEST_CELL: number = 2 ** 30 - 1

/** A block without rows and with room for `capacity`. */
export function cellBlock(capacity = 0): CellBlock {
  return { count: 0, rows: new Int32Array(capacity), lengths: new Int32Array(capacity), at: new Int32Array(capacity) }
}

/** Makes room for `count` rows and keeps the rows there are. */
export function growBlock(block: CellBlock, count: number): void {
  if (count <= block.rows.length && count <= block.at.length) return
  const capacity = Math.max(count, block.rows.length * 2)
  const rows = new Int32Array(capacity)
  rows.set(block.rows)
  block.rows = rows
  block.lengths = new Int32Array(capacity)
  block.at = new Int32Array(capacity)
}

/** The array, or a new one of at least `count` items: what a kernel remembers of each row between its two steps. */
export function roomFor(array: Int32Array<ArrayBuffer>, count: number): Int32Array<ArrayBuffer> {
  return array.length >= count ? array : new Int32Array(Math.max(count, array.length * 2))
}

/** Runs a step of a kernel; when it refuses a value, `at.row`, the block's first row, becomes the row of that value. */
export function refusedAt(
  step: () => void,
  { kernel, block, at }: { readonly kernel: CellKernel; readonly block: CellBlock; readonly at: { row: number } },
): void {
  try {
    step()
  } catch (error) {
    if (!(error instanceof KustoDataError)) throw error
    // Kernels do not count rows: one row at a time shows which it was.
    const first = at.row
    for (let index = 0; index < block.count; index++) {
      at.row = first + index
      writeAlone(kernel, at.row)
    }
    throw error
  }
}

function writeAlone(kernel: CellKernel, row: number): void {
  const block = { count: 1, rows: Int32Array.of(row), lengths: new Int32Array(1), at: new Int32Array(1) }
  kernel.measure(block)
  kernel.write(byteSink(block.lengths[0]!), block)
}

/*
 * HOT: the blocks of the CSV encoder. One record per row, `\n` after each. All cells of a block of rows are measured, column
 * by column, which says where each record starts; then each column writes its cells in place. A null is an empty field;
 * where that would make a one-column record a blank line, it is `""`, which every type but string reads as null and
 * string as the empty string it cannot tell from null anyway. Bench: bench/csv.bench.ts.
 */
import { type CellBlock, type CellKernel, LONGEST_CELL, refusedAt } from './cell-kernel.ts'
import { type ByteSink, byteSink, reserve, viewOf } from './write-bytes.ts'

const COMMA = 44
const NEWLINE = 10
/** A null alone in its record. */
const BLANK = Uint8Array.of(34, 34)
/** Rows of a block, and about how many bytes of the batch: what is written twice should still be in the cache. */
const BLOCK_ROWS = 256
const BLOCK_BYTES = 64 * 1024

/** Where the loop is: what an error report needs, and where a full block ended. */
export interface CsvPosition {
  row: number
  column: number
}

/** What one call of {@link writeRecords} must do. */
export interface CsvRange {
  /** First row to write. */
  readonly startRow: number
  /** Row to stop before. */
  readonly endRow: number
  /** Stop before the record that would take the output over this many bytes. */
  readonly maxBytes: number
  /** About how many bytes a row takes in the batch. */
  readonly rowBytes: number
}

/** Cells of all columns of a block: column by column, `capacity` rows each. */
interface CellGrid {
  readonly columns: number
  readonly capacity: number
  readonly lengths: Int32Array
  readonly starts: Int32Array
}

/**
 * Writes records until a bound is met and leaves `at.row` at the first row not written. `out` grows. When not even one
 * record fits into `maxBytes`, none is written.
 */
export function writeRecords(out: ByteSink, columns: readonly CellKernel[], range: CsvRange, at: CsvPosition): void {
  const { startRow, endRow, maxBytes, rowBytes } = range
  const wanted = Math.min(BLOCK_ROWS, Math.floor(BLOCK_BYTES / Math.max(1, rowBytes)))
  const capacity = Math.max(1, Math.min(Math.max(16, wanted), endRow - startRow))
  const cells = columns.length * capacity
  const [lengths, starts] = [new Int32Array(cells), new Int32Array(cells)]
  const grid: CellGrid = { columns: columns.length, capacity, lengths, starts }
  const rows = new Int32Array(capacity)
  const blocks = columns.map((_, column): CellBlock => {
    const part = [column * capacity, (column + 1) * capacity] as const
    return { count: 0, rows, lengths: lengths.subarray(...part), at: starts.subarray(...part) }
  })
  const page = byteSink(0)
  for (at.row = startRow; at.row < endRow;) {
    const count = Math.min(capacity, endRow - at.row)
    for (let index = 0; index < count; index++) rows[index] = at.row + index
    for (const [column, kernel] of columns.entries()) {
      const block = blocks[column]!
      at.column = column
      block.count = count
      refusedAt(() => kernel.measure(block), { kernel, block, at })
    }
    const fit = fitting(grid, count, maxBytes - out.pos)
    if (fit.rows === 0) break
    if (out.pos === 0) reserve(out, Math.min(maxBytes, Math.ceil((fit.bytes / fit.rows) * (endRow - at.row) * 1.02)))
    reserve(out, fit.bytes)
    // Positions of a block count in 32 bits, those of the whole output do not.
    page.bytes = out.bytes.subarray(out.pos, out.pos + fit.bytes)
    page.view = viewOf(page.bytes)
    placeCells(page.bytes, grid, fit.rows)
    for (const [column, kernel] of columns.entries()) {
      const block = blocks[column]!
      at.column = column
      block.count = fit.rows
      refusedAt(() => kernel.write(page, block), { kernel, block, at })
    }
    out.pos += fit.bytes
    at.row += fit.rows
    if (fit.rows < count) break
  }
  out.cutTimes += page.cutTimes
  out.oversizeCells += page.oversizeCells
}

/** How many rows fit, and how many bytes they take. */
function fitting(grid: CellGrid, count: number, maxBytes: number): { readonly rows: number; readonly bytes: number } {
  const { columns, capacity, lengths } = grid
  const limit = Math.min(maxBytes, LONGEST_CELL)
  let bytes = 0
  for (let row = 0; row < count; row++) {
    let size = columns
    for (let cell = row; cell < lengths.length; cell += capacity) size += lengths[cell]!
    if (size === 1) size = BLANK.length + 1
    if (bytes + size > limit) return { rows: row, bytes }
    bytes += size
  }
  return { rows: count, bytes }
}

/** Sets the start of each cell, and writes what stands between cells and records. */
function placeCells(bytes: Uint8Array, { columns, lengths, starts, capacity }: CellGrid, count: number): void {
  const last = (columns - 1) * capacity
  let pos = 0
  for (let row = 0; row < count; row++) {
    for (let cell = row; cell < last; cell += capacity) {
      starts[cell] = pos
      pos += lengths[cell]!
      bytes[pos++] = COMMA
    }
    starts[last + row] = pos
    if (last === 0 && lengths[row] === 0) {
      bytes.set(BLANK, pos)
      pos += BLANK.length
    }
    pos += lengths[last + row]!
    bytes[pos++] = NEWLINE
  }
}

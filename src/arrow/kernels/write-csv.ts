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
const QUOTE = 34
/** Rows of a block, and about how many bytes of the batch: what is written twice should still be in the cache. */
const BLOCK_ROWS = 1024
const BLOCK_BYTES = 256 * 1024

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

/**
 * Writes records until a bound is met and leaves `at.row` at the first row not written. `out` grows. When not even one
 * record fits into `maxBytes`, none is written.
 */
export function writeRecords(out: ByteSink, columns: readonly CellKernel[], range: CsvRange, at: CsvPosition): void {
  const { startRow, endRow, maxBytes, rowBytes } = range
  const capacity = Math.max(
    16,
    Math.min(BLOCK_ROWS, Math.floor(BLOCK_BYTES / Math.max(1, rowBytes)), endRow - startRow),
  )
  const rows = new Int32Array(capacity)
  const cursors = new Int32Array(capacity)
  const blocks = columns.map((): CellBlock => ({ count: 0, rows, lengths: new Int32Array(capacity), at: cursors }))
  const page = byteSink(0)
  const isSingle = columns.length === 1
  for (at.row = startRow; at.row < endRow;) {
    const count = Math.min(capacity, endRow - at.row)
    for (let index = 0; index < count; index++) rows[index] = at.row + index
    for (const [column, kernel] of columns.entries()) {
      const block = blocks[column]!
      at.column = column
      block.count = count
      refusedAt(() => kernel.measure(block), { kernel, block, at })
    }
    const fit = placeRecords(cursors, blocks, count, maxBytes - out.pos)
    if (fit.rows === 0) return
    if (out.pos === 0) reserve(out, Math.min(maxBytes, Math.ceil((fit.bytes / fit.rows) * (endRow - at.row) * 1.02)))
    reserve(out, fit.bytes)
    page.bytes = out.bytes.subarray(out.pos, out.pos + fit.bytes)
    page.view = viewOf(page.bytes)
    for (const [column, kernel] of columns.entries()) {
      const block = blocks[column]!
      at.column = column
      block.count = fit.rows
      refusedAt(() => kernel.write(page, block), { kernel, block, at })
      endCells(page.bytes, block, { isSingle, separator: column === columns.length - 1 ? NEWLINE : COMMA })
    }
    out.pos += fit.bytes
    at.row += fit.rows
    if (fit.rows < count) break
  }
  out.cutTimes += page.cutTimes
  out.oversizeCells += page.oversizeCells
}

/** Sets the start of each record and says how many rows fit, and how many bytes they take. */
function placeRecords(
  cursors: Int32Array,
  blocks: readonly CellBlock[],
  count: number,
  maxBytes: number,
): { readonly rows: number; readonly bytes: number } {
  const sizes = new Float64Array(count).fill(blocks.length)
  for (const { lengths } of blocks) for (let row = 0; row < count; row++) sizes[row]! += lengths[row]!
  const limit = Math.min(maxBytes, LONGEST_CELL)
  let bytes = 0
  for (let row = 0; row < count; row++) {
    const size = sizes[row]! > 1 ? sizes[row]! : 3
    if (bytes + size > limit) return { rows: row, bytes }
    cursors[row] = bytes
    bytes += size
  }
  return { rows: count, bytes }
}

/** Ends every cell of a column and moves the cursors to the next column. */
function endCells(
  bytes: Uint8Array,
  { count, lengths, at }: CellBlock,
  { isSingle, separator }: { readonly isSingle: boolean; readonly separator: number },
): void {
  for (let row = 0; row < count; row++) {
    let pos = at[row]! + lengths[row]!
    if (isSingle && lengths[row] === 0) {
      bytes[pos++] = QUOTE
      bytes[pos++] = QUOTE
    }
    bytes[pos] = separator
    at[row] = pos + 1
  }
}

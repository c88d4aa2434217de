/*
 * HOT: the row loop of the CSV encoder, once per batch. One record per row, `\n` after each. A null is an empty field;
 * where that would make a one-column record a blank line, it is `""`, which every type but string reads as null and
 * string as the empty string it cannot tell from null anyway. Bench: bench/csv.bench.ts.
 */
import type { Data } from 'apache-arrow'
import { type ByteSink, reserve } from './write-bytes.ts'
import type { CellWriter } from './write-cells.ts'

/** A column of the batch being written. */
export interface CsvColumn {
  readonly data: Data
  readonly write: CellWriter
}

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
  /** Bytes that the bounded cells of one record need at most, separators included. */
  readonly slack: number
}

/**
 * Writes records until a bound is met and leaves `at.row` at the first row not written. `out` grows. When not even one
 * record fits into `maxBytes`, none is written.
 */
export function writeRecords(out: ByteSink, columns: readonly CsvColumn[], range: CsvRange, at: CsvPosition): void {
  const { endRow, maxBytes, slack } = range
  const count = columns.length
  const bitmaps = columns.map(({ data }) =>
    data.nullCount > 0 && data.nullBitmap?.length ? data.nullBitmap : undefined,
  )
  const offsets = columns.map(({ data }) => data.offset)
  const writers = columns.map(({ write }) => write)
  for (let row = range.startRow; row < endRow; row++) {
    const start = out.pos
    const { cutTimes, oversizeCells } = out
    at.row = row
    reserve(out, slack)
    for (let column = 0; column < count; column++) {
      at.column = column
      if (column > 0) out.bytes[out.pos++] = 44
      const bitmap = bitmaps[column]
      const bit = offsets[column]! + row
      if (bitmap === undefined || (bitmap[bit >> 3]! >> (bit & 7)) & 1) writers[column]!(out, row)
    }
    if (out.pos === start) {
      out.bytes[out.pos++] = 34
      out.bytes[out.pos++] = 34
    }
    out.bytes[out.pos++] = 10
    if (out.pos > maxBytes) {
      out.pos = start
      out.cutTimes = cutTimes
      out.oversizeCells = oversizeCells
      return
    }
  }
  at.row = endRow
}

/* One JSON value at a time, for writers of records that are no columns of CSV. */
import type { Data, Field } from 'apache-arrow'
import { cellBlock } from './cell-kernel.ts'
import { jsonCells as jsonKernel } from './column-cells.ts'
import type { QuoteBytes } from './json-text-cells.ts'
import { reserve } from './write-bytes.ts'
import type { CellWriter } from './write-cells.ts'

/** Writers of JSON values for a column; null rows become `null`. Each value reserves its own room. */
export function jsonCells(field: Field, data: Data, quotes: QuoteBytes): CellWriter {
  const kernel = jsonKernel(field, data, quotes)
  const block = cellBlock(1)
  block.count = 1
  return (out, row) => {
    block.rows[0] = row
    kernel.measure(block)
    const length = block.lengths[0]!
    reserve(out, length)
    block.at[0] = out.pos
    kernel.write(out, block)
    out.pos += length
  }
}

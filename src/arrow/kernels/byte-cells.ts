/*
 * HOT: two loops per column and block of rows. Cells made of a column's bytes without escapes: text as it is, base64,
 * UUIDs; and booleans. Bench: bench/csv.bench.ts.
 */
import type { Data } from 'apache-arrow'
import { type CellKernel, LONGEST_CELL } from './cell-kernel.ts'
import { copyBytes } from './copy-bytes.ts'
import { type SpanSource, textSpans } from './text-spans.ts'
import { writeBase64, writeUuid } from './write-binary.ts'
import { type ByteSink, CELL_LIMIT_BYTES } from './write-bytes.ts'

const UUID_LENGTH = 36
/** "true" and "fals" as little-endian 32-bit values. */
const TRUE = 0x6575_7274
const FALS = 0x736c_6166
const LETTER_E = 101

/** Cells of text as it is. */
export function plainCells(source: SpanSource): CellKernel {
  const spans = textSpans()
  let measured = 0
  return {
    measure: (block) => {
      const { count, lengths } = block
      source(spans, block)
      measured = count
      const { offsets, rows } = spans
      for (let index = 0; index < count; index++) {
        lengths[index] = Math.min(LONGEST_CELL, offsets[rows[index]! + 1]! - offsets[rows[index]!]!)
      }
    },
    write: (out, block) => {
      const { count, lengths, at } = block
      if (count !== measured) source(spans, block)
      source.settle?.(out)
      const { offsets, rows } = spans
      for (let index = 0; index < count; index++) {
        copyBytes(out, at[index]!, spans, offsets[rows[index]!]!, offsets[rows[index]! + 1]!)
        if (lengths[index]! > CELL_LIMIT_BYTES) out.oversizeCells++
      }
    },
  }
}

/** Cells of binary values as base64; an empty one is `empty`, the quotes that tell it from null or nothing. */
export function base64Cells(source: SpanSource, empty: '""' | ''): CellKernel {
  const spans = textSpans()
  return {
    measure: (block) => {
      const { count, lengths } = block
      source(spans, block)
      const { offsets, rows } = spans
      for (let index = 0; index < count; index++) {
        const length = offsets[rows[index]! + 1]! - offsets[rows[index]!]!
        lengths[index] = length === 0 ? empty.length : Math.min(LONGEST_CELL, Math.ceil(length / 3) * 4)
      }
    },
    write: (out, { count, lengths, at }) => {
      const { src, offsets, rows } = spans
      for (let index = 0; index < count; index++) {
        const start = offsets[rows[index]!]!
        const end = offsets[rows[index]! + 1]!
        if (start === end) writeQuotes(out, at[index]!, empty.length)
        else writeBase64(out, at[index]!, src, start, end)
        if (lengths[index]! > CELL_LIMIT_BYTES) out.oversizeCells++
      }
    },
  }
}

/** Cells of 16-byte values as lower-case UUIDs. */
export function uuidCells(source: SpanSource): CellKernel {
  const spans = textSpans()
  return {
    measure: (block) => {
      source(spans, block)
      block.lengths.fill(UUID_LENGTH, 0, block.count)
    },
    write: (out, { count, at }) => {
      const { src, offsets, rows } = spans
      for (let index = 0; index < count; index++) writeUuid(out, at[index]!, src, offsets[rows[index]!]!)
    },
  }
}

/** Cells of booleans: `true` and `false`. */
export function boolCells(data: Data): CellKernel {
  const bits = data.values as Uint8Array
  const { offset } = data
  return {
    measure: ({ count, rows, lengths }) => {
      for (let index = 0; index < count; index++) {
        const bit = offset + rows[index]!
        lengths[index] = 5 - ((bits[bit >> 3]! >> (bit & 7)) & 1)
      }
    },
    write: ({ bytes, view }, { count, lengths, at }) => {
      for (let index = 0; index < count; index++) {
        const pos = at[index]!
        if (lengths[index] === 4) view.setInt32(pos, TRUE, true)
        else {
          view.setInt32(pos, FALS, true)
          bytes[pos + 4] = LETTER_E
        }
      }
    },
  }
}

function writeQuotes({ bytes }: ByteSink, at: number, count: number): void {
  for (let index = 0; index < count; index++) bytes[at + index] = 34
}

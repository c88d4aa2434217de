/*
 * HOT: two loops per text column and block of rows. UTF-8 text as CSV fields. A block is looked at four bytes at a time;
 * most hold nothing to quote, and then a cell's length is known without reading it. Bytes are not validated: Kusto
 * replaces what is not UTF-8. Bench: bench/csv.bench.ts.
 */
import { type CellKernel, LONGEST_CELL } from './cell-kernel.ts'
import { copyBytes, FEW_BYTES } from './copy-bytes.ts'
import { type SpanSource, textSpans } from './text-spans.ts'
import { type ByteSink, CELL_LIMIT_BYTES } from './write-bytes.ts'

const QUOTE = 34
/** The first byte of a byte order mark. */
const MARK = 0xef
const HIGH_BITS = 0x8080_8080 | 0
const ONES = 0x0101_0101

/**
 * Cells of text as CSV fields. Quoted when they hold a comma, quote or line break, when they are empty (so that a foreign
 * reader can tell them from null, and a one-column record is no blank line), and when their first byte could be that of a
 * byte order mark, which a reader strips at the start of a file.
 */
export function csvTextCells(source: SpanSource): CellKernel {
  const spans = textSpans()
  let measured = 0
  return {
    measure: (block) => {
      const { count, lengths } = block
      source(spans, block)
      measured = count
      const { src, view, offsets, rows } = spans
      const clean = spans.joined && isPlain(view, offsets[rows[0]!]!, offsets[rows[count - 1]! + 1]!)
      for (let index = 0; index < count; index++) {
        const row = rows[index]!
        const start = offsets[row]!
        const end = offsets[row + 1]!
        const length = end - start
        const bare = length > 0 && src[start] !== MARK && (clean || isPlain(view, start, end))
        lengths[index] = bare ? length : Math.min(LONGEST_CELL, length + 2 + (clean ? 0 : quotesIn(src, start, end)))
      }
    },
    write: (out, block) => {
      const { count, lengths, at } = block
      if (count !== measured) source(spans, block)
      source.settle?.(out)
      const { src, offsets, rows } = spans
      const { bytes } = out
      for (let index = 0; index < count; index++) {
        const row = rows[index]!
        const start = offsets[row]!
        const end = offsets[row + 1]!
        const length = end - start
        if (length !== lengths[index]) writeQuoted(out, at[index]!, src, start, end)
        else if (length < FEW_BYTES) {
          let pos = at[index]!
          for (let from = start; from < end; from++) bytes[pos++] = src[from]!
        } else copyBytes(out, at[index]!, spans, start, end)
        if (length > CELL_LIMIT_BYTES) out.oversizeCells++
      }
    },
  }
}

/** Whether no byte is a comma, quote, CR or LF. */
function isPlain(view: DataView, from: number, to: number): boolean {
  let index = from
  for (; index + 4 <= to; index += 4) {
    const word = view.getInt32(index, true)
    // All four are below 0x2d, and few others are but the space.
    if (((word - 0x2d2d_2d2d) & ~word & HIGH_BITS) !== 0 && hasSpecial(word)) return false
  }
  for (; index < to; index++) {
    const byte = view.getUint8(index)
    if (byte <= 44 && (byte === QUOTE || byte === 44 || byte === 10 || byte === 13)) return false
  }
  return true
}

function hasSpecial(word: number): boolean {
  const quote = word ^ 0x2222_2222
  const comma = word ^ 0x2c2c_2c2c
  const feed = word ^ 0x0a0a_0a0a
  const carriage = word ^ 0x0d0d_0d0d
  const zeros =
    ((quote - ONES) & ~quote) | ((comma - ONES) & ~comma) | ((feed - ONES) & ~feed) | ((carriage - ONES) & ~carriage)
  return (zeros & HIGH_BITS) !== 0
}

function quotesIn(src: Uint8Array, start: number, end: number): number {
  let quotes = 0
  for (let index = start; index < end; index++) if (src[index] === QUOTE) quotes++
  return quotes
}

function writeQuoted({ bytes }: ByteSink, at: number, src: Uint8Array, start: number, end: number): void {
  let pos = at
  bytes[pos++] = QUOTE
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    bytes[pos++] = byte
    if (byte === QUOTE) bytes[pos++] = QUOTE
  }
  bytes[pos] = QUOTE
}

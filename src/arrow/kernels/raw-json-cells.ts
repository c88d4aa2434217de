/*
 * For `arrow.json` inside a larger value: text that is JSON is copied, text that is not would break what is around it and
 * becomes a string. Once per value, which is parsed to know. Bench: bench/csv.bench.ts (nested).
 */
import { type CellKernel, LONGEST_CELL, roomFor } from './cell-kernel.ts'
import { jsonExtra, type QuoteBytes, writeEscaped } from './json-text-cells.ts'
import { type SpanSource, textSpans } from './text-spans.ts'

const QUOTE = 34

/** Cells of JSON text as JSON values. */
export function rawJsonCells(source: SpanSource, quotes: QuoteBytes): CellKernel {
  const spans = textSpans()
  let valid = new Int32Array(0)
  return {
    measure: (block) => {
      const { count, lengths } = block
      source(spans, block)
      valid = roomFor(valid, count)
      const { src, offsets, rows } = spans
      for (let index = 0; index < count; index++) {
        const start = offsets[rows[index]!]!
        const end = offsets[rows[index]! + 1]!
        valid[index] = isJson(src, start, end) ? 1 : 0
        const extra =
          valid[index] === 1 ? doubled(src, start, end, quotes) : jsonExtra(src, start, end, quotes) + 2 * quotes
        lengths[index] = Math.min(LONGEST_CELL, end - start + extra)
      }
    },
    write: (out, { count, lengths, at }) => {
      const { bytes } = out
      const { src, offsets, rows } = spans
      for (let index = 0; index < count; index++) {
        const start = offsets[rows[index]!]!
        const end = offsets[rows[index]! + 1]!
        let pos = at[index]!
        if (valid[index] === 1) {
          for (let from = start; from < end; from++) {
            const byte = src[from]!
            bytes[pos++] = byte
            if (byte === QUOTE && quotes === 2) bytes[pos++] = QUOTE
          }
          continue
        }
        bytes.fill(QUOTE, pos, pos + quotes)
        bytes.fill(QUOTE, pos + lengths[index]! - quotes, pos + lengths[index]!)
        writeEscaped(out, pos + quotes, src, start, end, quotes)
      }
    },
  }
}

function isJson(src: Uint8Array, start: number, end: number): boolean {
  try {
    JSON.parse(Buffer.from(src.buffer, src.byteOffset + start, end - start).toString())
    return true
  } catch {
    return false
  }
}

function doubled(src: Uint8Array, start: number, end: number, quotes: QuoteBytes): number {
  if (quotes === 1) return 0
  let count = 0
  for (let index = start; index < end; index++) if (src[index] === QUOTE) count++
  return count
}

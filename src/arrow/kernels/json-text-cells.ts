/*
 * HOT: two loops per text column inside lists and structs and block of rows. UTF-8 text as JSON strings, in plain JSON or
 * inside a quoted CSV field, where quotation marks are doubled. A block is looked at four bytes at a time; most hold
 * nothing to escape. Bench: bench/csv.bench.ts (nested).
 */
import { type CellKernel, LONGEST_CELL } from './cell-kernel.ts'
import { copyBytes, FEW_BYTES } from './copy-bytes.ts'
import { type SpanSource, textSpans } from './text-spans.ts'
import type { ByteSink } from './write-bytes.ts'

const QUOTE = 34
const BACKSLASH = 92
const HEX = '0123456789abcdef'
const HIGH_BITS = 0x8080_8080 | 0
const ONES = 0x0101_0101

/** Bytes that stand for a quotation mark: one in JSON, two in JSON inside a quoted CSV field. */
export type QuoteBytes = 1 | 2

/** For each byte below 0x20, and `"` and `\`, the letter that follows the backslash; `u` for a \u00xx escape; else 0. */
const ESCAPES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const short = { 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r', 34: '"', 92: '\\' }[byte]
  return (short ?? (byte < 32 ? 'u' : '\0')).charCodeAt(0)
})

/** Cells of text as JSON strings. */
export function jsonTextCells(source: SpanSource, quotes: QuoteBytes): CellKernel {
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
        const length = end - start + 2 * quotes
        lengths[index] = clean ? length : Math.min(LONGEST_CELL, length + jsonExtra(src, start, end, quotes))
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
        let pos = at[index]!
        let last = pos + lengths[index]! - quotes
        bytes[pos++] = QUOTE
        bytes[last++] = QUOTE
        if (quotes === 2) {
          bytes[pos++] = QUOTE
          bytes[last] = QUOTE
        }
        const length = end - start
        if (lengths[index] !== length + 2 * quotes) writeEscaped(out, pos, src, start, end, quotes)
        else if (length >= FEW_BYTES) copyBytes(out, pos, spans, start, end)
        else for (let from = start; from < end; from++) bytes[pos++] = src[from]!
      }
    },
  }
}

/** Bytes that escapes add to the bytes themselves. */
export function jsonExtra(src: Uint8Array, start: number, end: number, quotes: QuoteBytes): number {
  let extra = 0
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    const escape = ESCAPES[byte]!
    if (escape !== 0) extra += escape === 117 ? 5 : byte === QUOTE ? quotes : 1
  }
  return extra
}

/** Writes the bytes with their escapes, without the quotation marks around them. */
export function writeEscaped(
  { bytes }: ByteSink,
  at: number,
  src: Uint8Array,
  start: number,
  end: number,
  quotes: QuoteBytes,
): void {
  let pos = at
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    const escape = ESCAPES[byte]!
    if (escape === 0) {
      bytes[pos++] = byte
      continue
    }
    bytes[pos++] = BACKSLASH
    bytes[pos++] = escape
    if (byte === QUOTE && quotes === 2) bytes[pos++] = QUOTE
    else if (escape === 117) {
      bytes[pos++] = 48
      bytes[pos++] = 48
      bytes[pos++] = HEX.charCodeAt(byte >> 4)
      bytes[pos++] = HEX.charCodeAt(byte & 15)
    }
  }
}

/** Whether no byte is a control character, quote or backslash. */
function isPlain(view: DataView, from: number, to: number): boolean {
  let index = from
  for (; index + 4 <= to; index += 4) {
    const word = view.getInt32(index, true)
    const quote = word ^ 0x2222_2222
    const backslash = word ^ 0x5c5c_5c5c
    const found = ((word - 0x2020_2020) & ~word) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash)
    if ((found & HIGH_BITS) !== 0) return false
  }
  for (; index < to; index++) if (ESCAPES[view.getUint8(index)] !== 0) return false
  return true
}

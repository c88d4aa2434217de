/*
 * HOT: once per string. Copies UTF-8 bytes into CSV fields and JSON strings. Both reserve their own room, plus `slack`
 * bytes that the rest of the row was promised. Bytes are not validated: Kusto replaces what is not UTF-8.
 * Bench: bench/csv.bench.ts.
 */
import { type ByteSink, reserve } from './write-bytes.ts'

const QUOTE = 34
const HEX = '0123456789abcdef'

/** For each byte below 0x20, and `"` and `\`, the letter that follows the backslash; `u` for a \u00xx escape; else 0. */
const ESCAPES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const short = { 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r', 34: '"', 92: '\\' }[byte]
  return (short ?? (byte < 32 ? 'u' : '\0')).charCodeAt(0)
})

/**
 * Writes `src[start, end)` as one CSV field. Quoted when it holds a comma, quote or line break, when it is empty (so that
 * a foreign reader can tell it from null, and a one-column record is no blank line), and when its first byte could be
 * that of a byte order mark, which a reader strips at the start of a file.
 */
export function writeCsvText(out: ByteSink, src: Uint8Array, start: number, end: number, slack: number): void {
  reserve(out, end - start + 2 + slack)
  if (start === end || src[start] === 0xef) {
    writeQuoted(out, src, start, end, slack)
    return
  }
  const { bytes } = out
  let pos = out.pos
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    if (byte <= 44 && (byte === QUOTE || byte === 44 || byte === 10 || byte === 13)) {
      writeQuoted(out, src, start, end, slack)
      return
    }
    bytes[pos++] = byte
  }
  out.pos = pos
}

/** Writes `src[start, end)` as a quoted CSV field with its quotes doubled. */
export function writeQuoted(out: ByteSink, src: Uint8Array, start: number, end: number, slack: number): void {
  reserve(out, 2 * (end - start) + 2 + slack)
  const { bytes } = out
  let pos = out.pos
  bytes[pos++] = QUOTE
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    bytes[pos++] = byte
    if (byte === QUOTE) bytes[pos++] = QUOTE
  }
  bytes[pos++] = QUOTE
  out.pos = pos
}

/** Writes `src[start, end)` as a JSON string, control characters escaped. */
export function writeJsonText(out: ByteSink, src: Uint8Array, start: number, end: number): void {
  reserve(out, 6 * (end - start) + 2)
  const { bytes } = out
  let pos = out.pos
  bytes[pos++] = QUOTE
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    if (ESCAPES[byte] === 0) {
      bytes[pos++] = byte
      continue
    }
    out.pos = pos
    writeEscape(out, byte)
    pos = out.pos
  }
  bytes[pos++] = QUOTE
  out.pos = pos
}

/** Writes `src[start, end)` as a JSON string inside a quoted CSV field: its quotation marks are doubled. */
export function writeJsonTextInCsv(out: ByteSink, src: Uint8Array, start: number, end: number): void {
  reserve(out, 6 * (end - start) + 4)
  const { bytes } = out
  let pos = out.pos
  bytes[pos++] = QUOTE
  bytes[pos++] = QUOTE
  for (let index = start; index < end; index++) {
    const byte = src[index]!
    if (ESCAPES[byte] === 0) {
      bytes[pos++] = byte
      continue
    }
    out.pos = pos
    writeEscape(out, byte)
    pos = out.pos
    if (byte === QUOTE) bytes[pos++] = QUOTE
  }
  bytes[pos++] = QUOTE
  bytes[pos++] = QUOTE
  out.pos = pos
}

function writeEscape(out: ByteSink, byte: number): void {
  const { bytes } = out
  const escape = ESCAPES[byte]!
  let pos = out.pos
  bytes[pos++] = 92
  bytes[pos++] = escape
  if (escape === 117) {
    bytes[pos++] = 48
    bytes[pos++] = 48
    bytes[pos++] = HEX.charCodeAt(byte >> 4)
    bytes[pos++] = HEX.charCodeAt(byte & 15)
  }
  out.pos = pos
}

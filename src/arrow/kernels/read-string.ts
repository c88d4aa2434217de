import type { ColumnBuilder } from './column-builder.ts'
import { sequenceLength } from './utf8.ts'

const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const SPACES = 0x20202020
const ONES = 0x01010101
const HIGH_BITS = 0x80808080 | 0

/**
 * Reads a JSON string at `p` as the text of row `row`: escapes resolved, UTF-8 checked.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * An escaped surrogate without its other half has no UTF-8 form and becomes U+FFFD, as in `TextEncoder`.
 *
 * Returns the position after the value, or `~position` of the byte that breaks it.
 * Preconditions, not checked: twelve zero bytes follow the last byte of `buf`; the column has room for the rest of it.
 */
export function readString(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  if (buf[p] !== 0x22) return ~p
  const out = column.bytes
  const outView = column.view
  let o = column.used
  p++
  for (;;) {
    // Four bytes at a time while none is a quote, a backslash, a control character or above U+007F; eight in the loop.
    let w = view.getInt32(p, true)
    outView.setInt32(o, w, true)
    let special = (w | ((w ^ QUOTES) - ONES) | ((w ^ BACKSLASHES) - ONES) | (w - SPACES)) & HIGH_BITS
    while (special === 0) {
      w = view.getInt32(p + 4, true)
      const next = view.getInt32(p + 8, true)
      outView.setInt32(o + 4, w, true)
      outView.setInt32(o + 8, next, true)
      o += 4
      p += 4
      special = (w | ((w ^ QUOTES) - ONES) | ((w ^ BACKSLASHES) - ONES) | (w - SPACES)) & HIGH_BITS
      if (special !== 0) break
      o += 4
      p += 4
      special = (next | ((next ^ QUOTES) - ONES) | ((next ^ BACKSLASHES) - ONES) | (next - SPACES)) & HIGH_BITS
    }
    // The lowest bit set is that of the first special byte; a borrow can only touch bytes after it.
    const plain = (31 - Math.clz32(special & -special)) >> 3
    o += plain
    p += plain
    let c = buf[p]!
    if (c === 0x22) {
      column.used = o
      column.offsets[row + 1] = o
      return p + 1
    }
    if (c >= 0x80) {
      do {
        const length = sequenceLength(buf, p)
        if (length < 0) return ~(p - length - 1)
        for (let i = 0; i < length; i++) out[o++] = buf[p++]!
        c = buf[p]!
      } while (c >= 0x80)
    } else if (c === 0x5c) {
      c = buf[p + 1]!
      if (c === 0x75) {
        let code = readHex4(buf, p + 2)
        if (code < 0) return ~p
        p += 6
        if (code >= 0xd800 && code <= 0xdfff) {
          const low = code < 0xdc00 && buf[p] === 0x5c && buf[p + 1] === 0x75 ? readHex4(buf, p + 2) : -1
          if (low >= 0xdc00 && low <= 0xdfff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
            p += 6
          } else code = 0xfffd
        }
        o = writeCodePoint(out, o, code)
      } else {
        const escaped = ESCAPED[c]!
        if (escaped === 0) return ~(p + 1)
        out[o++] = escaped
        p += 2
      }
    } else return ~p
  }
}

/** What a byte after a backslash stands for; 0 for a byte that may not stand there. */
const ESCAPED = new Uint8Array(256)
for (const pair of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'])
  ESCAPED[pair.charCodeAt(0)] = pair.charCodeAt(1)

function readHex4(buf: Uint8Array, p: number): number {
  let code = 0
  for (let i = p; i < p + 4; i++) {
    const c = buf[i]!
    const letter = c | 0x20
    if (c >= 0x30 && c <= 0x39) code = (code << 4) | (c - 48)
    else if (letter >= 0x61 && letter <= 0x66) code = (code << 4) | (letter - 87)
    else return -1
  }
  return code
}

function writeCodePoint(out: Uint8Array, o: number, code: number): number {
  if (code < 0x80) {
    out[o++] = code
  } else if (code < 0x800) {
    out[o++] = 0xc0 | (code >> 6)
    out[o++] = 0x80 | (code & 63)
  } else if (code < 0x10000) {
    out[o++] = 0xe0 | (code >> 12)
    out[o++] = 0x80 | ((code >> 6) & 63)
    out[o++] = 0x80 | (code & 63)
  } else {
    out[o++] = 0xf0 | (code >> 18)
    out[o++] = 0x80 | ((code >> 12) & 63)
    out[o++] = 0x80 | ((code >> 6) & 63)
    out[o++] = 0x80 | (code & 63)
  }
  return o
}

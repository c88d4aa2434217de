import { sequenceLength } from './utf8.ts'

/** Values nested deeper are refused, so that hostile bytes cannot exhaust the stack. */
export const MAX_DEPTH = 512

const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const SPACES = 0x20202020
const ONES = 0x01010101
const HIGH_BITS = 0x80808080 | 0
const ZEROS = 0x30303030
const ABOVE_NINE = 0x76767676

/**
 * Checks one JSON value at `p`, grammar and UTF-8 included, and returns the position after it, or `~position` of the
 * byte that breaks it. HOT: once per dynamic cell. bench/decode.bench.ts.
 *
 * Precondition, not checked: at least four zero bytes follow the last byte; no JSON value contains a zero byte.
 * A number at the end of the bytes is taken as complete: whether more digits follow is for the caller to know.
 */
export function skipJson(buf: Uint8Array, view: DataView, p: number, depth = 0): number {
  const c = buf[p]!
  if (c === 0x22) return skipString(buf, view, p)
  if (c === 0x7b) return skipObject(buf, view, p, depth)
  if (c === 0x5b) return skipArray(buf, view, p, depth)
  if (c === 0x74) return skipWord(buf, p, TRUE)
  if (c === 0x66) return skipWord(buf, p, FALSE)
  if (c === 0x6e) return skipWord(buf, p, NULL)
  return skipNumber(buf, view, p)
}

/** Position of the first byte at or after `p` that is no JSON white space. */
export function skipSpace(buf: Uint8Array, p: number): number {
  while (buf[p]! <= 0x20 && isSpace(buf[p]!)) p++
  return p
}

/** Checks a JSON string at `p`, which has its opening quote. Result and precondition as {@link skipJson}. */
export function skipString(buf: Uint8Array, view: DataView, p: number): number {
  p++
  for (;;) {
    // Four bytes at a time while none is a quote, a backslash, a control character or above U+007F.
    let w = view.getInt32(p, true)
    let special = (w | ((w ^ QUOTES) - ONES) | ((w ^ BACKSLASHES) - ONES) | (w - SPACES)) & HIGH_BITS
    while (special === 0) {
      p += 4
      w = view.getInt32(p, true)
      special = (w | ((w ^ QUOTES) - ONES) | ((w ^ BACKSLASHES) - ONES) | (w - SPACES)) & HIGH_BITS
    }
    // The lowest bit set is that of the first special byte; a borrow can only touch bytes after it.
    p += (31 - Math.clz32(special & -special)) >> 3
    let c = buf[p]!
    if (c === 0x22) return p + 1
    if (c === 0x5c) {
      c = buf[++p]!
      if (c === 0x75) {
        for (let i = 1; i <= 4; i++) if (!isHex(buf[p + i]!)) return ~(p + i)
        p += 5
      } else if (isEscape(c)) p++
      else return ~p
    } else if (c < 0x20) return ~p
    else {
      const length = sequenceLength(buf, p)
      if (length < 0) return ~(p - length - 1)
      p += length
    }
  }
}

function skipObject(buf: Uint8Array, view: DataView, p: number, depth: number): number {
  if (depth >= MAX_DEPTH) return ~p
  p = skipSpace(buf, p + 1)
  if (buf[p] === 0x7d) return p + 1
  for (;;) {
    if (buf[p] !== 0x22) return ~p
    p = skipString(buf, view, p)
    if (p < 0) return p
    p = skipSpace(buf, p)
    if (buf[p] !== 0x3a) return ~p
    p = skipSpace(buf, p + 1)
    let c = buf[p]!
    // Most values are these two; to know it here saves the recursion.
    if (c === 0x22) p = skipString(buf, view, p)
    else if (isDigit(c)) p = skipNumber(buf, view, p)
    else p = skipJson(buf, view, p, depth + 1)
    if (p < 0) return p
    p = skipSpace(buf, p)
    c = buf[p]!
    if (c === 0x7d) return p + 1
    if (c !== 0x2c) return ~p
    p = skipSpace(buf, p + 1)
  }
}

function skipArray(buf: Uint8Array, view: DataView, p: number, depth: number): number {
  if (depth >= MAX_DEPTH) return ~p
  p = skipSpace(buf, p + 1)
  if (buf[p] === 0x5d) return p + 1
  for (;;) {
    p = skipJson(buf, view, p, depth + 1)
    if (p < 0) return p
    p = skipSpace(buf, p)
    const c = buf[p]!
    if (c === 0x5d) return p + 1
    if (c !== 0x2c) return ~p
    p = skipSpace(buf, p + 1)
  }
}

function skipNumber(buf: Uint8Array, view: DataView, p: number): number {
  // One to three digits without a branch on their number; see readInt.
  const t = view.getInt32(p, true) ^ ZEROS
  const odd = ((t + ABOVE_NINE) | t) & HIGH_BITS
  const count = odd === 0 ? 0 : (31 - Math.clz32(odd & -odd)) >> 3
  const next = buf[p + count]!
  if (count > 0 && next !== 0x2e && (next | 0x20) !== 0x65 && (count === 1 || (t & 255) !== 0)) return p + count
  if (buf[p] === 0x2d) p++
  let c = buf[p]!
  if (!isDigit(c)) return ~p
  const isZero = c === 0x30
  c = buf[++p]!
  if (isZero && isDigit(c)) return ~p
  while (isDigit(c)) c = buf[++p]!
  if (c === 0x2e) {
    c = buf[++p]!
    if (!isDigit(c)) return ~p
    while (isDigit(c)) c = buf[++p]!
  }
  if (c === 0x65 || c === 0x45) {
    c = buf[++p]!
    if (c === 0x2d || c === 0x2b) c = buf[++p]!
    if (!isDigit(c)) return ~p
    while (isDigit(c)) c = buf[++p]!
  }
  return p
}

function skipWord(buf: Uint8Array, p: number, word: Uint8Array): number {
  for (let i = 1; i < word.length; i++) if (buf[p + i] !== word[i]) return ~(p + i)
  return p + word.length
}

const TRUE = Uint8Array.from(Buffer.from('true'))
const FALSE = Uint8Array.from(Buffer.from('false'))
const NULL = Uint8Array.from(Buffer.from('null'))

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39
}

function isHex(c: number): boolean {
  return isDigit(c) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66)
}

/** Whether `c` may follow a backslash, `u` apart: `"` `\` `/` `b` `f` `n` `r` `t`. */
function isEscape(c: number): boolean {
  return c === 0x22 || c === 0x5c || c === 0x2f || c === 0x62 || c === 0x66 || c === 0x6e || c === 0x72 || c === 0x74
}

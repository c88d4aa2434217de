/** How far an incomplete value was scanned, so that more bytes continue instead of starting over. */
export class ValueScan {
  /** Offset into the body of the next byte to look at; -1 = nothing scanned. */
  offset = -1
  depth = 0
  isInString = false
  isEscaped = false
  /** Whether a number or word at depth 0 has begun, which only the byte after it ends. */
  isInWord = false
}

/**
 * Looks for the end of the JSON value that begins at or after `p`, by quotes and brackets only. Returns the position
 * after it, or -1 when `end` comes first; then `scan` knows the rest. Commas before the value are passed over; a closing
 * bracket before it ends the scan too, so that whoever reads the bytes sees both.
 * Not hot: once per value that a chunk's end cuts, and for values outside of rows.
 */
export function scanValue(buf: Uint8Array, p: number, end: number, scan: ValueScan): number {
  let { depth, isInString, isEscaped, isInWord } = scan
  for (; p < end; p++) {
    const c = buf[p]!
    if (isInString) {
      if (isEscaped) isEscaped = false
      else if (c === 0x5c) isEscaped = true
      else if (c === 0x22) {
        isInString = false
        if (depth === 0) return p + 1
      }
    } else if (c === 0x22) {
      if (isInWord) return p
      isInString = true
    } else if (c === 0x5b || c === 0x7b) {
      if (isInWord) return p
      depth++
    } else if (c === 0x5d || c === 0x7d) {
      if (depth === 0) return p
      if (--depth === 0) return p + 1
    } else if (depth === 0) {
      const isBetween = c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09 || c === 0x2c
      if (!isBetween) isInWord = true
      else if (isInWord) return p
    }
  }
  scan.depth = depth
  scan.isInString = isInString
  scan.isEscaped = isEscaped
  scan.isInWord = isInWord
  return -1
}

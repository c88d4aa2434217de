/**
 * Length of the well-formed UTF-8 sequence of a character above U+007F at `p`, or `-n` when byte `p + n - 1` breaks it.
 * HOT: once per character above U+007F. bench/decode.bench.ts.
 * Refuses overlong forms, surrogates and code points above U+10FFFF.
 */
export function sequenceLength(buf: Uint8Array, p: number): number {
  const c = buf[p]!
  const c1 = buf[p + 1]!
  if (c >= 0xc2 && c <= 0xdf) return (c1 & 0xc0) === 0x80 ? 2 : -2
  if (c >= 0xe0 && c <= 0xef) {
    const lowest = c === 0xe0 ? 0xa0 : 0x80
    const highest = c === 0xed ? 0x9f : 0xbf
    if (c1 < lowest || c1 > highest) return -2
    return (buf[p + 2]! & 0xc0) === 0x80 ? 3 : -3
  }
  if (c >= 0xf0 && c <= 0xf4) {
    const lowest = c === 0xf0 ? 0x90 : 0x80
    const highest = c === 0xf4 ? 0x8f : 0xbf
    if (c1 < lowest || c1 > highest) return -2
    if ((buf[p + 2]! & 0xc0) !== 0x80) return -3
    return (buf[p + 3]! & 0xc0) === 0x80 ? 4 : -4
  }
  return -1
}

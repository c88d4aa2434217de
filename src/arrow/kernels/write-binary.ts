/* HOT: once per binary cell and guid. Base64 and UUID text straight from bytes. Bench: bench/csv.bench.ts. */
import type { ByteSink } from './write-bytes.ts'

const BASE64: Uint8Array = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const HEX: Uint8Array = new TextEncoder().encode('0123456789abcdef')
/** The two digits of each byte as one little-endian 16-bit value. */
const HEX_PAIRS: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => HEX[byte >> 4]! | (HEX[byte & 15]! << 8))
const PADDING = 61

/** Writes `src[start, end)` as padded base64 at `at`. */
export function writeBase64({ bytes }: ByteSink, at: number, src: Uint8Array, start: number, end: number): void {
  let pos = at
  let index = start
  for (; index + 2 < end; index += 3) {
    const group = (src[index]! << 16) | (src[index + 1]! << 8) | src[index + 2]!
    bytes[pos++] = BASE64[group >> 18]!
    bytes[pos++] = BASE64[(group >> 12) & 63]!
    bytes[pos++] = BASE64[(group >> 6) & 63]!
    bytes[pos++] = BASE64[group & 63]!
  }
  if (index < end) {
    const two = index + 1 < end
    const group = (src[index]! << 16) | (two ? src[index + 1]! << 8 : 0)
    bytes[pos++] = BASE64[group >> 18]!
    bytes[pos++] = BASE64[(group >> 12) & 63]!
    bytes[pos++] = two ? BASE64[(group >> 6) & 63]! : PADDING
    bytes[pos] = PADDING
  }
}

/** Writes the 16 bytes at `src[start]` as a lower-case UUID of 36 bytes at `at`. */
export function writeUuid({ bytes, view }: ByteSink, at: number, src: Uint8Array, start: number): void {
  let pos = at
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) bytes[pos++] = 45
    view.setUint16(pos, HEX_PAIRS[src[start + index]!]!, true)
    pos += 2
  }
}

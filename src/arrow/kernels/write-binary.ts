/* HOT: once per binary cell and guid. Base64 and UUID text straight from bytes. Bench: bench/csv.bench.ts. */
import { type ByteSink, reserve } from './write-bytes.ts'

const BASE64: Uint8Array = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const HEX: Uint8Array = new TextEncoder().encode('0123456789abcdef')

/** Writes `src[start, end)` as padded base64. Reserves its own room plus `slack`. */
export function writeBase64(out: ByteSink, src: Uint8Array, start: number, end: number, slack: number): void {
  reserve(out, Math.ceil((end - start) / 3) * 4 + slack)
  const { bytes } = out
  let pos = out.pos
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
    bytes[pos++] = two ? BASE64[(group >> 6) & 63]! : 61
    bytes[pos++] = 61
  }
  out.pos = pos
}

/** Writes the 16 bytes at `src[start]` as a lower-case UUID. 36 bytes must be reserved. */
export function writeUuid(out: ByteSink, src: Uint8Array, start: number): void {
  const { bytes } = out
  let pos = out.pos
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) bytes[pos++] = 45
    const byte = src[start + index]!
    bytes[pos++] = HEX[byte >> 4]!
    bytes[pos++] = HEX[byte & 15]!
  }
  out.pos = pos
}

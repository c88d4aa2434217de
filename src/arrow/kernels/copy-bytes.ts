/*
 * HOT: once per cell of text. Copies a few bytes: calling `set` costs as much as copying a hundred of them one by one.
 * Nothing after the end is touched, because cells that stand there may be written already. Bench: bench/csv.bench.ts.
 */
import type { ByteSink } from './write-bytes.ts'

/** Cells shorter than this are better copied in the loop that walks them. */
export const FEW_BYTES = 8
const MANY = 160

/** Bytes to copy from, and a view over the same bytes. */
export interface CopySource {
  readonly src: Uint8Array
  readonly view: DataView
}

/** Copies `from.src[start, end)` to `out.bytes[at]`. */
export function copyBytes(out: ByteSink, at: number, from: CopySource, start: number, end: number): void {
  const { bytes } = out
  const { src } = from
  const length = end - start
  let to = at
  let index = start
  if (length >= MANY) {
    bytes.set(src.subarray(start, end), at)
    return
  }
  const source = from.view
  const target = out.view
  for (; index + 4 <= end; index += 4, to += 4) target.setInt32(to, source.getInt32(index, true), true)
  for (; index < end; index++) bytes[to++] = src[index]!
}

/*
 * HOT: once per cell. A growing byte buffer that every writing kernel appends to. A kernel writes at `bytes[pos]` without
 * a bounds check: its caller has reserved the room. Bench: bench/csv.bench.ts.
 */

/** Where the writing kernels append. The buffer is replaced when it grows: never keep `bytes` across a reserve. */
export interface ByteSink {
  bytes: Uint8Array<ArrayBuffer>
  /** Over the same bytes, to write two or four of them at once. Replaced with them. */
  view: DataView
  pos: number
  /** Times that had digits below 100 ns, which Kusto cannot hold and the kernel cut. */
  cutTimes: number
  /** Cells over Kusto's default limit of 1 MiB: longer strings are cut by the service and longer dynamics become null. */
  oversizeCells: number
}

/** UTF-8 bytes of the longest cell that the default encoding policy keeps whole. */
export const CELL_LIMIT_BYTES = 1_048_576

/** An empty sink with room for `capacity` bytes. */
export function byteSink(capacity: number): ByteSink {
  const bytes = new Uint8Array(Math.max(64, capacity))
  return {
    bytes,
    view: viewOf(bytes),
    pos: 0,
    cutTimes: 0,
    oversizeCells: 0,
  }
}

/** Makes room for `count` more bytes. The buffer at least doubles, so that appending stays linear. */
export function reserve(out: ByteSink, count: number): void {
  if (out.pos + count > out.bytes.length) grow(out, count)
}

/** Appends `text`, which holds only ASCII. Room must be reserved. */
export function writeAscii(out: ByteSink, text: string): void {
  const { bytes } = out
  let pos = out.pos
  for (let index = 0; index < text.length; index++) bytes[pos++] = text.charCodeAt(index)
  out.pos = pos
}

/** A view of exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function grow(out: ByteSink, count: number): void {
  const bytes = new Uint8Array(Math.max(out.bytes.length * 2, out.pos + count))
  bytes.set(out.bytes.subarray(0, out.pos))
  out.bytes = bytes
  out.view = viewOf(bytes)
}

/** An `ArrayBuffer` that can change its size, as Node 20 has it and `lib: es2023` does not know. */
interface ResizableBuffer extends ArrayBuffer {
  readonly maxByteLength: number
  resize(bytes: number): void
}
const ResizableBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { readonly maxByteLength: number },
) => ResizableBuffer

/** Smaller ranges are copied to fresh memory, which then costs less than finding some. */
const SMALLEST_BYTES = 128 * 1024
/** Larger ones are too, so that a thread keeps no more than four times this. */
const LARGEST_BYTES = 16 * 2 ** 20
const KEPT = 4

/** Memory of this thread that nobody uses, the one used last at the end. */
const unused: ResizableBuffer[] = []

/**
 * Copies of ranges of a file, in memory that is used again. A decoder copies each of them once more and drops it: fresh
 * memory for every row group would be page faults, and garbage that makes the engine mark its whole heap.
 * bench/parquet.bench.ts, bench/parquet-workers.bench.ts.
 */
export class ReusedSlices {
  readonly #bytes: Uint8Array
  readonly #lent: ResizableBuffer[] = []
  #reads = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Runs a read. Copies that are made during it are not written to before all reads that overlap with it have ended. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    this.#reads++
    try {
      return await read()
    } finally {
      if (--this.#reads === 0) {
        unused.push(...this.#lent.splice(0))
        unused.splice(0, unused.length - KEPT)
      }
    }
  }

  /** Bytes `start` to `end`, exactly. Only copies made during a read are of memory that is used again. */
  copy(start: number, end: number): ArrayBuffer {
    const bytes = end - start
    const isReused = this.#reads > 0 && bytes >= SMALLEST_BYTES && bytes <= LARGEST_BYTES
    if (!isReused) return new Uint8Array(this.#bytes.subarray(start, end)).buffer
    // Shared memory is copied by words where both sides are aligned alike, and else, ten times as slow, by bytes.
    const shift = this.#bytes.buffer instanceof SharedArrayBuffer ? (this.#bytes.byteOffset + start) & 7 : 0
    const memory = take(bytes + 7)
    this.#lent.push(memory)
    memory.resize(bytes + shift)
    const view = new Uint8Array(memory)
    view.set(this.#bytes.subarray(start, end), shift)
    if (shift > 0) {
      view.copyWithin(0, shift)
      memory.resize(bytes)
    }
    return memory
  }
}

function take(bytes: number): ResizableBuffer {
  // Much larger memory would give its pages back and fault them in again.
  const at = unused.findLastIndex(({ maxByteLength }) => maxByteLength >= bytes && maxByteLength <= bytes * 4)
  const [found] = at < 0 ? [] : unused.splice(at, 1)
  if (found !== undefined) return found
  return new ResizableBuffer(0, { maxByteLength: bytes + (bytes >> 2) })
}

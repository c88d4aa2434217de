import { AsyncByteQueue, RecordBatchStreamWriter, type Table } from 'apache-arrow'

/**
 * Writes tables as Arrow IPC streams, one after the other, into one memory: `tableToIPC` makes a new one for each, and what
 * is garbage outside of the JavaScript heap is collected late.
 */
export class IpcScratch {
  #bytes: Uint8Array<ArrayBuffer>

  /** `bytes` is what a table is expected to take; the memory grows when one takes more. */
  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes)
  }

  /** The stream, valid until the next call. */
  write(table: Table): Uint8Array<ArrayBuffer> {
    let end = 0
    const take = (chunk: Uint8Array): void => {
      if (end + chunk.length > this.#bytes.length) {
        const larger = new Uint8Array(Math.max(end + chunk.length, this.#bytes.length * 2))
        larger.set(this.#bytes.subarray(0, end))
        this.#bytes = larger
      }
      this.#bytes.set(chunk, end)
      end += chunk.length
    }
    const writer = new RecordBatchStreamWriter()
    writer.reset(new ChunkQueue(take))
    writer.write(table)
    writer.finish()
    return this.#bytes.subarray(0, end)
  }
}

/** Hands chunks on at once, where the library would hold them for a reader. */
class ChunkQueue extends AsyncByteQueue<Uint8Array> {
  readonly #take: (chunk: Uint8Array) => void

  constructor(take: (chunk: Uint8Array) => void) {
    super()
    this.#take = take
  }

  override write(chunk: ArrayBufferView): void {
    this.#take(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }
}

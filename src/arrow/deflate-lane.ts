import * as zlib from 'node:zlib'

/** Bytes of output between two visits to the calling thread. Node's 16 KiB would mean a dozen for each block. */
const OUTPUT_BYTES = 256 * 1024

/**
 * Deflates one block after the other on libuv's pool, with memory that is made once: a deflater takes a quarter of a
 * megabyte, which a new one would clear for each block. Create as many lanes as blocks are to be deflated at once.
 */
export class DeflateLane {
  readonly #stream: zlib.DeflateRaw
  #parts: Uint8Array[] = []
  #fail: ((error: unknown) => void) | undefined

  constructor(level: number) {
    this.#stream = zlib.createDeflateRaw({ level, flush: zlib.constants.Z_SYNC_FLUSH, chunkSize: OUTPUT_BYTES })
    this.#stream.on('data', (part: Uint8Array) => void this.#parts.push(part))
    this.#stream.on('error', (error) => this.#fail?.(error))
  }

  /**
   * The block by itself, without reference to those before, up to a byte border (Z_SYNC_FLUSH). The bytes must not change
   * meanwhile. One block at a time: the last call has settled.
   */
  deflate(block: Uint8Array): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      this.#fail = reject
      this.#stream.write(block, (error) => {
        if (error != null) return reject(error)
        while (this.#stream.readableLength > 0) this.#stream.read()
        const parts = this.#parts
        this.#parts = []
        this.#stream.reset()
        resolve(parts)
      })
    })
  }

  /** Gives the memory back. */
  close(): void {
    this.#stream.close()
  }
}

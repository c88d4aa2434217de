import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'
import { constants, createGzip, type Gzip } from 'node:zlib'

export interface BodyWriterOptions {
  readonly gzip?: boolean
  readonly truncateAfterBytes?: number | undefined
}

/** How long bytes may wait in the compressor before they are pushed to the client. */
const FLUSH_AFTER_MS = 200

/** Writes a response body at the speed at which the client reads it. */
export class BodyWriter {
  readonly #response: ServerResponse
  readonly #gzip: Gzip | undefined
  #left: number
  #lastFlush = 0

  constructor(response: ServerResponse, options: BodyWriterOptions = {}) {
    this.#response = response
    this.#left = options.truncateAfterBytes ?? Infinity
    if (options.gzip === true) {
      const gzip = createGzip({ level: 1 })
      this.#gzip = gzip
      gzip.on('data', (part: Buffer) => {
        if (!this.#send(part)) gzip.pause()
      })
      // A client that has gone takes nothing more: what is left is compressed into the void.
      for (const event of ['drain', 'close']) response.on(event, () => gzip.resume())
    }
  }

  /** Resolves when the next piece may be written; rejects when the client has gone. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#response.destroyed) throw new Error('the client has gone')
    const target = this.#gzip ?? this.#response
    const room = this.#gzip === undefined ? this.#send(bytes) : this.#gzip.write(bytes)
    if (this.#gzip !== undefined && Date.now() - this.#lastFlush > FLUSH_AFTER_MS) {
      this.#lastFlush = Date.now()
      this.#gzip.flush(constants.Z_SYNC_FLUSH)
    }
    if (room || this.#response.destroyed) return
    const gone = new AbortController()
    const stop = (): void => gone.abort()
    this.#response.once('close', stop)
    try {
      await once(target, 'drain', { signal: gone.signal })
    } finally {
      this.#response.off('close', stop)
    }
  }

  async end(): Promise<void> {
    if (this.#gzip !== undefined) {
      this.#gzip.end()
      await once(this.#gzip, 'end')
    }
    if (this.#response.destroyed) return
    this.#response.end()
    await finished(this.#response)
  }

  /** Cuts the connection: the client must see that the body is not complete. */
  abort(): void {
    this.#gzip?.destroy()
    this.#response.destroy()
  }

  #send(bytes: Uint8Array): boolean {
    if (this.#response.destroyed) return true
    if (bytes.length < this.#left) {
      this.#left -= bytes.length
      return this.#response.write(bytes)
    }
    const last = bytes.subarray(0, this.#left)
    this.#left = 0
    // Destroyed only after the last allowed byte is out, so that the client receives exactly that many.
    this.#response.write(last, () => this.#response.destroy())
    return false
  }
}

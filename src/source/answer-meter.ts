/** Measures how long an answer's bytes were waited for, how many came, and how long their decoding took. */
export class AnswerMeter {
  #bytes = 0
  #waitMs = 0
  #totalMs = 0

  /** Passes the body on. */
  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    let askedAt = performance.now()
    for await (const chunk of body) {
      this.#waitMs += performance.now() - askedAt
      this.#bytes += chunk.length
      yield chunk
      askedAt = performance.now()
    }
    this.#waitMs += performance.now() - askedAt
  }

  /** Passes what is decoded from the body on; the time in the reader's hands does not count. */
  async *time<T>(decoded: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    let askedAt = performance.now()
    for await (const item of decoded) {
      this.#totalMs += performance.now() - askedAt
      yield item
      askedAt = performance.now()
    }
  }

  measured(): { readonly bytes: number; readonly waitMs: number; readonly decodeMs: number } {
    return { bytes: this.#bytes, waitMs: this.#waitMs, decodeMs: Math.max(0, this.#totalMs - this.#waitMs) }
  }
}

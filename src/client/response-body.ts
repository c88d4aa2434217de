import type { Readable } from 'node:stream'
import { KustoNetworkError, type KustoErrorContext } from '../errors.ts'
import { AbortScope } from '../base/abort.ts'
import { bodyFailed } from './network-error.ts'

export interface ResponseBodyOptions {
  readonly signal: AbortSignal | undefined
  readonly context: KustoErrorContext
  /** When the service must have answered at the latest, on the clock of `performance.now()`. */
  readonly deadlineMs: number
  /** After that moment, how long the service may send nothing while somebody waits. */
  readonly idleTimeoutMs: number
  /** Told once, when the body is over: read to its end, or given up before. */
  readonly onEnd: (outcome: 'complete' | 'incomplete') => void
}

/**
 * The bytes of an answer, to be read once. Time limits count only while the reader waits, so a slow reader is not a
 * stalled service. An abort destroys the socket at once; leaving the loop does too.
 */
export class ResponseBody implements AsyncIterableIterator<Uint8Array> {
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #options: ResponseBodyOptions
  readonly #scope: AbortScope
  #ended = false
  #first: Promise<IteratorResult<Uint8Array>> | undefined

  constructor(stream: Readable, options: ResponseBodyOptions) {
    this.#stream = stream
    this.#options = options
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    this.#scope = new AbortScope(options.signal)
    // The reader learns of errors from its next read; until then somebody has to listen.
    stream.on('error', () => {})
    this.#scope.signal.addEventListener('abort', () => this.#stream.destroy(), { once: true })
    if (this.#scope.signal.aborted) this.#stream.destroy()
  }

  /** Waits for the first chunk, which the first `next()` then gives; a failure is thrown here and ends the body. */
  async prefetch(): Promise<void> {
    const first = await this.#read()
    this.#first = Promise.resolve(first)
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const first = this.#first
    this.#first = undefined
    if (first === undefined) return this.#read()
    this.#options.signal?.throwIfAborted()
    return first
  }

  /** Gives the rest up and destroys the connection. */
  return(): Promise<IteratorResult<Uint8Array>> {
    this.#end('incomplete')
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this
  }

  async #read(): Promise<IteratorResult<Uint8Array>> {
    if (this.#ended) {
      if (this.#scope.signal.aborted) throw this.#scope.signal.reason
      return { done: true, value: undefined }
    }
    const { deadlineMs, idleTimeoutMs, context } = this.#options
    const limitMs = Math.max(deadlineMs - performance.now(), idleTimeoutMs)
    this.#scope.limit(limitMs, () => stalled(Math.round(limitMs), context))
    try {
      const result = await this.#chunks.next()
      this.#scope.limit(Infinity, () => undefined)
      this.#scope.signal.throwIfAborted()
      if (result.done === true) this.#end('complete')
      return result
    } catch (error) {
      this.#end('incomplete')
      if (this.#scope.signal.aborted) throw this.#scope.signal.reason
      throw bodyFailed(error, context)
    }
  }

  #end(outcome: 'complete' | 'incomplete'): void {
    if (this.#ended) return
    this.#ended = true
    this.#first = undefined
    this.#scope.close()
    if (outcome === 'incomplete') this.#stream.destroy()
    this.#options.onEnd(outcome)
  }
}

function stalled(limitMs: number, context: KustoErrorContext): KustoNetworkError {
  return new KustoNetworkError('KUSTO_STALLED', `expected more of the body within ${limitMs} ms, found nothing`, {
    context,
    retryable: true,
  })
}

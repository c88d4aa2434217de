import { KustoNetworkError } from '../errors.ts'
import { AbortScope, untilAborted } from './abort.ts'

export interface CachedOptions {
  /** Age at which the value is fetched again. */
  readonly maxAgeMs: number
  /** How long one fetch may take. */
  readonly timeoutMs: number
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

/** What whoever waits for the service hears when it gives no answer in time. */
export function noAnswer(timeoutMs: number): KustoNetworkError {
  return new KustoNetworkError('KUSTO_TIMEOUT', `expected an answer within ${timeoutMs} ms, found none`, {
    retryable: true,
  })
}

/**
 * A fetched value that is shared: callers at the same time wait for one fetch, a failed fetch is not remembered, and a
 * caller that gives up does not end the fetch for the others.
 */
export class Cached<T> {
  readonly #fetch: (signal: AbortSignal) => Promise<T>
  readonly #options: CachedOptions
  #known: { readonly at: number; readonly value: Promise<T> } | undefined

  constructor(fetch: (signal: AbortSignal) => Promise<T>, options: CachedOptions) {
    this.#fetch = fetch
    this.#options = options
  }

  async get(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const now = (this.#options.now ?? (() => performance.now()))()
    if (this.#known === undefined || now - this.#known.at > this.#options.maxAgeMs) {
      const entry = { at: now, value: this.#run() }
      this.#known = entry
      entry.value.catch(() => {
        if (this.#known === entry) this.#known = undefined
      })
    }
    return untilAborted(this.#known.value, signal)
  }

  /** Makes the next `get` fetch again. */
  forget(): void {
    this.#known = undefined
  }

  async #run(): Promise<T> {
    using limit = new AbortScope()
    const { timeoutMs } = this.#options
    limit.limit(timeoutMs, () => noAnswer(timeoutMs))
    return await untilAborted(this.#fetch(limit.signal), limit.signal)
  }
}

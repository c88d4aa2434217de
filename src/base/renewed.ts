import { AbortScope, untilAborted } from './abort.ts'

export interface RenewedOptions<T> {
  /** Age at which the value is fetched again, while the old one still serves. */
  readonly maxAgeMs: number | ((value: T) => number)
  /** How long one fetch may take. */
  readonly timeoutMs: number
  /** The error of one that takes longer. Default: one that says so, for the caller to wrap. */
  readonly late?: (timeoutMs: number) => Error
  /** How long a value that was just fetched can be used. Default: for good. */
  readonly lifeMs?: (value: T) => number
  /** It is fetched again this long before its life is over, or at half its life where that is later. Default 0. */
  readonly marginMs?: number
  /** How long an old value goes on after a renewal that failed. Default 60,000. */
  readonly retryAfterMs?: number
  /** Told of a renewal that failed while the old value still serves. */
  readonly onStale?: (error: unknown) => void
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

interface Known<T> {
  readonly value: T
  readonly endsAt: number
  renewAt: number
}

/**
 * A fetched value that is shared and renewed before it ends. Callers at the same time wait for one fetch; a caller that
 * gives up does not end it for the others. While a renewal fails or takes long, the old value serves until its life is over.
 */
export class Renewed<T> {
  readonly #fetch: (signal: AbortSignal) => Promise<T>
  readonly #options: RenewedOptions<T>
  readonly #now: () => number
  #known: Known<T> | undefined
  #fetching: Promise<Known<T>> | undefined

  constructor(fetch: (signal: AbortSignal) => Promise<T>, options: RenewedOptions<T>) {
    this.#fetch = fetch
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  async get(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const known = this.#known
    if (known !== undefined && this.#now() < known.renewAt) return known.value
    using patience = new AbortScope(signal)
    const outlasts = known !== undefined && this.#now() + PATIENCE_MS < known.endsAt
    if (outlasts) patience.limit(PATIENCE_MS, () => new Error(STILL_RENEWED))
    try {
      return (await untilAborted(this.#single(), patience.signal)).value
    } catch (error) {
      signal?.throwIfAborted()
      const left = known === undefined ? undefined : this.#known
      if (left === undefined || this.#now() >= left.endsAt) throw error
      // Another value may have come when this wait was over.
      if (left !== known) return left.value
      left.renewAt = Math.min(left.endsAt, this.#now() + (this.#options.retryAfterMs ?? RETRY_AFTER_MS))
      this.#options.onStale?.(error)
      return left.value
    }
  }

  /** Makes the next `get` fetch; the value does not serve any more. */
  forget(): void {
    this.#known = undefined
  }

  #single(): Promise<Known<T>> {
    this.#fetching ??= this.#run().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #run(): Promise<Known<T>> {
    using limit = new AbortScope()
    const { timeoutMs, maxAgeMs, lifeMs, marginMs = 0, late } = this.#options
    limit.limit(timeoutMs, () => late?.(timeoutMs) ?? new Error(`no answer within ${timeoutMs} ms`))
    const value = await untilAborted(this.#fetch(limit.signal), limit.signal)
    const now = this.#now()
    const life = lifeMs?.(value) ?? Infinity
    const age = typeof maxAgeMs === 'number' ? maxAgeMs : maxAgeMs(value)
    const known = {
      value,
      endsAt: now + life,
      renewAt: now + Math.min(age, Math.max(life - marginMs, life / 2)),
    }
    this.#known = known
    return known
  }
}

const RETRY_AFTER_MS = 60_000
/** A renewal that takes longer goes on, but those who could use the old value do not wait for it. */
const PATIENCE_MS = 5_000
const STILL_RENEWED = `no answer within ${PATIENCE_MS} ms`

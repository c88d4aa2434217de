import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events'

/** Options every waiting function takes. */
export interface AbortOptions {
  /** Ends the wait; the promise rejects with `signal.reason`, unchanged. */
  readonly signal?: AbortSignal
}

/**
 * An abort signal that follows an outer one, can be aborted from inside, and can have a time limit. `close()` takes
 * its listener and its timer away; unlike `AbortSignal.any` and `AbortSignal.timeout` nothing is left to the garbage
 * collector.
 */
export class AbortScope {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal | undefined
  readonly #onOuterAbort = (): void => this.#controller.abort(this.#outer?.reason)
  #timer: NodeJS.Timeout | undefined

  constructor(outer?: AbortSignal) {
    // One listener for each thing under way is no leak: their number is bounded where they are started.
    setMaxListeners(0, this.#controller.signal)
    LIMITED.add(this.#controller.signal)
    this.#outer = outer
    if (outer !== undefined) allowManyListeners(outer)
    if (outer?.aborted) this.#onOuterAbort()
    else outer?.addEventListener('abort', this.#onOuterAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Aborts the inner signal only. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason)
  }

  /** Aborts with `reason()` when `limitMs` have passed; replaces an earlier limit. `Infinity` means no limit. */
  limit(limitMs: number, reason: () => unknown): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (limitMs > 0x7fff_ffff) return
    this.#timer = setTimeout(() => this.#controller.abort(reason()), Math.max(0, limitMs))
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#outer?.removeEventListener('abort', this.#onOuterAbort)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** As many listeners as a signal of the caller's takes before Node speaks of a leak, where the caller set no limit. */
const MANY_LISTENERS = 1_500

/** Signals whose limit was looked at: asking costs an exception where there is none. */
const LIMITED = new WeakSet<AbortSignal>()

/** One signal for many calls at once is no leak, though each listens to it: their listeners end with them. */
export function allowManyListeners(signal: AbortSignal): void {
  if (LIMITED.has(signal)) return
  LIMITED.add(signal)
  if (listenerLimit(signal) === defaultMaxListeners) setMaxListeners(MANY_LISTENERS, signal)
}

function listenerLimit(signal: AbortSignal): number {
  try {
    return getMaxListeners(signal)
  } catch {
    // Node 20 throws for the limit 0, which is none, and for a signal of another library's making, which has none.
    return 0
  }
}

/**
 * The promise's outcome, or a rejection with `signal.reason` as soon as the signal aborts. The promise itself goes on;
 * its late rejection is swallowed, so use this only for work that cannot be told to stop.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  allowManyListeners(signal)
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}

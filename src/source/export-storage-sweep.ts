import { AbortScope, untilAborted } from '../base/abort.ts'
import { sleep as realSleep } from '../base/sleep.ts'
import type { Sleep } from '../base/sleep.ts'

/** Looks for what a given-up export left. */
export interface Sweep {
  /** Whether the export has ended and writes no more; may fail. The signal is the end of the connector. */
  readonly hasEnded: (signal: AbortSignal) => Promise<boolean>
  /** Deletes what is there now; fails only when the connector ends. */
  readonly remove: (signal: AbortSignal) => Promise<void>
}

export interface RemovalOptions {
  /** Of the caller. After an abort it waits less than a second. */
  readonly signal: AbortSignal | undefined
  /** How long the caller waits. Default: until all is deleted. */
  readonly limitMs?: number
}

/** Pauses between questions; the last one is repeated until the limit. */
const PAUSES_MS = [250, 500, 1_000, 2_000, 5_000]
/** An export that has not ended after so many questions, a minute and a half, is not waited for. */
const MAX_QUESTIONS = 20
/** A blob that was on its way when the export ended. */
const STRAGGLER_MS = 1_000
/** How long the caller of something that failed waits for the removal of what it left. */
export const REMOVAL_WAIT_MS = 10_000
/** How long the caller of an aborted read waits for the removal of what it left. */
const ABORT_WAIT_MS = 800
/** How long the end of a connector waits for sweeps. */
const CLOSE_LIMIT_MS = 5_000

/**
 * Clean-up behind exports that were given up. Cancelling is a request, not a stop: the service may write a blob after the
 * caller has got the error, so the directory is swept again when the operation has ended.
 */
export class Sweeps {
  readonly #sleep: Sleep
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(sleep: Sleep = realSleep) {
    this.#sleep = sleep
  }

  start(sweep: Sweep): void {
    this.#watch(run(sweep, this.#sleep, this.#stop.signal))
  }

  /**
   * Deletes now. Whoever was aborted, or whose time is over, waits no longer, even where storage hangs: the work then goes
   * on by itself until it is done or the connector ends.
   */
  async remove(work: Sweep['remove'], { signal, limitMs = Infinity }: RemovalOptions): Promise<void> {
    const stopped = this.#stop.signal
    const removal = work(stopped)
    this.#watch(removal)
    using wait = new AbortScope(stopped)
    wait.limit(limitMs, () => undefined)
    const hurry = (): void => wait.limit(Math.min(limitMs, ABORT_WAIT_MS), () => undefined)
    if (signal?.aborted === true) hurry()
    else signal?.addEventListener('abort', hurry, { once: true })
    try {
      await untilAborted(removal, wait.signal)
    } catch (error) {
      if (!wait.signal.aborted) throw error
    } finally {
      signal?.removeEventListener('abort', hurry)
    }
  }

  /** Waits for what runs, and for `others`, five seconds at most; then they are told to stop. */
  async close(others: Promise<void> = Promise.resolve()): Promise<void> {
    const limit = setTimeout(() => this.#stop.abort(), CLOSE_LIMIT_MS)
    try {
      await untilAborted(others, this.#stop.signal).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) throw error
      })
      while (this.#running.size > 0) await Promise.all(this.#running)
    } finally {
      clearTimeout(limit)
    }
  }

  #watch(work: Promise<void>): void {
    const running: Promise<void> = work.catch(() => undefined).then(() => void this.#running.delete(running))
    this.#running.add(running)
  }
}

async function run(sweep: Sweep, sleep: Sleep, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < MAX_QUESTIONS; attempt++) {
    await sleep(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0, signal)
    if (await sweep.hasEnded(signal).catch(() => false)) break
  }
  await sweep.remove(signal)
  await sleep(STRAGGLER_MS, signal)
  await sweep.remove(signal)
}

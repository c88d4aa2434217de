import { sleep as realSleep } from '../base/sleep.ts'
import type { Sleep } from '../base/sleep.ts'

/** Looks for what a given-up export left. */
export interface Sweep {
  /** Whether the export has ended and writes no more; may fail. */
  readonly hasEnded: () => Promise<boolean>
  /** Deletes what is there now; never fails. */
  readonly remove: () => Promise<void>
}

/** Pauses between questions; the last one is repeated until the limit. */
const PAUSES_MS = [250, 500, 1_000, 2_000, 5_000]
/** An export that has not ended after so many questions, a minute and a half, is not waited for. */
const MAX_QUESTIONS = 20
/** A blob that was on its way when the export ended. */
const STRAGGLER_MS = 1_000
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
    const running: Promise<void> = run(sweep, this.#sleep, this.#stop.signal)
      .catch(() => undefined)
      .then(() => void this.#running.delete(running))
    this.#running.add(running)
  }

  /** Waits for what runs, for a while; then it is given up. */
  async close(): Promise<void> {
    const limit = setTimeout(() => this.#stop.abort(), CLOSE_LIMIT_MS)
    await Promise.all(this.#running)
    clearTimeout(limit)
  }
}

async function run(sweep: Sweep, sleep: Sleep, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < MAX_QUESTIONS; attempt++) {
    await sleep(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0, signal)
    if (await sweep.hasEnded().catch(() => false)) break
  }
  await sweep.remove()
  await sleep(STRAGGLER_MS, signal)
  await sweep.remove()
}

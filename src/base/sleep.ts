import { setTimeout as delay } from 'node:timers/promises'
import { allowManyListeners } from './abort.ts'

/** How something waits; tests put a recorder here. */
export type Sleep = (delayMs: number, signal?: AbortSignal) => Promise<void>

/** Node fires a timer at once when its delay does not fit 31 bits. */
const MAX_TIMER_MS = 0x7fff_ffff

/** Waits. An abort settles it at once with `signal.reason`, unchanged, and leaves no timer behind. */
export async function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  if (signal !== undefined) allowManyListeners(signal)
  let restMs = delayMs
  do {
    const stepMs = Math.max(0, Math.min(restMs, MAX_TIMER_MS))
    try {
      await delay(stepMs, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
    restMs -= stepMs
  } while (restMs > 0)
}

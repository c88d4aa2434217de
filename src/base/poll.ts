import { KustoNetworkError } from '../errors.ts'
import { sleep as realSleep, type Sleep } from './sleep.ts'

export interface PollOptions {
  /** What is waited for, for the message: `operation 1f... of .export`. */
  readonly what: string
  /** How long to go on. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Default 500. */
  readonly firstDelayMs?: number
  /** Default 1.5. */
  readonly factor?: number
  /** Default 10 000. */
  readonly maxDelayMs?: number
  readonly random?: () => number
  readonly sleep?: Sleep
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

/**
 * Asks until the answer is something else than undefined. Waits grow from 0.5 s and are jittered between half and
 * all of their bound, so that a poll is neither in step with others nor a busy loop.
 * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT when the time is over
 */
export async function poll<R>(ask: (attempt: number) => Promise<R | undefined>, options: PollOptions): Promise<R> {
  const { timeoutMs, signal } = options
  const now = options.now ?? (() => performance.now())
  const startMs = now()
  let boundMs = options.firstDelayMs ?? 500
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    const answer = await ask(attempt)
    if (answer !== undefined) return answer
    const restMs = timeoutMs - (now() - startMs)
    if (restMs <= 0) {
      throw new KustoNetworkError('KUSTO_POLL_TIMEOUT', `${options.what} did not finish within ${timeoutMs} ms`)
    }
    const delayMs = boundMs * (0.5 + 0.5 * (options.random ?? Math.random)())
    await (options.sleep ?? realSleep)(Math.min(delayMs, restMs), signal)
    boundMs = Math.min(options.maxDelayMs ?? 10_000, boundMs * (options.factor ?? 1.5))
  }
}

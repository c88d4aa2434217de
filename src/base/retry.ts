import { KustoError, KustoServiceError } from '../errors.ts'
import { sleep as realSleep, type Sleep } from './sleep.ts'

/** When to try again. Delays are full jitter: uniform between 0 and the exponential bound. */
export interface RetryPolicy {
  /** All attempts, the first included. */
  readonly maxAttempts: number
  /** Bound of the first delay. */
  readonly firstDelayMs: number
  readonly factor: number
  readonly maxDelayMs: number
}

/** One try only. */
export const NO_RETRY: RetryPolicy = { maxAttempts: 1, firstDelayMs: 0, factor: 1, maxDelayMs: 0 }

/** What `onRetry` is told before the wait. */
export interface RetryNotice {
  /** 1-based number of the attempt that failed. */
  readonly attempt: number
  readonly delayMs: number
  readonly error: unknown
}

export interface RetryOptions {
  readonly policy: RetryPolicy
  readonly signal?: AbortSignal
  /** No attempt starts later than this after the call; a wait that would cross it is not begun. Default: none. */
  readonly deadlineMs?: number
  /** A `Retry-After` beyond this is not waited for: the error goes to the caller. Default 5 minutes. */
  readonly maxRetryAfterMs?: number
  readonly onRetry?: (notice: RetryNotice) => void
  /** Default: the error is a `KustoError` with `retryable`. */
  readonly isRetryable?: (error: unknown) => boolean
  /** How long a failure asks to wait, in milliseconds. Default: what a `KustoServiceError` says. */
  readonly retryAfterMs?: (error: unknown) => number | undefined
  readonly random?: () => number
  readonly sleep?: Sleep
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

const DEFAULT_MAX_RETRY_AFTER_MS = 300_000

/** Runs `work` until it succeeds, fails for good, or the policy is used up; then the last error goes through as it is. */
export async function retry<R>(work: (attempt: number) => Promise<R>, options: RetryOptions): Promise<R> {
  const { policy, signal } = options
  const now = options.now ?? (() => performance.now())
  const startMs = now()
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      signal?.throwIfAborted()
      const retryable = (options.isRetryable ?? isRetryable)(error)
      if (!retryable || attempt >= policy.maxAttempts) throw error
      const retryAfterMs = (options.retryAfterMs ?? askedToWaitMs)(error) ?? 0
      if (retryAfterMs > (options.maxRetryAfterMs ?? DEFAULT_MAX_RETRY_AFTER_MS)) throw error
      // Retry-After is a floor, not a replacement: clients throttled together must not come back together.
      const delayMs = retryAfterMs + (options.random ?? Math.random)() * delayBoundMs(attempt, policy)
      if (now() - startMs + delayMs > (options.deadlineMs ?? Infinity)) throw error
      options.onRetry?.({ attempt, delayMs, error })
      await (options.sleep ?? realSleep)(delayMs, signal)
    }
  }
}

/** The longest wait after the failed attempt with this 1-based number. */
export function delayBoundMs(attempt: number, policy: RetryPolicy): number {
  return Math.min(policy.maxDelayMs, policy.firstDelayMs * policy.factor ** (attempt - 1))
}

function askedToWaitMs(error: unknown): number | undefined {
  return error instanceof KustoServiceError ? error.retryAfterMs : undefined
}

/** The verdict that was made where the error was made. */
export function isRetryable(error: unknown): boolean {
  return error instanceof KustoError && error.retryable
}

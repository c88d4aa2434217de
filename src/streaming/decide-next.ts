import { delayBoundMs } from '../base/retry.ts'
import type { RetryPolicy } from '../base/retry.ts'
import type { StreamingFailure } from '../client/streaming-failure.ts'
import type { DeliverySettings } from './delivery-settings.ts'

/** A failed attempt and where it stands. */
export interface FailedAttempt {
  readonly failure: StreamingFailure
  /** 1-based. */
  readonly attempt: number
  /** Since the first attempt. */
  readonly elapsedMs: number
  /** Whether the rows can be halved and the halves are worth a request. */
  readonly canSplit: boolean
}

/** What happens next to the rows of a failed attempt. */
export type NextStep =
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** In two requests. */
  | { readonly kind: 'split' }
  | { readonly kind: 'queue' }
  | { readonly kind: 'fail' }

/** Waits of 1, 2 and 4 seconds at most, jittered. */
export const STREAMING_RETRY: RetryPolicy = Object.freeze({
  maxAttempts: 4,
  firstDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 30_000,
})

/** A new table or mapping is known to all nodes within five minutes. */
const SCHEMA_TIMEOUT_MS = 300_000

/**
 * The decision table of managed streaming. A function of its arguments:
 *
 * | failure | next |
 * |---|---|
 * | `throttled`, `transient` | again after Retry-After or a jittered delay, while attempts and time last; then queue |
 * | `size` | in halves; then queue |
 * | `off`, `policy`, `endpoint` | queue with `continueWhenUnavailable`, else fail |
 * | `table` | queue |
 * | `schema` | again as above, then queue; without a queue again until five minutes have passed |
 * | `unknown` | as `onAmbiguous` says: again as above, fail, or queue |
 * | `rejected` | fail |
 *
 * "Queue" is fail when there is no fallback.
 */
export function decideNext(
  { failure, attempt, elapsedMs, canSplit }: FailedAttempt,
  settings: Pick<DeliverySettings, 'fallback' | 'continueWhenUnavailable' | 'onAmbiguous' | 'retryTimeoutMs'>,
  random: () => number,
): NextStep {
  const queue: NextStep = { kind: settings.fallback === 'queued' ? 'queue' : 'fail' }
  const again = (timeoutMs: number, maxAttempts: number): NextStep => {
    const delayMs = (failure.retryAfterMs ?? 0) + random() * delayBoundMs(attempt, STREAMING_RETRY)
    const hasTime = attempt < maxAttempts && elapsedMs + delayMs <= timeoutMs
    return hasTime ? { kind: 'retry', delayMs } : queue
  }
  switch (failure.kind) {
    case 'throttled':
    case 'transient':
      return again(settings.retryTimeoutMs, STREAMING_RETRY.maxAttempts)
    case 'size':
      return canSplit ? { kind: 'split' } : queue
    case 'off':
    case 'policy':
    case 'endpoint':
      return settings.continueWhenUnavailable ? queue : { kind: 'fail' }
    case 'table':
      return queue
    case 'schema':
      return settings.fallback === 'queued'
        ? again(settings.retryTimeoutMs, STREAMING_RETRY.maxAttempts)
        : again(SCHEMA_TIMEOUT_MS, Infinity)
    case 'unknown':
      if (settings.onAmbiguous === 'retry') return again(settings.retryTimeoutMs, STREAMING_RETRY.maxAttempts)
      return settings.onAmbiguous === 'queue' ? queue : { kind: 'fail' }
    case 'rejected':
      return { kind: 'fail' }
  }
}

import { RestError } from '@azure/core-rest-pipeline'
import { AbortScope } from '../base/abort.ts'
import { retry } from '../base/retry.ts'
import type { RetryNotice, RetryPolicy } from '../base/retry.ts'
import type { Sleep } from '../base/sleep.ts'
import { KustoError, KustoNetworkError } from '../errors.ts'
import { retryAfterMs } from './retry-after.ts'
import { codeOf, statusOf } from './storage-error.ts'

/** Four tries of a storage request, about half a second, one and two apart. */
export const STORAGE_RETRY: RetryPolicy = Object.freeze({
  maxAttempts: 4,
  firstDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 10_000,
})

export interface TryStorageOptions {
  /** What one try may take. */
  readonly limitMs: number
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
  /** Default `STORAGE_RETRY`. */
  readonly policy?: RetryPolicy
  /** Default `mayPass`. */
  readonly isRetryable?: (error: unknown) => boolean
  readonly sleep?: Sleep
}

/** Longer than this no Retry-After of storage is waited for: another account is quicker. */
const MAX_RETRY_AFTER_MS = 60_000

/**
 * A storage request by a client that tries once, repeated while failures may pass. Each try has a time limit of ours:
 * the SDK's is the service's, and no service answers when the network is gone.
 */
export async function tryStorage<R>(work: (signal: AbortSignal) => Promise<R>, options: TryStorageOptions): Promise<R> {
  const { limitMs, signal, onRetry, sleep } = options
  return retry(
    async () => {
      using scope = new AbortScope(signal)
      scope.limit(limitMs, () => noAnswer(limitMs))
      try {
        return await work(scope.signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (scope.signal.aborted) throw scope.signal.reason
        throw error
      }
    },
    {
      policy: options.policy ?? STORAGE_RETRY,
      isRetryable: options.isRetryable ?? mayPass,
      retryAfterMs,
      maxRetryAfterMs: MAX_RETRY_AFTER_MS,
      ...(signal === undefined ? {} : { signal }),
      ...(onRetry === undefined ? {} : { onRetry }),
      ...(sleep === undefined ? {} : { sleep }),
    },
  )
}

/** Whether the same request may succeed later: no answer, a busy service, or bytes that were damaged on their way. */
export function mayPass(error: unknown): boolean {
  if (error instanceof KustoError) return error.retryable
  const status = statusOf(error)
  if (status === undefined) return error instanceof RestError
  if (status === 400) return codeOf(error) === 'Md5Mismatch'
  return status === 408 || status === 429 || status >= 500
}

/** Whether a request that failed was certainly not carried out: refused by a busy service, or never sent. */
export function wasNotTaken(error: unknown): boolean {
  const status = statusOf(error)
  if (status !== undefined) return status === 429 || status === 503
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(error) ?? '')
}

function noAnswer(limitMs: number): KustoNetworkError {
  return new KustoNetworkError('KUSTO_STORAGE_FAILED', `storage gave no answer within ${limitMs} ms`, {
    retryable: true,
  })
}

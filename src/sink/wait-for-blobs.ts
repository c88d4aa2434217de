import { AbortScope } from '../base/abort.ts'
import { poll } from '../base/poll.ts'
import type { RetryNotice } from '../base/retry.ts'
import type { Sleep } from '../base/sleep.ts'
import { KustoError, KustoNetworkError, KustoServiceError } from '../errors.ts'
import { BlobStates } from './blob-states.ts'
import type { BlobStatus, IngestionCall } from './ingestion-service.ts'
import type { ReceiptBlob } from './receipt-json.ts'
import type { OnWriteEvent } from './write-events.ts'

export interface WaitForBlobsOptions<B = ReceiptBlob> {
  readonly table: string
  /** For all blobs together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnWriteEvent
  readonly tellRetry: (notice: RetryNotice) => void
  /** The state of these blobs now. */
  ask(blobs: readonly B[], call: IngestionCall): Promise<readonly BlobStatus[]>
  /** How to wait between two rounds. */
  readonly sleep?: Sleep
}

/** A blob and the state that it will keep. */
export interface EndedBlob<B = ReceiptBlob> {
  readonly blob: B
  readonly status: BlobStatus
}

/** Rounds of questions in a row that may fail, beyond the retries of each request, before the wait is given up. */
const MAX_FAILED_ROUNDS = 5

/**
 * Asks after the blobs that are open, again and again, until all have reached their end. An answer that did not come is
 * not the end of the wait.
 * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT
 */
export async function waitForBlobs<B extends { readonly sourceId: string }>(
  blobs: readonly B[],
  options: WaitForBlobsOptions<B>,
): Promise<readonly EndedBlob<B>[]> {
  const { timeoutMs, tellRetry, onEvent, sleep } = options
  const startedAt = performance.now()
  const states = new BlobStates(blobs)
  let failedRounds = 0
  const look = async (signal: AbortSignal): Promise<true | undefined> => {
    try {
      states.take(await options.ask(states.open, { signal, onRetry: tellRetry }))
      failedRounds = 0
    } catch (error) {
      signal.throwIfAborted()
      if (!mayBeAskedAgain(error) || ++failedRounds >= MAX_FAILED_ROUNDS) throw error
      tellRetry({ attempt: failedRounds, delayMs: 0, error })
    }
    if (states.pending === 0) return true
    onEvent(states.waiting(performance.now() - startedAt))
    return undefined
  }
  using scope = new AbortScope(options.signal)
  scope.limit(timeoutMs, () => timedOut(options, states.pending))
  // The scope's limit also ends a question without answer.
  const { signal } = scope
  await poll(() => look(signal), {
    what: 'the ingestion',
    timeoutMs: Infinity,
    signal,
    ...(sleep === undefined ? {} : { sleep }),
  })
  return blobs.flatMap((blob) => {
    const status = states.endOf(blob)
    return status === undefined ? [] : { blob, status }
  })
}

/** A service that does not know an operation yet answers 404, or leaves out blobs of one that it knows. */
function mayBeAskedAgain(error: unknown): boolean {
  if (!(error instanceof KustoError)) return false
  const isUnknown = error instanceof KustoServiceError ? error.status === 404 : error.code === 'KUSTO_STATUS_NOT_FOUND'
  return error.retryable || isUnknown
}

function timedOut(
  { table, timeoutMs }: { readonly table: string; readonly timeoutMs: number },
  pending: number,
): KustoNetworkError {
  return new KustoNetworkError(
    'KUSTO_POLL_TIMEOUT',
    `the ingestion into ${table} did not finish within ${timeoutMs} ms, ${pending} blobs are pending`,
  )
}

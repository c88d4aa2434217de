import { AnonymousCredential, QueueClient, newPipeline } from '@azure/storage-queue'
import type { RetryNotice } from '../base/retry.ts'
import { KustoNetworkError } from '../errors.ts'
import { storageError } from './storage-error.ts'
import { tryStorage, wasNotTaken } from './try-storage.ts'

export interface PutMessageOptions {
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
}

const LIMIT_MS = 30_000

/**
 * Puts one message in a storage queue. `queueUrl` carries its shared access signature. A request is repeated only when
 * storage certainly did not take it: a message that is put twice may be worked on twice.
 * @throws {KustoNetworkError} KUSTO_STORAGE_FAILED, `retryable` only when storage certainly did not take the message
 */
export async function putMessage(queueUrl: string, text: string, options: PutMessageOptions = {}): Promise<void> {
  // A connection of its own for each: on one kept open, a reset does not tell whether the message had been taken.
  const pipeline = newPipeline(new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
    keepAliveOptions: { enable: false },
  })
  const queue = new QueueClient(queueUrl, pipeline)
  try {
    await tryStorage(async (abortSignal) => void (await queue.sendMessage(text, { abortSignal })), {
      limitMs: LIMIT_MS,
      isRetryable: wasNotTaken,
      signal: options.signal,
      onRetry: options.onRetry,
    })
  } catch (cause) {
    options.signal?.throwIfAborted()
    const error = storageError('put a message in', queueUrl, cause)
    if (error.code !== 'KUSTO_STORAGE_FAILED') throw error
    throw new KustoNetworkError(error.code, error.message, { retryable: wasNotTaken(cause) })
  }
}

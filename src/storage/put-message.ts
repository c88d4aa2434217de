import { QueueClient } from '@azure/storage-queue'
import { storageError } from './storage-error.ts'

/** Puts one message in a storage queue. `queueUrl` carries its shared access signature. */
export async function putMessage(queueUrl: string, text: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await new QueueClient(queueUrl).sendMessage(text, signal === undefined ? {} : { abortSignal: signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw storageError('put a message in', queueUrl, cause)
  }
}

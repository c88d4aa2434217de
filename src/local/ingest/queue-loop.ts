import { randomUUID } from 'node:crypto'
import { type DequeuedMessageItem, QueueClient } from '@azure/storage-queue'
import pLimit from 'p-limit'
import { sleep } from '../../base/sleep.ts'
import { LocalError } from '../server/local-error.ts'
import { type LocalStorage, STORAGE_NAMES } from '../storage/azurite.ts'
import { isIdentityToken } from '../storage/resource-commands.ts'
import { ingestBlob } from './ingest-blob.ts'
import type { IngestServices } from './ingest-sources.ts'
import { parseQueueMessage, type QueueMessage, UNKNOWN_MESSAGE } from './queue-message.ts'
import { failureOf, type IngestionEnd, reportEnd } from './report-status.ts'

export interface QueueLoopOptions {
  /** How long a message without FlushImmediately waits before it is ingested, in milliseconds. Default 0. */
  readonly batchingDelayMs?: number
}

/** The background work that ingests what clients queue. */
export interface QueueLoop {
  /** Stops polling and waits for what is under way, which is abandoned and left in the queue for the next loop. */
  close(): Promise<void>
}

/** Poll interval after a message, and the interval it grows to while nothing comes, in milliseconds. */
const FAST_POLL_MS = 50
const IDLE_POLL_MS = 200
/** Messages taken at once, and ingested at once. */
const BATCH = 16
const CONCURRENCY = 4
/** How long a message stays hidden while it is worked on, in seconds: longer than any ingestion here takes. */
const HIDDEN_SECONDS = 30 * 60
/** Longest time that giving a message back may take, in milliseconds. */
const GIVE_BACK_MS = 2_000
/** A message that was taken this often and never finished would never finish. */
const MAX_DEQUEUES = 5

/** Starts to poll the aggregation queue. */
export function startQueueLoop(
  services: IngestServices,
  storage: LocalStorage,
  options: QueueLoopOptions = {},
): QueueLoop {
  const stop = new AbortController()
  const running = new Set<Promise<void>>()
  const ended = poll({ services, storage, options, signal: stop.signal, running, ingested: new WeakSet() })
  return {
    async close() {
      stop.abort(new LocalError('Aborted', 'the embedded Kusto is closing', { status: 503, permanent: false }))
      await ended
      await Promise.all(running)
    },
  }
}

interface LoopState {
  readonly services: IngestServices
  readonly storage: LocalStorage
  readonly options: QueueLoopOptions
  readonly signal: AbortSignal
  readonly running: Set<Promise<void>>
  /** Messages whose outcome is settled. */
  readonly ingested: WeakSet<DequeuedMessageItem>
}

async function poll(state: LoopState): Promise<void> {
  const { signal, running, storage } = state
  const limit = pLimit(CONCURRENCY)
  let delayMs = FAST_POLL_MS
  while (!signal.aborted) {
    try {
      const queue = new QueueClient(storage.queueSas(STORAGE_NAMES.readyQueue))
      const { receivedMessageItems: items } = await queue.receiveMessages({
        numberOfMessages: BATCH,
        visibilityTimeout: HIDDEN_SECONDS,
        abortSignal: signal,
      })
      for (const item of items) {
        const work = waitForBatch(state, item)
          .then(() => limit(() => handle(state, queue, item)))
          // Only an abort or a storage failure ends here.
          .catch(() => giveBack(state, queue, item))
          .finally(() => running.delete(work))
        running.add(work)
      }
      delayMs = items.length > 0 ? FAST_POLL_MS : Math.min(IDLE_POLL_MS, delayMs * 1.25)
    } catch {
      // Storage that does not answer is asked again: there is nobody to tell.
      delayMs = IDLE_POLL_MS
    }
    await sleep(delayMs, signal).catch(() => undefined)
  }
}

/** The batching clock: what is not to be flushed at once waits. */
async function waitForBatch({ options, signal }: LoopState, item: DequeuedMessageItem): Promise<void> {
  const delayMs = options.batchingDelayMs ?? 0
  if (delayMs === 0 || messageOf(item).flushImmediately) return
  await sleep(delayMs, signal)
}

/**
 * Makes a message visible again that was not ingested because the loop closes. After a storage failure its data may be in
 * the table: such a message comes back when its time is over.
 */
async function giveBack({ signal, ingested }: LoopState, queue: QueueClient, item: DequeuedMessageItem): Promise<void> {
  if (!signal.aborted || ingested.has(item)) return
  // A storage that is gone must not hold up the end.
  const abortSignal = AbortSignal.timeout(GIVE_BACK_MS)
  await queue.updateMessage(item.messageId, item.popReceipt, undefined, 0, { abortSignal }).catch(() => undefined)
}

async function handle(state: LoopState, queue: QueueClient, item: DequeuedMessageItem): Promise<void> {
  const { storage, signal, ingested } = state
  signal.throwIfAborted()
  const message = messageOf(item)
  const end = await ingest(state, message, item)
  ingested.add(item)
  // A report that cannot be delivered, for want of its table for example, must not make the data come in twice.
  await reportEnd(storage, message, end).catch(() => undefined)
  await queue.deleteMessage(item.messageId, item.popReceipt)
}

function messageOf(item: DequeuedMessageItem): QueueMessage {
  try {
    return parseQueueMessage(item.messageText)
  } catch {
    // The same text is parsed again where its failure can be reported.
    return UNKNOWN_MESSAGE
  }
}

async function ingest(
  { services, signal }: LoopState,
  message: QueueMessage,
  item: DequeuedMessageItem,
): Promise<IngestionEnd> {
  const operationId = randomUUID()
  try {
    const { database, table, blobPath, properties, retainBlobOnSuccess } =
      message === UNKNOWN_MESSAGE ? parseQueueMessage(item.messageText) : message
    if (item.dequeueCount > MAX_DEQUEUES) {
      throw new LocalError(
        'General_RetryAttemptsExceeded',
        `the message was taken ${item.dequeueCount} times and never finished`,
      )
    }
    checkIdentity(properties)
    const outcome = await ingestBlob(services, {
      database,
      table,
      blob: blobPath,
      properties,
      deleteBlob: !retainBlobOnSuccess,
      signal,
    })
    return { kind: outcome.skipped ? 'Skipped' : 'Succeeded', operationId }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: 'Failed', operationId, failure: failureOf(error) }
  }
}

/** The service ingests nothing for a message without the token of `.get kusto identity token`. */
function checkIdentity(properties: QueueMessage['properties']): void {
  const token = properties.find(([name]) => name.toLowerCase() === 'authorizationcontext')?.[1]
  if (isIdentityToken(token)) return
  throw new LocalError(
    'BadRequest_InvalidKustoIdentityToken',
    'the message carries no identity token of this service: get one by .get kusto identity token',
  )
}

import pLimit from 'p-limit'
import type { CommandRow } from '../client/command-table.ts'
import { KustoError, KustoProtocolError, KustoUsageError } from '../errors.ts'
import { encodeQueueMessage, queueMessage } from '../protocol/ingestion-message.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { putMessage } from '../storage/put-message.ts'
import { insertPendingStatus, readStatus } from '../storage/status-table.ts'
import { parseContainerUrl } from '../storage/storage-location.ts'
import { MAX_STATUS_REQUESTS, shortestLifeMs, stateOf } from './ingestion-service.ts'
import type {
  BlobState,
  BlobStatus,
  IngestionCall,
  IngestionService,
  ReadableBlob,
  Tracking,
} from './ingestion-service.ts'
import type { AccountRanks } from './rank-accounts.ts'
import { inTurn, isStorageFailure } from './try-in-turn.ts'

/** What `.get ingestion resources` and `.get kusto identity token` give. */
export interface QueueResources {
  readonly database: string
  readonly resources: readonly CommandRow[]
  readonly ranks: AccountRanks
  /** A secret. */
  readonly authorizationContext: string
}

const STATES: ReadonlyMap<string, BlobState> = new Map(
  (['Queued', 'InProgress', 'Succeeded', 'Skipped', 'Failed', 'PartiallySucceeded', 'Canceled'] as const).map(
    (state) => [state, state],
  ),
)

/**
 * The classic way in: one message a blob in a storage queue, its state in a status table. Shared status queues are never
 * read: taking a message from them would take it from whoever else waits for it.
 */
export function queueIngestion(given: QueueResources): IngestionService {
  const { resources } = given
  const roots = (type: string): readonly string[] =>
    resources.filter((row) => row.text('ResourceTypeName') === type).map((row) => row.text('StorageRoot'))
  const containers = roots('TempStorage').map(parseContainerUrl)
  const queues = roots('SecuredReadyForAggregationQueue')
  const tables = roots('IngestionsStatusTable')
  return {
    via: 'queue',
    containers,
    maxBlobs: 1,
    lifeMs: shortestLifeMs([...containers, ...[...queues, ...tables].map(parseContainerUrl)]),
    refreshMs: Infinity,
    async submit(table, blobs, properties, call) {
      const tracking: Tracking[] = []
      for (const blob of blobs) tracking.push(await submitOne(given, { queues, tables, table, blob, properties, call }))
      return tracking
    },
    async status(_table, tracking, { signal }) {
      // Point reads: a filter over several partitions would scan the whole table, which all clients share.
      return pLimit(MAX_STATUS_REQUESTS).map(tracking, async ({ sourceId, statusTable }): Promise<BlobStatus> => {
        signal?.throwIfAborted()
        const named = tables.filter((table) => statusTable !== undefined && withoutQuery(table) === statusTable)
        const { status, errorCode, failureStatus, details } = await findStatus(
          [...new Set([...named, ...tables])],
          sourceId,
          signal,
        )
        return { sourceId, state: stateOf(parseState(status), errorCode), errorCode, failureStatus, details }
      })
    },
  }
}

interface Submission {
  readonly queues: readonly string[]
  readonly tables: readonly string[]
  readonly table: string
  readonly blob: ReadableBlob
  readonly properties: IngestionProperties
  readonly call: IngestionCall
}

/** The status row first, so that a blob can be asked after from the moment that its message is there. */
async function submitOne(
  { database, ranks, authorizationContext }: QueueResources,
  given: Submission,
): Promise<Tracking> {
  const { table, blob, properties, call } = given
  const { sourceId, location, connectionString, rawBytes } = blob
  const { signal } = call
  const createdAt = new Date()
  const statusTable = await inTurn(offered(given.tables, 'status table'), {
    ranks,
    urlOf: (url) => url,
    what: `a status row for blob ${sourceId}`,
    signal,
    work: async (url) => {
      const row = { sourceId, database, table, path: location.url, updatedOn: createdAt }
      await insertPendingStatus(url, row, signal)
      return url
    },
  })
  const message = queueMessage({
    blob: { sourceId, url: connectionString, rawBytes },
    database,
    table,
    properties,
    authorizationContext,
    reportLevel: 'failures-and-successes',
    reportMethod: 'table',
    statusTable: { connectionString: statusTable, partitionKey: sourceId, rowKey: sourceId },
    createdAt,
  })
  const text = encodeQueueMessage(message)
  await inTurn(offered(given.queues, 'queue'), {
    ranks,
    urlOf: (url) => url,
    what: `a message for blob ${sourceId}`,
    signal,
    // Where the message may have been taken, no other queue gets it as well.
    goesOn: isNotQueued,
    work: (url) => putMessage(url, text, call),
  })
  return { sourceId, statusTable: withoutQuery(statusTable) }
}

/** Whether a message is certainly not in the queue: see `putMessage`. */
function isNotQueued(error: unknown): boolean {
  return (
    isStorageFailure(error) && error instanceof KustoError && (error.code !== 'KUSTO_STORAGE_FAILED' || error.retryable)
  )
}

/** @throws {KustoUsageError} KUSTO_NO_INGESTION_STORAGE when there is none */
function offered(urls: readonly string[], what: string): readonly string[] {
  if (urls.length > 0) return urls
  throw new KustoUsageError(
    'KUSTO_NO_INGESTION_STORAGE',
    `expected a ${what} for ingestion, found that the service offers none`,
  )
}

const withoutQuery = (url: string): string => url.split('?')[0] ?? url

/**
 * A receipt may not say which of several status tables holds its rows; then each is asked until one knows. Only "not
 * there" leads on to the next: a table that could not be asked may be the one.
 */
async function findStatus(
  tables: readonly string[],
  sourceId: string,
  signal: AbortSignal | undefined,
): ReturnType<typeof readStatus> {
  const misses: unknown[] = []
  for (const table of tables) {
    try {
      return await readStatus(table, sourceId, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof KustoError) || error.code !== 'KUSTO_BLOB_NOT_FOUND') throw error
      misses.push(error)
    }
  }
  throw new KustoProtocolError('KUSTO_STATUS_NOT_FOUND', `no status table knows the blob with source id ${sourceId}`, {
    cause: new AggregateError(misses),
  })
}

/** `Pending` is the table's word for a blob that waits or is being loaded. */
function parseState(status: string): BlobState {
  if (status === 'Pending') return 'InProgress'
  const state = STATES.get(status)
  if (state === undefined) {
    throw new KustoProtocolError('KUSTO_BAD_INGESTION_STATUS', `expected an ingestion status, found ${status}`)
  }
  return state
}

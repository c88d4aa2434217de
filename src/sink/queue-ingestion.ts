import pLimit from 'p-limit'
import { KustoError, KustoProtocolError } from '../errors.ts'
import { encodeQueueMessage, queueMessage } from '../protocol/ingestion-message.ts'
import { putMessage } from '../storage/put-message.ts'
import { insertPendingStatus, readStatus } from '../storage/status-table.ts'
import { parseContainerUrl, urlWithSecret } from '../storage/storage-location.ts'
import { MAX_STATUS_REQUESTS } from './ingestion-service.ts'
import type { BlobState, BlobStatus, IngestionService } from './ingestion-service.ts'
import { pickAny } from './pick-any.ts'
import type { CommandRow } from '../client/command-table.ts'

/** What `.get ingestion resources` and `.get kusto identity token` give. */
export interface QueueResources {
  readonly database: string
  readonly resources: readonly CommandRow[]
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
export function queueIngestion({ database, resources, authorizationContext }: QueueResources): IngestionService {
  const roots = (type: string): readonly string[] =>
    resources.filter((row) => row.text('ResourceTypeName') === type).map((row) => row.text('StorageRoot'))
  const containers = roots('TempStorage').map(parseContainerUrl)
  const queues = roots('SecuredReadyForAggregationQueue')
  const tables = roots('IngestionsStatusTable')
  return {
    via: 'queue',
    containers,
    maxBlobs: 1,
    async submit(table, blobs, properties, signal) {
      const statusTable = pickAny(tables, 'status table')
      for (const { sourceId, location, rawBytes } of blobs) {
        const createdAt = new Date()
        await insertPendingStatus(
          statusTable,
          { sourceId, database, table, path: location.url, updatedOn: createdAt },
          signal,
        )
        const message = queueMessage({
          blob: { sourceId, url: urlWithSecret(location), rawBytes },
          database,
          table,
          properties,
          authorizationContext,
          reportLevel: 'failures-and-successes',
          reportMethod: 'table',
          statusTable: { connectionString: statusTable, partitionKey: sourceId, rowKey: sourceId },
          createdAt,
        })
        await putMessage(pickAny(queues, 'queue'), encodeQueueMessage(message), signal)
      }
      return blobs.map(({ sourceId }) => ({ sourceId }))
    },
    async status(_table, tracking, signal) {
      return pLimit(MAX_STATUS_REQUESTS).map(tracking, async ({ sourceId }): Promise<BlobStatus> => {
        signal?.throwIfAborted()
        const row = await findStatus(tables, sourceId, signal)
        return { sourceId, state: stateOf(row.status), errorCode: row.errorCode, details: row.details }
      })
    },
  }
}

/**
 * A receipt does not say which of several status tables holds its rows, so each is asked until one knows. Only "not there"
 * leads on to the next: a table that could not be asked may be the one.
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
function stateOf(status: string): BlobState {
  if (status === 'Pending') return 'InProgress'
  const state = STATES.get(status)
  if (state === undefined) {
    throw new KustoProtocolError('KUSTO_BAD_INGESTION_STATUS', `expected an ingestion status, found ${status}`)
  }
  return state
}

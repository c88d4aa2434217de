import { TableClient } from '@azure/data-tables'
import { QueueClient } from '@azure/storage-queue'
import { LocalError } from '../server/local-error.ts'
import { type LocalStorage, STORAGE_NAMES } from '../storage/azurite.ts'
import { withoutSecret } from '../storage/connection-string.ts'
import type { QueueMessage } from './queue-message.ts'

/** How the ingestion of one source ended. */
export type IngestionEnd =
  | { readonly kind: 'Succeeded'; readonly operationId: string }
  | { readonly kind: 'Skipped'; readonly operationId: string }
  | { readonly kind: 'Failed'; readonly operationId: string; readonly failure: IngestionFailure }

export interface IngestionFailure {
  readonly errorCode: string
  /** Exhausted: transient, and all retries are spent. */
  readonly failureStatus: 'Permanent' | 'Transient' | 'Exhausted'
  readonly details: string
}

/** A failure as status tables, queues and REST answers tell it. `exhausted` when a transient one was retried in vain. */
export function failureOf(error: unknown): IngestionFailure {
  if (error instanceof LocalError) {
    return { errorCode: error.code, failureStatus: error.permanent ? 'Permanent' : 'Exhausted', details: error.message }
  }
  const details = error instanceof Error ? error.message : String(error)
  return { errorCode: 'General_InternalServerError', failureStatus: 'Exhausted', details }
}

/** Tells the client how its source ended, in the ways that its message asks for. */
export async function reportEnd(storage: LocalStorage, message: QueueMessage, end: IngestionEnd): Promise<void> {
  const { reportLevel, reportMethod } = message
  if (reportLevel === 'None') return
  if (reportMethod === 'Table' || reportMethod === 'QueueAndTable') await updateTable(message, end)
  if (reportMethod !== 'Queue' && reportMethod !== 'QueueAndTable') return
  if (end.kind === 'Failed')
    await send(storage, STORAGE_NAMES.failedQueue, failureMessage(message, end.operationId, end.failure))
  else if (reportLevel === 'FailuresAndSuccesses') {
    await send(storage, STORAGE_NAMES.succeededQueue, successMessage(message, end.operationId))
  }
}

async function updateTable(message: QueueMessage, end: IngestionEnd): Promise<void> {
  const { status } = message
  if (status === undefined) return
  await statusTable(status.tableUrl).upsertEntity(
    {
      partitionKey: status.partitionKey,
      rowKey: status.rowKey,
      Status: end.kind,
      IngestionSourceId: message.id,
      IngestionSourcePath: withoutSecret(message.blobPath),
      Database: message.database,
      Table: message.table,
      UpdatedOn: new Date().toISOString(),
      OperationId: end.operationId,
      ActivityId: end.operationId,
      OriginatesFromUpdatePolicy: false,
      ErrorCode: end.kind === 'Failed' ? end.failure.errorCode : '',
      FailureStatus: end.kind === 'Failed' ? end.failure.failureStatus : '',
      Details: end.kind === 'Failed' ? end.failure.details : '',
    },
    'Merge',
  )
}

/** A client of the table that a SAS URL names. */
function statusTable(url: string): TableClient {
  const [address = '', sas = ''] = url.split('?')
  const slash = address.lastIndexOf('/')
  return new TableClient(`${address.slice(0, slash)}?${sas}`, address.slice(slash + 1), {
    allowInsecureConnection: true,
  })
}

function failureMessage(message: QueueMessage, operationId: string, failure: IngestionFailure): object {
  return {
    OperationId: operationId,
    Database: message.database,
    Table: message.table,
    FailedOn: new Date().toISOString(),
    IngestionSourceId: message.id,
    IngestionSourcePath: withoutSecret(message.blobPath),
    Details: failure.details,
    ErrorCode: failure.errorCode,
    FailureStatus: failure.failureStatus,
    RootActivityId: operationId,
    OriginatesFromUpdatePolicy: false,
    ShouldRetry: failure.failureStatus !== 'Permanent',
  }
}

function successMessage(message: QueueMessage, operationId: string): object {
  return {
    OperationId: operationId,
    Database: message.database,
    Table: message.table,
    SucceededOn: new Date().toISOString(),
    IngestionSourceId: message.id,
    IngestionSourcePath: withoutSecret(message.blobPath),
    RootActivityId: operationId,
  }
}

async function send(storage: LocalStorage, queue: string, body: object): Promise<void> {
  const text = Buffer.from(JSON.stringify(body)).toString('base64')
  await new QueueClient(storage.queueSas(queue)).sendMessage(text)
}

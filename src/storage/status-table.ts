import { TableClient } from '@azure/data-tables'
import { redact } from '../protocol/redact.ts'
import { storageError } from './storage-error.ts'
import { tryStorage } from './try-storage.ts'

const LIMIT_MS = 30_000

/** One row of the ingestion status table, kusto-protocol "Status reporting". */
export interface IngestionStatus {
  readonly status: string
  readonly errorCode: string
  readonly failureStatus: string
  readonly details: string
  readonly operationId: string
}

/** Writes the first row of a source, status Pending; the service updates it. */
export async function insertPendingStatus(
  tableUrl: string,
  row: {
    readonly sourceId: string
    readonly database: string
    readonly table: string
    readonly path: string
    readonly updatedOn: Date
  },
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    const entity = {
      partitionKey: row.sourceId,
      rowKey: row.sourceId,
      Status: 'Pending',
      IngestionSourceId: row.sourceId,
      IngestionSourcePath: row.path,
      Database: row.database,
      Table: row.table,
      UpdatedOn: row.updatedOn,
    }
    const table = statusTable(tableUrl)
    await tryStorage((abortSignal) => table.upsertEntity(entity, 'Replace', { abortSignal }), {
      limitMs: LIMIT_MS,
      signal,
    })
  } catch (cause) {
    signal?.throwIfAborted()
    throw storageError('write the ingestion status in', tableUrl, cause)
  }
}

export async function readStatus(
  tableUrl: string,
  sourceId: string,
  signal: AbortSignal | undefined,
): Promise<IngestionStatus> {
  try {
    const table = statusTable(tableUrl)
    const row = await tryStorage((abortSignal) => table.getEntity(sourceId, sourceId, { abortSignal }), {
      limitMs: LIMIT_MS,
      signal,
    })
    const text = (key: string): string => (typeof row[key] === 'string' ? row[key] : '')
    return {
      status: text('Status'),
      errorCode: text('ErrorCode'),
      failureStatus: text('FailureStatus'),
      details: redact(text('Details')),
      operationId: text('OperationId'),
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw storageError('read the ingestion status in', tableUrl, cause)
  }
}

function statusTable(tableUrl: string): TableClient {
  const url = new URL(tableUrl)
  const path = url.pathname.split('/')
  const name = path.pop() ?? ''
  url.pathname = path.join('/')
  // A SAS URL over http is what an emulator on this machine gives; the SDK refuses plain http unless told.
  const insecure = url.protocol === 'http:' && isLoopback(url.hostname)
  return new TableClient(url.href, name, {
    allowInsecureConnection: insecure,
    retryOptions: { maxRetries: 0 },
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.')
}

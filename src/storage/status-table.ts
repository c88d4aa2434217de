import { TableClient } from '@azure/data-tables'
import { storageError } from './storage-error.ts'

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
    await statusTable(tableUrl).upsertEntity(
      {
        partitionKey: row.sourceId,
        rowKey: row.sourceId,
        Status: 'Pending',
        IngestionSourceId: row.sourceId,
        IngestionSourcePath: row.path,
        Database: row.database,
        Table: row.table,
        UpdatedOn: row.updatedOn,
      },
      'Replace',
      signal === undefined ? {} : { abortSignal: signal },
    )
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
    const row = await statusTable(tableUrl).getEntity(
      sourceId,
      sourceId,
      signal === undefined ? {} : { abortSignal: signal },
    )
    const text = (key: string): string => (typeof row[key] === 'string' ? row[key] : '')
    return {
      status: text('Status'),
      errorCode: text('ErrorCode'),
      failureStatus: text('FailureStatus'),
      details: text('Details'),
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
  return new TableClient(url.href, name, { allowInsecureConnection: insecure })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.')
}

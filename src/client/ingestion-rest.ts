import type { RetryNotice } from '../base/retry.ts'
import { KustoProtocolError } from '../errors.ts'
import {
  parseConfiguration,
  parseIngestionStatus,
  parseSubmitAnswer,
  submitBody,
  type IngestionBlob,
  type IngestionConfiguration,
  type IngestionProperties,
  type IngestionStatus,
} from '../protocol/ingestion-message.ts'
import { readCommandTable, type CommandTable } from './command-table.ts'
import type { KustoRest } from './kusto-rest.ts'
import { newClientRequestId } from './request-headers.ts'

export interface IngestionCallOptions {
  readonly signal?: AbortSignal
  readonly clientRequestId?: string
  readonly onRetry?: (notice: RetryNotice) => void
}

export interface TableAddress {
  readonly database: string
  readonly table: string
}

export interface StreamingIngestion extends TableAddress {
  /** `csv`, `json`, `parquet`, ... */
  readonly format: string
  /** A stored mapping; formats with names need one. */
  readonly mapping?: string
  /** Rows, or the URL of a blob with its credential. */
  readonly data: { readonly bytes: Uint8Array; readonly gzip: boolean } | { readonly blobUrl: string }
}

const REST_TIMEOUT_MS = 60_000
const STREAMING_TIMEOUT_MS = 10 * 60_000

/**
 * Sends rows to the streaming endpoint. Not retried unless throttled: the service has no way to tell a repeated
 * request, so repeating one whose fate is unknown is the caller's decision.
 */
export async function ingestStreaming(
  rest: KustoRest,
  ingestion: StreamingIngestion,
  options: IngestionCallOptions = {},
): Promise<CommandTable> {
  const { database, table, data } = ingestion
  const query = new URLSearchParams({ streamFormat: ingestion.format })
  if (ingestion.mapping !== undefined) query.set('mappingName', ingestion.mapping)
  if ('blobUrl' in data) query.set('sourceKind', 'uri')
  const response = await rest.send({
    method: 'POST',
    endpoint: 'engine',
    path: `/v1/rest/ingest/${encodeURIComponent(database)}/${encodeURIComponent(table)}?${query.toString()}`,
    ...('blobUrl' in data
      ? { body: JSON.stringify({ sourceUri: data.blobUrl }), contentType: 'application/json; charset=utf-8' }
      : {
          body: data.bytes,
          contentType: 'application/octet-stream',
          ...(data.gzip ? { contentEncoding: 'gzip' as const } : {}),
        }),
    context: { database, table },
    serverTimeoutMs: STREAMING_TIMEOUT_MS,
    clientRequestId: options.clientRequestId ?? newClientRequestId('executeStreamingIngest'),
    repeatable: false,
    signal: options.signal,
    onRetry: options.onRetry,
  })
  return readCommandTable(response)
}

/** What the ingestion endpoint offers for uploads. */
export async function fetchIngestionConfiguration(
  rest: KustoRest,
  options: IngestionCallOptions = {},
): Promise<IngestionConfiguration> {
  return parseConfiguration(await exchange(rest, { method: 'GET', path: '/configuration', repeatable: true }, options))
}

export interface Submission extends TableAddress {
  readonly blobs: readonly IngestionBlob[]
  readonly properties: IngestionProperties
  readonly createdAt: Date
  readonly tracking: boolean
}

/** Queues blobs for ingestion; gives the operation id, or undefined when tracking is off. Not retried unless throttled. */
export async function submitIngestion(
  rest: KustoRest,
  submission: Submission,
  options: IngestionCallOptions = {},
): Promise<string | undefined> {
  const path = `/queued/${encodeURIComponent(submission.database)}/${encodeURIComponent(submission.table)}`
  const body = submitBody(submission.blobs, submission.properties, submission)
  return parseSubmitAnswer(
    await exchange(rest, { method: 'POST', path, body, repeatable: false, ...submission }, options),
  )
}

/** How far an ingestion is, blob by blob. */
export async function fetchIngestionStatus(
  rest: KustoRest,
  operation: TableAddress & { readonly operationId: string },
  options: IngestionCallOptions = {},
): Promise<IngestionStatus> {
  const { database, table, operationId } = operation
  const path = `/queued/${[database, table, operationId].map(encodeURIComponent).join('/')}?details=true`
  return parseIngestionStatus(await exchange(rest, { method: 'GET', path, repeatable: true, ...operation }, options))
}

interface Exchange extends Partial<TableAddress> {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
  readonly repeatable: boolean
}

async function exchange(rest: KustoRest, call: Exchange, options: IngestionCallOptions): Promise<unknown> {
  const { database, table } = call
  const context = { ...(database === undefined ? {} : { database }), ...(table === undefined ? {} : { table }) }
  const response = await rest.send({
    method: call.method,
    endpoint: 'ingestion',
    path: `/v1/rest/ingestion${call.path}`,
    ...(call.body === undefined ? {} : { body: call.body, contentType: 'application/json; charset=utf-8' }),
    context,
    serverTimeoutMs: REST_TIMEOUT_MS,
    clientRequestId: options.clientRequestId ?? newClientRequestId('execute'),
    repeatable: call.repeatable,
    signal: options.signal,
    onRetry: options.onRetry,
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw new KustoProtocolError('KUSTO_BAD_INGESTION_ANSWER', 'expected an answer in JSON, found something else', {
      cause,
      context: { ...context, clientRequestId: response.clientRequestId },
    })
  }
}

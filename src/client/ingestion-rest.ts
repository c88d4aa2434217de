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

const REST_TIMEOUT_MS = 60_000

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

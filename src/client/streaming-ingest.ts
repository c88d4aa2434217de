import { NO_RETRY } from '../base/retry.ts'
import { readCommandTable, type CommandTable } from './command-table.ts'
import type { IngestionCallOptions, TableAddress } from './ingestion-rest.ts'
import type { KustoRest } from './kusto-rest.ts'
import { newClientRequestId } from './request-headers.ts'

/** One request of streaming ingestion. */
export interface StreamingRequest extends TableAddress {
  /** `csv`, `json`, `avro`, ... */
  readonly format: string
  /** A stored mapping; formats with names need one. */
  readonly mapping?: string
  /** Rows, or the URL of a blob with its credential. */
  readonly data: { readonly bytes: Uint8Array; readonly gzip: boolean } | { readonly blobUrl: string }
}

const STREAMING_TIMEOUT_MS = 10 * 60_000

/**
 * Sends rows to the engine's streaming route, once: the service cannot tell a repeated request from a new one, so
 * whether to repeat is the caller's decision. The rows are in the table when this resolves. The answer's rows say nothing
 * that a client needs, but a failure may be among them.
 * @throws {KustoServiceError | KustoNetworkError | KustoAuthError | KustoProtocolError} for `streamingFailure` to sort
 * @see https://learn.microsoft.com/kusto/api/rest/streaming-ingest
 */
export async function streamIngest(
  rest: KustoRest,
  request: StreamingRequest,
  options: IngestionCallOptions = {},
): Promise<CommandTable> {
  const { database, table, data } = request
  const query = new URLSearchParams({ streamFormat: request.format })
  if (request.mapping !== undefined) query.set('mappingName', request.mapping)
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
    retry: NO_RETRY,
    signal: options.signal,
  })
  return readCommandTable(response)
}

import { ingestStream } from '../ingest/streaming.ts'
import { withoutAlias } from '../engine/query.ts'
import { commandAnswer } from './encode-v1.ts'
import type { Exchange } from './exchange.ts'
import { LocalError } from './local-error.ts'
import { COMMAND_TIMEOUT_MS } from './request-options.ts'
import { RequestRun } from './request-run.ts'
import type { RoutedRequest } from './routes.ts'

/** What the service takes as the payload of one streaming request, before its own check of the rows. */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024

/** `POST /v1/rest/ingest/{database}/{table}`: rows in the body, or a blob that the body names. */
export async function answerStreamingIngest({ services, exchange, parameters }: RoutedRequest): Promise<void> {
  refuseReadOnly(exchange)
  const run = new RequestRun({
    requests: services.requests,
    clientRequestId: exchange.clientRequestId,
    clientGone: exchange.signal,
    timeoutMs: COMMAND_TIMEOUT_MS,
  })
  try {
    const body = await exchange.readBody(MAX_PAYLOAD_BYTES)
    const appended = await ingestStream(services, {
      database: withoutAlias(services, parameters.get('database') ?? ''),
      table: parameters.get('table') ?? '',
      streamFormat: exchange.parameters.get('streamFormat') ?? undefined,
      mappingName: exchange.parameters.get('mappingName') ?? undefined,
      sourceKind: exchange.parameters.get('sourceKind') ?? undefined,
      body,
      switch: services.streaming,
      signal: run.signal,
    })
    await exchange.send(200, commandAnswer(appended.columns, appended.rows))
  } catch (error) {
    if (exchange.signal.aborted) return
    throw run.explain(error)
  } finally {
    run.end()
  }
}

/** A list of at most 20 blobs with long SAS tokens and mappings stays far below this. */
const MAX_SUBMISSION_BYTES = 4 * 1024 * 1024

/** `POST /v1/rest/ingestion/queued/{database}/{table}`: takes a list of blobs and answers with an operation id. */
export async function answerQueuedIngestion({ services, exchange, parameters }: RoutedRequest): Promise<void> {
  refuseReadOnly(exchange)
  const text = (await exchange.readBody(MAX_SUBMISSION_BYTES)).toString('utf8')
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new LocalError('BadRequest', 'the request body is not JSON', { cause })
  }
  const database = withoutAlias(services, parameters.get('database') ?? '')
  await exchange.sendJson(200, services.queuedIngestion.submit(database, parameters.get('table') ?? '', body))
}

/** `GET /v1/rest/ingestion/queued/{database}/{table}/{operationId}[?details=true]` */
export async function answerQueuedStatus({ services, exchange, parameters }: RoutedRequest): Promise<void> {
  const status = services.queuedIngestion.status({
    database: withoutAlias(services, parameters.get('database') ?? ''),
    table: parameters.get('table') ?? '',
    operationId: parameters.get('operation') ?? '',
    details: exchange.parameters.get('details')?.toLowerCase() === 'true',
  })
  await exchange.sendJson(200, status)
}

function refuseReadOnly(exchange: Exchange): void {
  if (exchange.header('x-ms-readonly') === undefined) return
  throw new LocalError('Forbidden', 'the request is read-only', {
    status: 403,
    type: 'Kusto.Data.Exceptions.KustoRequestDeniedException',
  })
}

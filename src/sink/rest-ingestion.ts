import pLimit from 'p-limit'
import { fetchIngestionConfiguration, fetchIngestionStatus, submitIngestion } from '../client/ingestion-rest.ts'
import type { IngestionCallOptions } from '../client/ingestion-rest.ts'
import type { KustoRest } from '../client/kusto-rest.ts'
import { KustoProtocolError, KustoServiceError } from '../errors.ts'
import { parseContainerUrl } from '../storage/storage-location.ts'
import { MAX_STATUS_REQUESTS, shortestLifeMs, stateOf } from './ingestion-service.ts'
import type { BlobStatus, IngestionCall, IngestionService, Tracking } from './ingestion-service.ts'

/** Blobs of one submission when the service does not say. */
const MAX_BLOBS = 20

/**
 * REST queued ingestion (`/v1/rest/ingestion`); undefined where the service does not have it.
 * @see https://learn.microsoft.com/kusto/management/data-ingestion/queued-ingest-use-http
 */
export async function openRestIngestion(
  rest: KustoRest,
  database: string,
  signal: AbortSignal | undefined,
): Promise<IngestionService | undefined> {
  const configuration = await fetchConfiguration(rest, signal)
  if (configuration === undefined) return undefined
  const containers = configuration.containers.map(parseContainerUrl)
  return {
    via: 'rest',
    containers,
    lifeMs: shortestLifeMs(containers),
    refreshMs: refreshMs(configuration.refreshInterval),
    maxBlobs: configuration.maxBlobsPerBatch ?? MAX_BLOBS,
    async submit(table, staged, properties, call) {
      const blobs = staged.map(({ sourceId, connectionString, rawBytes }) => ({
        sourceId,
        url: connectionString,
        rawBytes,
      }))
      const submission = { database, table, blobs, properties, createdAt: new Date(), tracking: true }
      const operationId = await submitIngestion(rest, submission, callOptions(call))
      if (operationId === undefined) {
        throw new KustoProtocolError('KUSTO_BAD_ANSWER', 'expected an operation id for the queued blobs, found none')
      }
      return staged.map(({ sourceId }): Tracking => ({ sourceId, operationId }))
    },
    async status(table, tracking, call) {
      const operations = [...new Set(tracking.flatMap(({ operationId }) => operationId ?? []))]
      const answers = await pLimit(MAX_STATUS_REQUESTS).map(operations, async (operationId) => {
        call.signal?.throwIfAborted()
        return fetchIngestionStatus(rest, { database, table, operationId }, callOptions(call))
      })
      const known = new Map(answers.flatMap(({ blobs }) => blobs.map((blob) => [blob.sourceId, blob])))
      return tracking.map(({ sourceId }): BlobStatus => {
        const blob = known.get(sourceId)
        if (blob === undefined) {
          throw new KustoProtocolError(
            'KUSTO_STATUS_NOT_FOUND',
            `the service does not know the blob with source id ${sourceId}`,
          )
        }
        const { errorCode = '', failureStatus = '', details = '' } = blob
        return { sourceId, state: stateOf(blob.state, errorCode), errorCode, failureStatus, details }
      })
    },
  }
}

async function fetchConfiguration(
  rest: KustoRest,
  signal: AbortSignal | undefined,
): Promise<Awaited<ReturnType<typeof fetchIngestionConfiguration>> | undefined> {
  try {
    return await fetchIngestionConfiguration(rest, callOptions({ signal }))
  } catch (error) {
    if (error instanceof KustoServiceError && (error.status === 404 || error.status === 400)) return undefined
    throw error
  }
}

function callOptions({ signal, onRetry }: IngestionCall): IngestionCallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(onRetry === undefined ? {} : { onRetry }) }
}

/** From `[d.]hh:mm:ss`; never when the service does not say. */
function refreshMs(interval: string | undefined): number {
  const [, days = '0', hours = '', minutes = '', seconds = ''] =
    /^(?:(\d+)\.)?(\d+):(\d+):(\d+)(?:\.\d+)?$/.exec(interval ?? '') ?? []
  if (hours === '') return Infinity
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

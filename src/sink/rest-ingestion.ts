import pLimit from 'p-limit'
import { fetchIngestionConfiguration, fetchIngestionStatus, submitIngestion } from '../client/ingestion-rest.ts'
import type { KustoRest } from '../client/kusto-rest.ts'
import { KustoProtocolError, KustoServiceError } from '../errors.ts'
import { parseContainerUrl, urlWithSecret } from '../storage/storage-location.ts'
import { MAX_STATUS_REQUESTS } from './ingestion-service.ts'
import type { BlobStatus, IngestionService, Tracking } from './ingestion-service.ts'

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
  if (configuration === undefined || configuration.containers.length === 0) return undefined
  return {
    via: 'rest',
    containers: configuration.containers.map(parseContainerUrl),
    maxBlobs: configuration.maxBlobsPerBatch ?? MAX_BLOBS,
    async submit(table, staged, properties, signal) {
      const blobs = staged.map(({ sourceId, location, rawBytes }) => ({
        sourceId,
        url: urlWithSecret(location),
        rawBytes,
      }))
      const submission = { database, table, blobs, properties, createdAt: new Date(), tracking: true }
      const operationId = await submitIngestion(rest, submission, callOptions(signal))
      if (operationId === undefined) {
        throw new KustoProtocolError('KUSTO_BAD_ANSWER', 'expected an operation id for the queued blobs, found none')
      }
      return staged.map(({ sourceId }): Tracking => ({ sourceId, operationId }))
    },
    async status(table, tracking, signal) {
      const operations = [...new Set(tracking.flatMap(({ operationId }) => operationId ?? []))]
      const answers = await pLimit(MAX_STATUS_REQUESTS).map(operations, async (operationId) => {
        signal?.throwIfAborted()
        return fetchIngestionStatus(rest, { database, table, operationId }, callOptions(signal))
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
        return { sourceId, state: blob.state, errorCode: blob.errorCode ?? '', details: blob.details ?? '' }
      })
    },
  }
}

async function fetchConfiguration(
  rest: KustoRest,
  signal: AbortSignal | undefined,
): Promise<Awaited<ReturnType<typeof fetchIngestionConfiguration>> | undefined> {
  try {
    return await fetchIngestionConfiguration(rest, callOptions(signal))
  } catch (error) {
    if (error instanceof KustoServiceError && (error.status === 404 || error.status === 400)) return undefined
    throw error
  }
}

const callOptions = (signal: AbortSignal | undefined): { readonly signal?: AbortSignal } =>
  signal === undefined ? {} : { signal }

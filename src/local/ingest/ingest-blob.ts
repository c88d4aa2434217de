import type { IngestOutcome } from '../engine/catalog.ts'
import { sleep } from '../../base/sleep.ts'
import { LocalError } from '../server/local-error.ts'
import { removeBlob } from '../storage/blob-access.ts'
import { parseStorageConnectionString } from '../storage/connection-string.ts'
import { type IngestServices, ingestSources } from './ingest-sources.ts'
import { parseIngestionProperties } from './ingestion-properties.ts'

export interface BlobIngestion {
  readonly database: string
  readonly table: string
  /** Storage connection string of the blob. */
  readonly blob: string
  readonly properties: Iterable<readonly [string, unknown]>
  readonly deleteBlob: boolean
  readonly signal: AbortSignal
}

/** Waits before the second and later tries of a transient failure, in milliseconds. */
const RETRY_DELAYS_MS = [200, 1_000]

/** Loads one blob in the background: as one extent, transient failures retried, the blob deleted afterwards when asked. */
export async function ingestBlob(services: IngestServices, request: BlobIngestion): Promise<IngestOutcome> {
  const location = parseStorageConnectionString(request.blob)
  const properties = parseIngestionProperties(request.properties)
  const outcome = await retryTransient(request.signal, async () => {
    const session = await services.duck.connect()
    const stop = (): void => session.interrupt()
    request.signal.addEventListener('abort', stop, { once: true })
    try {
      const { database, table, signal } = request
      const sources = [{ kind: 'blob', location } as const]
      const [first] = await ingestSources(services, session, { database, table, sources, properties, signal })
      if (first === undefined)
        throw new LocalError('Stream_NoDataToIngest', `nothing was ingested from ${location.url}`)
      return first
    } finally {
      request.signal.removeEventListener('abort', stop)
      session.close()
    }
  })
  // The data is in the table: a blob that cannot be deleted is left over, and the ingestion succeeded all the same.
  if (request.deleteBlob) await removeBlob(location, { signal: request.signal }).catch(() => undefined)
  return outcome
}

async function retryTransient<R>(signal: AbortSignal, work: () => Promise<R>): Promise<R> {
  for (const delayMs of RETRY_DELAYS_MS) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof LocalError) || error.permanent) throw error
      await sleep(delayMs, signal)
    }
  }
  return work()
}

import { AbortScope } from '../base/abort.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import type { Tracking } from '../sink/ingestion-service.ts'
import { removeUploadsInTime } from '../sink/load-blobs.ts'
import type { StagingChoice } from '../sink/staging-area.ts'
import { isStorageFailure, inTurn } from '../sink/try-in-turn.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { blobIn } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { writeBlob } from '../storage/write-blob.ts'

/** Bytes that become one blob of queued ingestion. */
export interface BytesToQueue {
  readonly sourceId: string
  /** Bytes that are at hand and can be sent to another container when one fails, or a source that is read once. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** `csv.gz`, `parquet`, ... */
  readonly extension: string
  /** 0 where rows are not counted. */
  readonly rows: number
  /** Bytes before compression; asked for once the body is consumed. */
  readonly rawBytes: () => number
}

/** A blob in the service's queue, and how to ask after it. */
export interface QueuedBytes {
  readonly via: 'rest' | 'queue'
  /** Without query string. */
  readonly url: string
  /** As receipts and logs keep it: without what the service did not say. */
  readonly tracking: Omit<Tracking, 'sourceId'>
  readonly rawBytes: number
  readonly encodedBytes: number
}

const SERVICE: StagingChoice = { ingestionStorage: { kind: 'service' }, deleteIngestedBlobs: true }

/** Uploads a blob and hands it to the service's queue. A blob that the service did not take is deleted. */
export async function queueBytes(
  context: SinkContext,
  request: {
    readonly table: string
    readonly blob: BytesToQueue
    readonly properties: IngestionProperties
    /** Where the blob is staged. Default: the service's containers. */
    readonly storage?: StagingChoice
    /** Comes before the service is told of the blob: what fails earlier has brought nothing. */
    readonly beforeSubmit?: () => Promise<void>
  },
  outer: AbortSignal | undefined,
): Promise<QueuedBytes> {
  const { table, blob, properties, storage = SERVICE } = request
  // A scope of its own: storage requests add listeners to the signal and not all of them are taken away.
  using scope = new AbortScope(outer)
  const { signal } = scope
  const { via } = await context.ingestion.get({ signal })
  const area = context.staging(storage, via)
  const uploads: StorageLocation[] = []
  const unfinished = new Set<string>()
  const isAtHand = blob.body instanceof Uint8Array
  try {
    const { location, bytes, sha256 } = await inTurn(await area.places(signal), {
      ranks: context.ranks,
      urlOf: ({ url }) => url,
      what: `blob ${blob.sourceId}`,
      signal,
      goesOn: (error) => isAtHand && isStorageFailure(error),
      renew: () => area.renew(signal),
      work: async (container) => {
        const place = blobIn(container, `${context.database}__${blob.sourceId}.${blob.extension}`)
        uploads.push(place)
        unfinished.add(place.url)
        const chunks = blob.body instanceof Uint8Array ? [blob.body] : blob.body
        const written = await writeBlob(place, chunks, { signal })
        unfinished.delete(place.url)
        return { location: place, ...written }
      },
    })
    const staged = {
      sourceId: blob.sourceId,
      location,
      connectionString: await area.connectionString(location, signal),
      rows: blob.rows,
      rawBytes: blob.rawBytes(),
      encodedBytes: bytes,
      sha256,
    }
    await request.beforeSubmit?.()
    const [{ operationId, statusTable } = {}] = await context.ingestion.use(
      (service) => service.submit(table, [staged], properties, { signal }),
      {
        via,
        signal,
      },
    )
    return {
      via,
      url: location.url,
      tracking: {
        ...(operationId === undefined ? {} : { operationId }),
        ...(statusTable === undefined ? {} : { statusTable }),
      },
      rawBytes: staged.rawBytes,
      encodedBytes: bytes,
    }
  } catch (error) {
    await removeUploadsInTime(context, { blobs: uploads, via, unfinished }, outer)
    throw error
  }
}

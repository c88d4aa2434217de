import { mapOrdered } from '../base/map-ordered.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { blobSubmissions } from './blob-submissions.ts'
import type { Submission } from './blob-submissions.ts'
import type { BlobCut } from './cut-blobs.ts'
import type { IngestionService, StagedBlob, Tracking } from './ingestion-service.ts'
import type { WriteSetup } from './prepare-write.ts'
import type { SinkContext } from './sink-context.ts'
import { stageBlob } from './stage-blob.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteSettings } from './write-settings.ts'

/** A blob that the service has taken, and how to ask after it. */
export interface QueuedBlob {
  readonly blob: StagedBlob
  readonly tracking: Tracking
}

/** Milliseconds by phase. Encoding and uploading overlap. */
export interface WriteElapsed {
  schema: number
  encode: number
  upload: number
  queue: number
}

export interface LoadRequest {
  /** The table that the blobs are queued for. */
  readonly target: string
  readonly schema: WriteInput['schema']
  readonly cuts: AsyncIterable<BlobCut>
  readonly setup: Pick<WriteSetup, 'columns' | 'format' | 'via' | 'maxBlobs'>
  readonly properties: IngestionProperties
  readonly settings: WriteSettings
  /** Time spent is added here. */
  readonly elapsed: WriteElapsed
  /** Awaited before the first blob is submitted, and only when there is one. */
  readonly beforeFirst?: (signal: AbortSignal | undefined) => Promise<void>
}

/** What the service has taken; with a failure the load stopped after these blobs, and the others are deleted. */
export interface LoadOutcome {
  readonly queued: readonly QueuedBlob[]
  readonly failure?: { readonly error: unknown }
}

/** Encodes and uploads blobs and hands them to the service's queue. Never rejects: blobs it has taken are told either way. */
export async function loadBlobs(context: SinkContext, request: LoadRequest): Promise<LoadOutcome> {
  const { target, schema, setup, properties, settings, elapsed } = request
  const { columns, format, via, maxBlobs } = setup
  const { onEvent, signal } = settings
  const uploads: StorageLocation[] = []
  const queued: QueuedBlob[] = []
  const submissions = blobSubmissions(properties, settings)
  const submit = async ({ blobs, properties: own }: Submission): Promise<void> => {
    if (queued.length === 0) await request.beforeFirst?.(signal)
    const at = performance.now()
    const tracking = await context.ingestion.use((service) => service.submit(target, blobs, own, signal), {
      via,
      signal,
    })
    const known = new Map(tracking.map((one) => [one.sourceId, one]))
    queued.push(...blobs.map((blob) => ({ blob, tracking: known.get(blob.sourceId) ?? { sourceId: blob.sourceId } })))
    elapsed.queue += performance.now() - at
    onEvent({ kind: 'blobs-queued', blobs: blobs.length, via })
  }
  try {
    const staged = mapOrdered(
      request.cuts,
      async (cut, signal) =>
        stageBlob(cut, {
          context,
          via,
          schema,
          columns,
          format,
          settings,
          elapsed,
          signal,
          onUpload: (location) => void uploads.push(location),
        }),
      { concurrency: settings.uploads, ...(signal === undefined ? {} : { signal }) },
    )
    const waiting: StagedBlob[] = []
    // Only one that is followed by another is known to be full.
    const held = settings.flushFullBlobs ? 1 : 0
    for await (const blob of staged) {
      waiting.push(blob)
      if (waiting.length < maxBlobs + held) continue
      for (const each of submissions(waiting.splice(0, maxBlobs), { isLast: false })) await submit(each)
    }
    for (const each of submissions(waiting, { isLast: true })) await submit(each)
    return { queued }
  } catch (error) {
    const taken = new Set(queued.map(({ blob }) => blob.location.url))
    await removeUploads(
      context,
      uploads.filter(({ url }) => !taken.has(url)),
      via,
    )
    return { queued, failure: { error } }
  }
}

/** Deletes blobs that nobody needs any more; what cannot be deleted is logged, the service's own containers expire. */
export async function removeUploads(
  context: SinkContext,
  blobs: readonly StorageLocation[],
  via: IngestionService['via'],
): Promise<void> {
  const { failures } = await removeBlobs(blobs, {
    renew: async () => (await context.ingestion.get({ via })).containers,
  })
  for (const failure of failures) context.log.warning(`a blob of a failed write is left: ${String(failure)}`)
}

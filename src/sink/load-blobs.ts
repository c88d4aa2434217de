import { AbortScope, untilAborted } from '../base/abort.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import { mapOrdered } from '../base/map-ordered.ts'
import { mayHaveArrived } from '../client/network-error.ts'
import { KustoNetworkError, KustoServiceError } from '../errors.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { blobSubmissions } from './blob-submissions.ts'
import type { Submission } from './blob-submissions.ts'
import type { BlobCut } from './cut-blobs.ts'
import type { IngestionService, StagedBlob, Tracking } from './ingestion-service.ts'
import type { WriteSetup } from './prepare-write.ts'
import type { SinkContext } from './sink-context.ts'
import { severalFailures } from './several-failures.ts'
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
  /** Awaited before each submission. */
  readonly beforeSubmit?: (signal: AbortSignal | undefined) => Promise<void>
}

/** What the service has taken; with a failure the load stopped after these blobs. */
export interface LoadOutcome {
  readonly queued: readonly QueuedBlob[]
  readonly failure?: LoadFailure
}

export interface LoadFailure {
  readonly error: unknown
  /** Settles when the blobs that were not taken are deleted, or when there is no more time for that. It does not reject. */
  readonly removal: Promise<void>
  /** Whether blobs were handed over and not answered for: the service may have read them before they were deleted. */
  readonly mayBeTaken: boolean
}

/** Encodes and uploads blobs and hands them to the service's queue. Never rejects: blobs it has taken are told either way. */
export async function loadBlobs(context: SinkContext, request: LoadRequest): Promise<LoadOutcome> {
  const { target, schema, setup, properties, settings, elapsed } = request
  const { columns, format, via, maxBlobs } = setup
  const { onEvent, signal } = settings
  const uploads: StorageLocation[] = []
  const unfinished = new Set<string>()
  const queued: QueuedBlob[] = []
  const failures: unknown[] = []
  let mayBeTaken = false
  const turn = new ByteBudget(1)
  const submissions = blobSubmissions(properties, settings)
  const submit = async ({ blobs, properties: own }: Submission): Promise<void> => {
    await request.beforeSubmit?.(signal)
    const at = performance.now()
    const area = context.staging(settings, via)
    const readable = await Promise.all(
      blobs.map(async (blob) => ({ ...blob, connectionString: await area.connectionString(blob.location, signal) })),
    )
    const tracking = await context.ingestion
      .use((service) => service.submit(target, readable, own, { signal, onRetry: context.tellRetry('submit') }), {
        via,
        signal,
      })
      .catch((error: unknown) => {
        mayBeTaken = isWithoutAnswer(error)
        throw error
      })
    const known = new Map(tracking.map((one) => [one.sourceId, one]))
    queued.push(...blobs.map((blob) => ({ blob, tracking: known.get(blob.sourceId) ?? { sourceId: blob.sourceId } })))
    const elapsedMs = performance.now() - at
    elapsed.queue += elapsedMs
    onEvent({ kind: 'blobs-queued', via, ...sizeOf(blobs), total: sizeOf(queued.map(({ blob }) => blob)), elapsedMs })
  }
  // All of them after a failure, and otherwise those that were written in another container instead.
  const removeOthers = async (): Promise<void> => {
    const taken = new Set(queued.map(({ blob }) => blob.location.url))
    const others = uploads.filter(({ url }) => !taken.has(url))
    if (others.length === 0) return
    const outcome = await removeUploadsInTime(context, { blobs: others, via, unfinished }, signal)
    if (outcome !== undefined) onEvent({ kind: 'uploads-removed', ...outcome })
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
          turn,
          elapsed,
          signal,
          onUpload: (location) => {
            uploads.push(location)
            unfinished.add(location.url)
          },
          onUploaded: ({ url }) => void unfinished.delete(url),
        }).catch((error: unknown) => {
          // What ends because another blob failed is no failure of its own.
          if (!signal.aborted) failures.push(error)
          throw error
        }),
      { concurrency: settings.uploads, ...(signal === undefined ? {} : { signal }) },
    )
    const waiting: StagedBlob[] = []
    // Only one that is followed by another is known to be full.
    const held = settings.flushFullBlobs ? 1 : 0
    let waitsSince = performance.now()
    for await (const blob of staged) {
      if (waiting.length === 0) waitsSince = performance.now()
      waiting.push(blob)
      const isLate = performance.now() - waitsSince >= SUBMIT_AFTER_MS
      if (waiting.length < (isLate ? 1 : maxBlobs) + held) continue
      const due = waiting.splice(0, Math.min(maxBlobs, waiting.length - held))
      for (const each of submissions(due, { isLast: false })) await submit(each)
      waitsSince = performance.now()
    }
    for (const each of submissions(waiting, { isLast: true })) await submit(each)
    await removeOthers()
    return { queued }
  } catch (error) {
    // An `onEvent` that throws once more does not hide the failure.
    const removal = removeOthers().catch(() => undefined)
    return { queued, failure: { error: severalFailures(target, error, failures), removal, mayBeTaken } }
  }
}

/** Whether the service may have taken what was handed over. */
function isWithoutAnswer(error: unknown): boolean {
  if (error instanceof KustoServiceError) return error.status === 408 || (error.status >= 500 && error.status !== 503)
  return error instanceof KustoNetworkError && mayHaveArrived(error)
}

/**
 * Blobs go when they fill a submission, or with the next one when the first of them has waited so long: rows of a slow
 * source are not held back until there are as many as the service takes at once.
 */
const SUBMIT_AFTER_MS = 30_000

function sizeOf(blobs: readonly StagedBlob[]): { blobs: number; rows: number; rawBytes: number } {
  const sum = (value: (blob: StagedBlob) => number): number => blobs.reduce((total, blob) => total + value(blob), 0)
  return { blobs: blobs.length, rows: sum(({ rows }) => rows), rawBytes: sum(({ rawBytes }) => rawBytes) }
}

/** How long the blobs of a failed write are tried to be deleted. */
const REMOVAL_MS = 10_000
/** How long the caller of an aborted write waits for that. */
const ABORT_WAIT_MS = 1_000

export interface RemoveUploads {
  readonly blobs: readonly StorageLocation[]
  /** The way the blobs would have gone, whose containers are asked for again when storage refuses. */
  readonly via: IngestionService['via']
  /** URLs of those whose upload was given up: the last requests may still be on their way. Default: none. */
  readonly unfinished?: ReadonlySet<string>
}

/** Deletes blobs that nobody needs any more; what cannot be deleted is logged, the service's own containers expire. */
export async function removeUploads(
  context: SinkContext,
  { blobs, via, unfinished }: RemoveUploads,
): Promise<{ readonly removed: number; readonly failed: number }> {
  using limit = new AbortScope()
  limit.limit(REMOVAL_MS, () => new Error(`not deleted within ${REMOVAL_MS} ms`))
  const { signal } = limit
  const { removed, failures } = await removeBlobs(blobs, {
    renew: async () => (await context.ingestion.get({ via, signal })).containers,
    uncommitted: true,
    signal,
  })
  for (const failure of failures) context.log.warning(`a blob of a failed write is left: ${String(failure)}`)
  lookAgain(blobs.filter(({ url }) => unfinished?.has(url) === true))
  return { removed, failed: failures.length }
}

/** When blobs whose upload was given up are looked for once more. */
const LATER_MS: readonly number[] = [1_000, 4_000]

/**
 * Requests that were cut off may be carried out after their blob was looked for: storage that is slow has received them.
 * Nobody waits for this, nor does the end of the process; what it does not find expires.
 */
function lookAgain(blobs: readonly StorageLocation[]): void {
  if (blobs.length === 0) return
  for (const delayMs of LATER_MS) {
    setTimeout(() => void removeBlobs(blobs, { uncommitted: true }).catch(() => undefined), delayMs).unref()
  }
}

/**
 * As `removeUploads`. An aborted call settles soon even where storage hangs: then this gives nothing, and the removal goes on
 * by itself until its own time is over.
 */
export async function removeUploadsInTime(
  context: SinkContext,
  request: RemoveUploads,
  signal: AbortSignal | undefined,
): Promise<{ readonly removed: number; readonly failed: number } | undefined> {
  const removal = removeUploads(context, request)
  using wait = new AbortScope()
  if (signal?.aborted === true) wait.limit(ABORT_WAIT_MS, () => undefined)
  return await untilAborted(removal, wait.signal).catch(() => undefined)
}

import { AbortScope, untilAborted } from '../base/abort.ts'
import { KustoIngestError, KustoNetworkError } from '../errors.ts'
import type { ListedExtent } from './extent-list.ts'
import { removeUploads } from './load-blobs.ts'
import type { QueuedBlob } from './load-blobs.ts'
import { recallExtents } from './move-extents.ts'
import type { WriteReceiptJson } from './receipt-json.ts'
import type { SinkContext } from './sink-context.ts'
import type { Staging } from './staging-table.ts'
import type { WriteSettings } from './write-settings.ts'

export interface AbandonedWrite {
  readonly table: string
  readonly staging: Staging
  /** Why the write ends. */
  readonly error: unknown
  readonly queued: readonly QueuedBlob[]
  /** Of blobs that were not queued; under way. */
  readonly removal?: Promise<void>
  readonly via: WriteReceiptJson['via']
  /** Whether the rows are in the target: then only tidying up is left. */
  readonly isCommitted: boolean
  /** The extents of a move that may have been, or may still be, carried out. */
  readonly inDoubt?: readonly ListedExtent[]
  /** The receipt for when the move was carried out. */
  readonly receipt: WriteReceiptJson
  readonly settings: Pick<WriteSettings, 'signal' | 'onEvent'>
}

/** An abort settles soon; else there is more time to tidy up. */
const ABORT_CLEANUP_MS = 1_000
const CLEANUP_MS = 30_000

/** The time to tidy up at the end of a write, which is cut short when the caller aborts. To be disposed. */
export function timeToTidyUp(outer: AbortSignal | undefined): {
  readonly signal: AbortSignal
  [Symbol.dispose](): void
} {
  const scope = new AbortScope()
  const limit = (limitMs: number): void =>
    scope.limit(limitMs, () => new KustoNetworkError('KUSTO_TIMEOUT', `tidying up took more than ${limitMs} ms`))
  const hurry = (): void => limit(ABORT_CLEANUP_MS)
  limit(outer?.aborted === true ? ABORT_CLEANUP_MS : CLEANUP_MS)
  outer?.addEventListener('abort', hurry, { once: true })
  return {
    signal: scope.signal,
    [Symbol.dispose]: () => {
      outer?.removeEventListener('abort', hurry)
      scope.close()
    },
  }
}

/**
 * Removes what a write that is given up has left, and gives the error to throw: the reason as it is where nothing is left
 * and the target is untouched, else one that says what is where. Rows that may still be moved are never dropped, unless the
 * caller has aborted and so does not want them; then dropping them is what keeps them from moving.
 */
export async function abandonWrite(context: SinkContext, write: AbandonedWrite): Promise<unknown> {
  const { staging, isCommitted, inDoubt, error, queued, via, settings } = write
  const isAborted = settings.signal?.aborted === true
  using scope = timeToTidyUp(settings.signal)
  if (isCommitted) {
    await dropStaging(context, write, scope.signal)
    return committed(write)
  }
  if (inDoubt !== undefined) {
    if (!isAborted || !staging.isOwn) return unknownOutcome(write)
    const request = { staging: staging.name, extents: inDoubt, mayMerge: false }
    const end = await recallExtents(context, request, scope.signal)
    if (end === 'unknown') return unknownOutcome(write)
    if (end === 'moved') {
      await dropStaging(context, write, scope.signal)
      return committed(write)
    }
  }
  const blobs = queued.map(({ blob }) => blob.location)
  const [dropped] = await Promise.allSettled([
    staging.drop(scope.signal),
    blobs.length === 0 ? undefined : untilAborted(removeUploads(context, { blobs, via }), scope.signal),
    write.removal,
  ])
  return dropped.status === 'rejected' ? stagingLeft(write, dropped.reason) : error
}

/** Drops a staging table that nobody needs any more; whether that was possible. */
export async function dropStaging(
  context: SinkContext,
  { staging, settings }: Pick<AbandonedWrite, 'staging' | 'settings'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await staging.drop(signal)
    if (staging.isOwn) settings.onEvent({ kind: 'staging-dropped', stagingTable: staging.name })
    return true
  } catch (error) {
    context.log.warning(`the empty staging table ${staging.name} could not be dropped: ${String(error)}`)
    return false
  }
}

function unknownOutcome({ table, staging, error, receipt }: AbandonedWrite): KustoIngestError {
  return new KustoIngestError(
    'KUSTO_MOVE_UNKNOWN',
    `it is not known whether the rows have reached table ${table}: all of them have if staging table ${staging.name} ` +
      `is empty, none of them has if it holds ${receipt.rows}; it is kept`,
    { cause: error, context: { table, stagingTable: staging.name } },
  )
}

function committed({ table, error, receipt }: AbandonedWrite): KustoIngestError {
  return new KustoIngestError(
    'KUSTO_WRITE_COMMITTED',
    `the write was broken off when its ${receipt.rows} rows had reached table ${table}: all of them are there`,
    { cause: error, context: { table }, receipt },
  )
}

function stagingLeft({ table, staging, error }: AbandonedWrite, dropError: unknown): KustoIngestError {
  return new KustoIngestError(
    'KUSTO_STAGING_LEFT',
    `nothing was written to table ${table}, but its staging table ${staging.name} could not be dropped`,
    {
      cause: new AggregateError([error, dropError], 'the failure, and that of tidying up'),
      context: { table, stagingTable: staging.name },
    },
  )
}

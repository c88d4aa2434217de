import { poll } from '../base/poll.ts'
import { KustoIngestError, KustoNetworkError } from '../errors.ts'
import { dropExtentTags } from '../kql/commands/extent-commands.ts'
import { BLOB_TAG_PREFIX } from './blob-submissions.ts'
import { listExtents, rowsOf } from './extent-list.ts'
import type { ListedExtent } from './extent-list.ts'
import type { WriteReceiptJson } from './receipt-json.ts'
import type { SinkContext } from './sink-context.ts'
import { WriteReceipt } from './write-receipt.ts'
import type { WriteSettings } from './write-settings.ts'

export interface StagedRequest {
  /** What was queued, under the name of the staging table. */
  readonly receipt: WriteReceiptJson
  /** The table that the rows are for. */
  readonly target: string
  readonly settings: WriteSettings
  readonly timeoutMs: number
}

/** The service saw a blob twice and took it once. Whether that is so shows in the rows. */
const TAKEN_ONCE = /^BlobAlreadyReceived_/
/** How long rows may be missing from the list of extents after their blobs were reported as loaded. */
const LISTING_MS = 5_000

/**
 * Waits until every blob is in the staging table, and gives the extents, whose rows are exactly those that were sent.
 * @throws {KustoIngestError} KUSTO_INGESTION_FAILED with the blobs that did not arrive, KUSTO_STAGED_ROWS_DIFFER
 */
export async function stagedExtents(context: SinkContext, request: StagedRequest): Promise<readonly ListedExtent[]> {
  const { receipt, settings, timeoutMs } = request
  const { signal, onEvent } = settings
  try {
    await new WriteReceipt(receipt, context.ingestion).completed({
      timeoutMs,
      onEvent,
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (error) {
    if (!isTakenOnce(error)) throw error
  }
  const extents = await countedExtents(context, request)
  if (settings.deduplicateBlobs === false) return extents
  const prefix = `ingest-by:${BLOB_TAG_PREFIX}`
  const helpers = [...new Set(extents.flatMap(({ tags }) => tags.filter((tag) => tag.startsWith(prefix))))]
  if (helpers.length === 0) return extents
  await context.command(dropExtentTags(receipt.table, helpers), signal, { repeatable: true })
  return countedExtents(context, request)
}

/** An extent whose rows are not listed yet would stay behind, and one too many would bring rows twice. */
async function countedExtents(context: SinkContext, request: StagedRequest): Promise<readonly ListedExtent[]> {
  const { receipt, target, settings } = request
  const { table, rows } = receipt
  let extents: readonly ListedExtent[] = []
  try {
    return await poll(
      async () => {
        extents = await listExtents(context, { table }, settings.signal)
        return rowsOf(extents) === rows ? extents : undefined
      },
      {
        what: `the listing of ${rows} rows`,
        timeoutMs: LISTING_MS,
        ...(settings.signal === undefined ? {} : { signal: settings.signal }),
      },
    )
  } catch (error) {
    if (!(error instanceof KustoNetworkError) || error.code !== 'KUSTO_POLL_TIMEOUT') throw error
    throw new KustoIngestError(
      'KUSTO_STAGED_ROWS_DIFFER',
      `expected the ${rows} rows that were sent for table ${target} in its staging table, found ${rowsOf(extents)}`,
      { context: { table: target }, receipt },
    )
  }
}

function isTakenOnce(error: unknown): boolean {
  return (
    error instanceof KustoIngestError &&
    error.failures.length > 0 &&
    error.failures.every(({ errorCode = '' }) => TAKEN_ONCE.test(errorCode))
  )
}

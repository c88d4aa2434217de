import { KustoError, KustoIngestError, KustoNetworkError, KustoServiceError, KustoUsageError } from '../errors.ts'
import { ingestionProperties } from './blob-format.ts'
import { cutBlobs } from './cut-blobs.ts'
import { loadBlobs } from './load-blobs.ts'
import { prepareTable } from './prepare-table.ts'
import { prepareWrite } from './prepare-write.ts'
import type { WriteReceiptJson } from './receipt-json.ts'
import { receiptOf } from './receipt-of.ts'
import type { WriteOutcome } from './receipt-of.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteSettings } from './write-settings.ts'

/**
 * Queued ingestion: plan the schema, create what is missing, encode and upload blobs, hand them to the service's queue.
 * When it fails, every blob that was not handed over is deleted. Blobs the service has taken can no longer be recalled:
 * then the failure is KUSTO_WRITE_INCOMPLETE, whose `receipt` names them.
 */
export async function writeQueued(
  context: SinkContext,
  input: WriteInput,
  settings: WriteSettings,
): Promise<WriteReceiptJson> {
  const { table, schema } = input
  const elapsed = { schema: 0, encode: 0, upload: 0, queue: 0 }
  const startedAt = performance.now()
  const setup = await prepareWrite(context, input, settings, prepareTable)
  elapsed.schema = performance.now() - startedAt
  const properties = ingestionProperties(setup.plan, setup.format, settings)
  // The service checks tags blob by blob, so the first of several blobs of one name would keep the others out, in silence.
  const single = isNamed(settings) ? { severalBlobs: () => severalBlobs(table) } : {}
  const { queued, failure } = await loadBlobs(context, {
    target: table,
    schema,
    cuts: cutBlobs(input.batches, { ...settings, ...single }),
    setup,
    properties,
    settings,
    elapsed,
  })
  const outcome = {
    table,
    mode: settings.mode,
    plan: setup.plan,
    format: setup.format,
    via: setup.via,
    queued,
    elapsed,
  }
  await failure?.removal
  if (failure === undefined) return receiptOf(context, outcome)
  if (queued.length > 0) throw incomplete(context, outcome, failure.error)
  throw failure.mayBeTaken ? unanswered(failure.error) : failure.error
}

/** The error again, as one after which the write is not to be repeated without a look: what was read already comes into the table. */
function unanswered(error: unknown): unknown {
  if (!(error instanceof KustoError) || !error.retryable) return error
  const message = `${error.message}; blobs were handed over and not answered for, and were deleted: what the service has read of them by then reaches the table`
  const options = { cause: error, context: error.context }
  return error instanceof KustoServiceError
    ? new KustoServiceError(error.code, message, { ...options, status: error.status })
    : new KustoNetworkError(error.code, message, options)
}

/** Whether the write is kept out by the name that its own extents carry. */
function isNamed({ tags, ingestIfNotExists }: WriteSettings): boolean {
  return ingestIfNotExists.some((value) => tags.includes(`ingest-by:${value}`))
}

function severalBlobs(table: string): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_SEVERAL_BLOBS',
    `expected rows of one blob for table ${table}, because ingestIfNotExists names a tag of this write, found more: ` +
      'raise maxBlobBytes, or write in parts with a tag each',
    { context: { table } },
  )
}

function incomplete(context: SinkContext, outcome: WriteOutcome, cause: unknown): KustoIngestError {
  const { table } = outcome
  const receipt = receiptOf(context, outcome)
  return new KustoIngestError(
    'KUSTO_WRITE_INCOMPLETE',
    `the write to table ${table} stopped after ${receipt.rows} rows in ${receipt.blobs.length} blobs were queued, which can no longer be recalled; the other blobs were deleted`,
    { cause, context: { table }, receipt },
  )
}

import type { KustoColumn } from '../arrow/scalar-types.ts'
import { mapOrdered } from '../base/map-ordered.ts'
import { KustoIngestError, KustoUsageError } from '../errors.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { chooseFormat, ingestionProperties } from './blob-format.ts'
import { cutBlobs } from './cut-blobs.ts'
import type { BlobCut } from './cut-blobs.ts'
import type { IngestionService, StagedBlob, Tracking } from './ingestion-service.ts'
import type { SchemaPlan } from './plan-schema.ts'
import { prepareTable } from './prepare-table.ts'
import type { SinkContext } from './sink-context.ts'
import { stageBlob } from './stage-blob.ts'
import type { ReceiptBlob, WriteReceiptJson } from './receipt-json.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

interface QueuedBlob {
  readonly blob: StagedBlob
  readonly tracking: Tracking
}

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
  const { signal, onEvent } = settings
  const elapsed = { schema: 0, encode: 0, upload: 0, queue: 0 }
  const startedAt = performance.now()
  const { plan, columns, format, via, maxBlobs } = await prepareWrite(context, input, settings)
  elapsed.schema = performance.now() - startedAt
  const properties = ingestionProperties(plan, format, settings)

  const uploads: StorageLocation[] = []
  const queued: QueuedBlob[] = []
  const submit = async (blobs: readonly StagedBlob[]): Promise<void> => {
    const at = performance.now()
    const tracking = await context.ingestion.use((service) => service.submit(input.table, blobs, properties, signal), {
      via,
      signal,
    })
    const known = new Map(tracking.map((one) => [one.sourceId, one]))
    queued.push(...blobs.map((blob) => ({ blob, tracking: known.get(blob.sourceId) ?? { sourceId: blob.sourceId } })))
    elapsed.queue += performance.now() - at
    onEvent({ kind: 'blobs-queued', blobs: blobs.length, via })
  }
  const outcome = { table: input.table, plan, format, via, queued, elapsed }
  try {
    const cuts = cutBlobs(input.batches, settings.maxBlobBytes)
    const staged = mapOrdered(
      isNamed(settings) ? onlyOne(cuts, input.table) : cuts,
      async (cut, signal) =>
        stageBlob(cut, {
          context,
          via,
          schema: input.schema,
          columns,
          format,
          settings,
          elapsed,
          signal,
          onUpload: (location) => void uploads.push(location),
        }),
      { concurrency: settings.uploads, ...(signal === undefined ? {} : { signal }) },
    )
    let waiting: StagedBlob[] = []
    for await (const blob of staged) {
      waiting.push(blob)
      if (waiting.length < maxBlobs) continue
      await submit(waiting)
      waiting = []
    }
    if (waiting.length > 0) await submit(waiting)
  } catch (error) {
    await removeUnqueued(context, uploads, outcome)
    throw queued.length === 0 ? error : incomplete(context, outcome, error)
  }
  return receiptOf(context, outcome)
}

async function prepareWrite(
  context: SinkContext,
  input: WriteInput,
  settings: WriteSettings,
): Promise<Pick<WriteOutcome, 'plan' | 'format' | 'via'> & { columns: readonly KustoColumn[]; maxBlobs: number }> {
  try {
    const plan = await prepareTable(context, input, settings)
    const columns = plan.targets.map((target) => target.column)
    const format = chooseFormat(input.schema, columns, settings)
    const { via, maxBlobs } = await context.ingestion.get({ signal: settings.signal })
    return { plan, columns, format, via, maxBlobs }
  } catch (error) {
    await input.close()
    throw error
  }
}

/** Whether the write is kept out by the name that its own extents carry. */
function isNamed({ tags, ingestIfNotExists }: WriteSettings): boolean {
  return ingestIfNotExists.some((value) => tags.includes(`ingest-by:${value}`))
}

/** The service checks tags blob by blob, so the first of several blobs of one name would keep the others out, in silence. */
async function* onlyOne(cuts: AsyncIterable<BlobCut>, table: string): AsyncGenerator<BlobCut> {
  let first: BlobCut | undefined
  for await (const cut of cuts) {
    if (first !== undefined) {
      throw new KustoUsageError(
        'KUSTO_SEVERAL_BLOBS',
        `expected rows of one blob for table ${table}, because ingestIfNotExists names a tag of this write, found more: ` +
          'raise maxBlobBytes, or write in parts with a tag each',
        { context: { table } },
      )
    }
    first = cut
  }
  if (first !== undefined) yield first
}

interface WriteOutcome {
  readonly table: string
  readonly plan: SchemaPlan
  readonly format: WriteFormat
  readonly via: IngestionService['via']
  readonly queued: readonly QueuedBlob[]
  readonly elapsed: Readonly<Record<string, number>>
}

async function removeUnqueued(
  context: SinkContext,
  uploads: readonly StorageLocation[],
  { queued, via }: WriteOutcome,
): Promise<void> {
  const taken = new Set(queued.map(({ blob }) => blob.location.url))
  const { failures } = await removeBlobs(
    uploads.filter(({ url }) => !taken.has(url)),
    { renew: async () => (await context.ingestion.get({ via })).containers },
  )
  for (const failure of failures) context.log.warning(`a blob of a failed write is left: ${String(failure)}`)
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

function receiptOf(context: SinkContext, outcome: WriteOutcome): WriteReceiptJson {
  const blobs = outcome.queued.map(({ blob, tracking }): ReceiptBlob => {
    const { sourceId, location, rows, rawBytes, encodedBytes } = blob
    const { operationId } = tracking
    const operation = operationId === undefined ? {} : { operationId }
    return { sourceId, url: location.url, rows, rawBytes, encodedBytes, ...operation }
  })
  const sum = (value: (blob: ReceiptBlob) => number): number => blobs.reduce((total, blob) => total + value(blob), 0)
  return {
    kind: 'kusto-arrow/write-receipt',
    version: 1,
    cluster: context.cluster,
    database: context.database,
    table: outcome.table,
    mode: 'queued',
    via: outcome.via,
    format: outcome.format,
    created: outcome.plan.create !== undefined,
    rows: sum((blob) => blob.rows),
    rawBytes: sum((blob) => blob.rawBytes),
    encodedBytes: sum((blob) => blob.encodedBytes),
    blobs,
    elapsedMs: outcome.elapsed,
  }
}

import { randomUUID } from 'node:crypto'
import type { RecordBatch, Schema } from 'apache-arrow'
import { kustoColumns } from '../arrow/kusto-columns.ts'
import { parquetVerdict } from '../arrow/parquet-columns.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { AbortScope } from '../base/abort.ts'
import { mapOrdered } from '../base/map-ordered.ts'
import { KustoIngestError, KustoUsageError } from '../errors.ts'
import { alterMergeTable, createMergeTable } from '../kql/commands/table-commands.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import { blobIn } from '../storage/storage-location.ts'
import { writeBlob } from '../storage/write-blob.ts'
import { cutBlobs } from './cut-blobs.ts'
import type { BlobCut } from './cut-blobs.ts'
import { encodeCsvBlob, encodeParquetBlob } from './encode-blob.ts'
import type { IngestionService, StagedBlob, Tracking } from './ingestion-service.ts'
import { planSchema } from './plan-schema.ts'
import type { SchemaPlan } from './plan-schema.ts'
import type { SinkContext } from './sink-context.ts'
import { fetchTableColumns } from './table-schema.ts'
import type { ReceiptBlob, WriteReceiptJson } from './write-receipt.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

/** Batches of one schema, to be written to one table. */
export interface WriteInput {
  readonly table: string
  readonly schema: Schema
  readonly batches: AsyncIterable<RecordBatch>
}

/**
 * Queued ingestion: plan the schema, create what is missing, encode and upload blobs, hand them to the service's queue.
 * When it fails before a blob is queued, the blob is deleted again; blobs the service has taken can no longer be recalled
 * and are named in the error's receipt.
 */
export async function writeQueued(
  context: SinkContext,
  input: WriteInput,
  settings: WriteSettings,
): Promise<WriteReceiptJson> {
  const elapsed = { schema: 0, encode: 0, upload: 0, queue: 0 }
  const startedAt = performance.now()
  const plan = await prepareTable(context, input, settings)
  const columns = plan.targets.map((target) => target.column)
  const format = chooseFormat(input.schema, columns, settings)
  elapsed.schema = performance.now() - startedAt
  const service = await context.ingestion(settings.signal)
  const properties = propertiesOf(plan, format, settings)

  const staged: StagedBlob[] = []
  const queued = new Map<string, Tracking>()
  const submit = async (blobs: readonly StagedBlob[]): Promise<void> => {
    const at = performance.now()
    const tracking = await service.submit(input.table, blobs, properties, settings.signal)
    for (const one of tracking) queued.set(one.sourceId, one)
    elapsed.queue += performance.now() - at
    settings.onEvent({ kind: 'blobs-queued', blobs: blobs.length, via: service.via })
  }
  try {
    let waiting: StagedBlob[] = []
    const uploads = mapOrdered(
      cutBlobs(input.batches, settings.maxBlobBytes),
      async (cut, signal) =>
        stageBlob(cut, {
          context,
          service,
          schema: input.schema,
          columns,
          format,
          settings,
          elapsed,
          signal,
          onStaged: (blob) => staged.push(blob),
        }),
      { concurrency: settings.uploads, ...(settings.signal === undefined ? {} : { signal: settings.signal }) },
    )
    for await (const blob of uploads) {
      waiting.push(blob)
      if (waiting.length >= service.maxBlobs) {
        await submit(waiting)
        waiting = []
      }
    }
    if (waiting.length > 0) await submit(waiting)
  } catch (error) {
    await removeUnqueued(context, staged, queued)
    throw queued.size === 0 ? error : incomplete(input.table, staged, queued, error)
  }
  return receiptOf(context, input.table, { plan, format, service, staged, queued, elapsed })
}

async function prepareTable(
  context: SinkContext,
  { table, schema }: WriteInput,
  settings: WriteSettings,
): Promise<SchemaPlan> {
  const { signal, onEvent } = settings
  const target = await fetchTableColumns(context, table, signal)
  const plan = planSchema({
    table,
    source: kustoColumns(schema),
    target,
    create: settings.create,
    adjustSchema: settings.adjustSchema,
  })
  if (plan.create !== undefined) {
    await context.command(createMergeTable(table, plan.create), signal)
    onEvent({ kind: 'table-created', table })
  }
  if (plan.add.length > 0) {
    await context.command(alterMergeTable(table, plan.add), signal)
    onEvent({ kind: 'columns-added', table, columns: plan.add.map((column) => column.name) })
  }
  return plan
}

/**
 * Parquet unless a column would not survive it.
 * @throws {KustoUsageError} KUSTO_FORMAT_CANNOT_CARRY when Parquet is demanded for such a column
 */
function chooseFormat(schema: Schema, columns: readonly KustoColumn[], settings: WriteSettings): WriteFormat {
  const { format, onEvent } = settings
  if (format === 'csv') {
    onEvent({ kind: 'format', format, reason: 'as asked' })
    return format
  }
  const verdict = parquetVerdict(columns, schema.fields)
  if (verdict.ok) {
    onEvent({
      kind: 'format',
      format: 'parquet',
      reason: format === undefined ? 'every column survives it' : 'as asked',
    })
    return 'parquet'
  }
  if (format === 'parquet') {
    if (verdict.valuesMayFit) {
      onEvent({ kind: 'format', format, reason: 'as asked; a value that Parquet cannot carry ends the write' })
      return format
    }
    throw new KustoUsageError(
      'KUSTO_FORMAT_CANNOT_CARRY',
      `Parquet cannot carry column ${verdict.column}: ${verdict.reason}; write with format 'csv' or leave the format out`,
    )
  }
  onEvent({ kind: 'format', format: 'csv', reason: `Parquet cannot carry column ${verdict.column}: ${verdict.reason}` })
  return 'csv'
}

interface StageBlobOptions {
  readonly schema: Schema
  readonly context: SinkContext
  readonly service: IngestionService
  readonly columns: readonly KustoColumn[]
  readonly format: WriteFormat
  readonly settings: WriteSettings
  readonly elapsed: { encode: number; upload: number }
  readonly signal: AbortSignal
  readonly onStaged: (blob: StagedBlob) => number
}

async function stageBlob(cut: BlobCut, options: StageBlobOptions): Promise<StagedBlob> {
  const { context, service, columns, format, settings, elapsed } = options
  // A scope of its own for each blob: storage requests add listeners to the signal and not all of them are taken away.
  using scope = new AbortScope(options.signal)
  const { signal } = scope
  const sourceId = randomUUID()
  const container = service.containers[Math.floor(Math.random() * service.containers.length)]
  if (container === undefined) {
    throw new KustoUsageError(
      'KUSTO_NO_INGESTION_STORAGE',
      'expected a container to upload to, the service offers none',
    )
  }
  const encode = format === 'csv' ? encodeCsvBlob : encodeParquetBlob
  const encoded = encode(cut, { schema: options.schema, columns, compression: settings.compression, signal })
  const location = blobIn(container, `${context.database}__${sourceId}.${encoded.extension}`)
  const startedAt = performance.now()
  let encodeMs = 0
  const encodedBytes = await writeBlob(
    location,
    timed(encoded.chunks, (ms) => (encodeMs += ms)),
    { signal },
  )
  const elapsedMs = performance.now() - startedAt
  const { rawBytes, oversizeCells, cutTimes } = encoded.measured()
  const blob: StagedBlob = { sourceId, location, rows: cut.rows, rawBytes, encodedBytes }
  options.onStaged(blob)
  elapsed.encode += encodeMs
  elapsed.upload += elapsedMs - encodeMs
  if (oversizeCells + cutTimes > 0) settings.onEvent({ kind: 'values-at-risk', oversizeCells, cutTimes })
  settings.onEvent({ kind: 'blob-encoded', rows: cut.rows, rawBytes, encodedBytes, elapsedMs: encodeMs })
  settings.onEvent({ kind: 'blob-uploaded', rows: cut.rows, encodedBytes, elapsedMs: elapsedMs - encodeMs })
  return blob
}

/** Passes chunks on and tells how long it took to make them. */
async function* timed(chunks: AsyncIterable<Uint8Array>, tell: (ms: number) => void): AsyncGenerator<Uint8Array> {
  let startedAt = performance.now()
  for await (const chunk of chunks) {
    tell(performance.now() - startedAt)
    yield chunk
    startedAt = performance.now()
  }
}

function propertiesOf(plan: SchemaPlan, format: WriteFormat, settings: WriteSettings): IngestionProperties {
  return {
    format,
    // Parquet columns are written under the table's names and match by name; CSV fields need their ordinals.
    ...(format === 'csv' ? { ingestionMapping: csvMapping(plan), ingestionMappingType: 'Csv' } : {}),
    ...(settings.tags.length > 0 ? { tags: settings.tags } : {}),
    ...(settings.ingestIfNotExists.length > 0 ? { ingestIfNotExists: settings.ingestIfNotExists } : {}),
    ...(settings.creationTime === undefined ? {} : { creationTime: settings.creationTime.toISOString() }),
    flushImmediately: settings.flushImmediately,
    deleteAfterDownload: true,
  }
}

function csvMapping(plan: SchemaPlan): string {
  return JSON.stringify(
    plan.targets.map(({ column }, ordinal) => ({
      Column: column.name,
      DataType: column.type,
      Properties: { Ordinal: String(ordinal) },
    })),
  )
}

async function removeUnqueued(
  context: SinkContext,
  staged: readonly StagedBlob[],
  queued: ReadonlyMap<string, Tracking>,
): Promise<void> {
  const orphans = staged.filter((blob) => !queued.has(blob.sourceId)).map((blob) => blob.location)
  const { failures } = await removeBlobs(orphans)
  for (const failure of failures) context.log.warning(`a blob of a failed write is left: ${String(failure)}`)
}

/** What the service has taken can no longer be recalled, so the error counts it. */
function incomplete(
  table: string,
  staged: readonly StagedBlob[],
  queued: ReadonlyMap<string, Tracking>,
  cause: unknown,
): KustoIngestError {
  const taken = staged.filter((blob) => queued.has(blob.sourceId))
  const rows = taken.reduce((sum, blob) => sum + blob.rows, 0)
  return new KustoIngestError(
    'KUSTO_WRITE_INCOMPLETE',
    `the write to table ${table} stopped after ${rows} rows in ${taken.length} blobs were queued, which can no longer be recalled; the other blobs were deleted`,
    { cause, context: { table } },
  )
}

interface WriteOutcome {
  readonly plan: SchemaPlan
  readonly format: WriteFormat
  readonly service: IngestionService
  readonly staged: readonly StagedBlob[]
  readonly queued: ReadonlyMap<string, Tracking>
  readonly elapsed: Readonly<Record<string, number>>
}

function receiptOf(context: SinkContext, table: string, outcome: WriteOutcome): WriteReceiptJson {
  const { plan, format, service, staged, queued, elapsed } = outcome
  const blobs = staged.map(({ sourceId, location, rows, rawBytes, encodedBytes }): ReceiptBlob => {
    const operationId = queued.get(sourceId)?.operationId
    return {
      sourceId,
      url: location.url,
      rows,
      rawBytes,
      encodedBytes,
      ...(operationId === undefined ? {} : { operationId }),
    }
  })
  const sum = (value: (blob: ReceiptBlob) => number): number => blobs.reduce((total, blob) => total + value(blob), 0)
  return {
    kind: 'kusto-arrow/write-receipt',
    version: 1,
    cluster: context.cluster,
    database: context.database,
    table,
    mode: 'queued',
    via: service.via,
    format,
    created: plan.create !== undefined,
    rows: sum((blob) => blob.rows),
    rawBytes: sum((blob) => blob.rawBytes),
    encodedBytes: sum((blob) => blob.encodedBytes),
    blobs,
    elapsedMs: elapsed,
  }
}

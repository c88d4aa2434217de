import type { RecordBatch } from 'apache-arrow'
import { mapOrdered } from '../base/map-ordered.ts'
import { KustoIngestError } from '../errors.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import { tableNotFound } from '../sink/schema-problems.ts'
import type { WriteInput } from '../sink/write-input.ts'
import { deliverPiece } from './deliver-piece.ts'
import { newOutcome } from './delivery.ts'
import type { Delivery } from './delivery.ts'
import { encodePieces } from './encode-pieces.ts'
import type { IngestReceiptJson } from './ingest-receipt-json.ts'
import { clearSchemaCache } from './schema-cache.ts'
import { fetchStoredMapping } from './stored-mapping.ts'
import { prepareStreamTarget } from './stream-target.ts'
import type { StreamTarget } from './stream-target.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { StreamingWriteSettings } from './streaming-write-settings.ts'

/**
 * Managed streaming of record batches: pieces of at most `maxRequestBytes` of encoded rows, several under way at once,
 * each streamed or, where that does not work, queued. Resolves when every row is in the table or in the service's queue.
 *
 * A write is not atomic: when it fails or is aborted after pieces have arrived, the failure is KUSTO_WRITE_INCOMPLETE,
 * whose `receipt` tells the fate of every piece that was begun.
 */
export async function writeStreaming(
  context: StreamingContext,
  input: WriteInput,
  settings: StreamingWriteSettings,
): Promise<IngestReceiptJson> {
  const { signal, onEvent } = settings
  if (settings.dropped.length > 0) onEvent({ kind: 'options-dropped', options: settings.dropped })
  const target = await preparedTarget(context, input, settings)
  const delivery = deliveryOf(context, input.table, settings)
  const state = context.tables.of(input.table)
  const pieces = encodePieces(aligned(input, target), {
    encode: target.encode,
    // A limit of 0 says that nothing can be streamed: then pieces are as large as they may be, for the queue.
    maxBytes: () => state.limitBytes(settings.maxRequestBytes) || settings.maxRequestBytes,
    onRisk: (risk) => onEvent({ kind: 'values-at-risk', ...risk }),
  })
  const delivered = mapOrdered(pieces, async (piece, stop) => deliverPiece(delivery, piece, stop), {
    concurrency: settings.concurrency,
    ...(signal === undefined ? {} : { signal }),
  })
  try {
    for await (const _ of delivered);
  } catch (error) {
    throw incomplete(context, delivery, { created: target.created, cause: error })
  }
  return receiptOf(context, delivery, target.created)
}

async function preparedTarget(
  context: StreamingContext,
  input: WriteInput,
  settings: StreamingWriteSettings,
): Promise<StreamTarget> {
  try {
    return await prepareStreamTarget(context, input, settings)
  } catch (error) {
    await input.close()
    throw error
  }
}

async function* aligned(input: WriteInput, target: StreamTarget): AsyncGenerator<RecordBatch> {
  for await (const batch of input.batches) yield target.align(batch)
}

function deliveryOf(context: StreamingContext, table: string, settings: StreamingWriteSettings): Delivery {
  const { format, mapping } = settings
  return {
    context,
    table,
    format,
    mapping,
    properties: {
      format,
      ...(mapping === undefined
        ? {}
        : { ingestionMappingReference: mapping, ingestionMappingType: format === 'csv' ? 'Csv' : 'Json' }),
      flushImmediately: settings.flushImmediately,
      deleteAfterDownload: true,
    },
    settings,
    confirmSchema: confirmSchema(context, { table, mapping, kind: format }),
    outcome: newOutcome(),
  }
}

/** Whether what a request was refused for is there after all; then the nodes are told once to forget what they know. */
export function confirmSchema(
  context: StreamingContext,
  { table, mapping, kind }: { readonly table: string; readonly mapping: string | undefined; readonly kind: string },
): Delivery['confirmSchema'] {
  const { sink, sleep, now } = context
  let cleared: Promise<void> | undefined
  const clear = async (signal: AbortSignal | undefined): Promise<void> => {
    try {
      await clearSchemaCache(sink, table, {
        timeoutMs: 10_000,
        sleep,
        now,
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      // It takes a right that the caller may not have, and the nodes learn of changes by themselves in time.
      sink.log.warning(`the schema cache of table ${table} was not cleared: ${String(error)}`)
    }
  }
  return async (signal) => {
    if ((await fetchTableColumns(sink, table, signal)) === undefined) throw tableNotFound(table)
    if (mapping !== undefined) await fetchStoredMapping(sink, { table, name: mapping, kind }, signal)
    cleared ??= clear(signal)
    await cleared
  }
}

export function receiptOf(context: StreamingContext, delivery: Delivery, created: boolean): IngestReceiptJson {
  const { pieces, counts, via } = delivery.outcome
  return {
    kind: 'kusto-arrow/ingest-receipt',
    version: 1,
    cluster: context.sink.cluster,
    database: context.sink.database,
    table: delivery.table,
    format: delivery.format,
    created,
    ...(via === undefined ? {} : { via }),
    pieces: pieces.toSorted((a, b) => (a.rowOffset ?? 0) - (b.rowOffset ?? 0)),
    counts: { ...counts },
  }
}

/** Of the one failure whose piece is always open. */
const OUTCOME_UNKNOWN = 'KUSTO_STREAMING_OUTCOME_UNKNOWN'

/**
 * The failure of a write of which something has arrived, or may have; any other failure as it is, and that of a single piece
 * without answer, which says so itself.
 */
export function incomplete(
  context: StreamingContext,
  delivery: Delivery,
  { created, cause }: { readonly created: boolean; readonly cause: unknown },
): unknown {
  const { table, outcome } = delivery
  const arrived = outcome.pieces.filter(({ path }) => path === 'streamed' || path === 'queued')
  const open = outcome.pieces.filter(({ path }) => path === 'unknown')
  const isTold = open.length === 1 && cause instanceof KustoIngestError && cause.code === OUTCOME_UNKNOWN
  if (arrived.length === 0 && (open.length === 0 || isTold)) return cause
  const rows = arrived.reduce((sum, piece) => sum + (piece.rows ?? 0), 0)
  const counted = arrived.some((piece) => piece.rows === undefined) ? '' : `${rows} rows in `
  return new KustoIngestError(
    'KUSTO_WRITE_INCOMPLETE',
    `the write to table ${table} stopped after ${counted}${arrived.length} pieces, which cannot be taken back; the fate of ${open.length} pieces is unknown`,
    { cause, context: { table }, receipt: receiptOf(context, delivery, created) },
  )
}

import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { AbortScope } from '../base/abort.ts'
import { gzipMember } from '../arrow/gzip-member.ts'
import { KustoIngestError, KustoUsageError } from '../errors.ts'
import { deliverPiece } from './deliver-piece.ts'
import { newOutcome } from './delivery.ts'
import type { Delivery } from './delivery.ts'
import { MAX_REQUEST_BYTES } from './delivery-settings.ts'
import { INGEST_FORMATS } from './ingest-formats.ts'
import type { IngestFormat } from './ingest-formats.ts'
import type { IngestReceiptJson } from './ingest-receipt-json.ts'
import type { IngestSettings } from './ingest-settings.ts'
import { queueBytes } from './queue-bytes.ts'
import { gzipSize, plainSize, zipSize } from './raw-size.ts'
import type { RawSize } from './raw-size.ts'
import { openSource } from './source-bytes.ts'
import type { BytesInput, OpenSource } from './source-bytes.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { QueueReason } from './streaming-events.ts'
import { confirmSchema, incomplete, receiptOf } from './write-streaming.ts'

const gzip = promisify<Uint8Array, zlib.ZlibOptions, Uint8Array>(zlib.gzip)

/**
 * Ingests a file or stream as it is, in one request or as one blob: it is never split, because only a reader of its format
 * knows where records end. What does not fit into a request is uploaded as it comes, never whole in memory. A source
 * without a byte is nothing to ingest.
 */
export async function ingestSource(
  context: StreamingContext,
  { table, input }: { readonly table: string; readonly input: BytesInput },
  settings: IngestSettings,
): Promise<IngestReceiptJson> {
  const { delivery: how, idleTimeoutMs, mode } = settings
  const { signal } = how
  if (settings.dropped.length > 0) how.onEvent({ kind: 'options-dropped', options: settings.dropped })
  const delivery = deliveryOf(context, table, settings)
  // Ended with the call: a source that says nothing must not hold up a failure from elsewhere.
  using scope = new AbortScope(signal)
  const source = await openSource(input, { idleTimeoutMs, signal: scope.signal })
  try {
    if (mode === 'streaming') await streamSource(delivery, source, settings)
    else await queueSource(delivery, source, { settings, reason: 'as-asked' })
  } catch (error) {
    throw incomplete(context, delivery, { created: false, cause: error })
  } finally {
    scope.abort()
    await source.close()
  }
  return receiptOf(context, delivery, false)
}

function deliveryOf(context: StreamingContext, table: string, settings: IngestSettings): Delivery {
  const { format, mapping, properties, delivery } = settings
  const kind = INGEST_FORMATS[format].mapping.toLowerCase()
  return {
    context,
    table,
    format,
    mapping,
    properties,
    settings: delivery,
    confirmSchema: confirmSchema(context, { table, mapping, kind }),
    outcome: newOutcome(),
  }
}

/** Reads as much as one request may carry; what goes on after that is for the queue. */
async function streamSource(delivery: Delivery, source: OpenSource, settings: IngestSettings): Promise<void> {
  const { context, table, settings: how } = delivery
  if (source.compression === 'zip') {
    throw new KustoUsageError('KUSTO_NOT_STREAMABLE', 'expected plain or gzip data to stream, found a zip file')
  }
  const maxBytes = how.maxRequestBytes
  const size = source.compression === 'gzip' ? gzipSize() : plainSize()
  const held: Uint8Array[] = []
  let heldBytes = 0
  try {
    let isOver = false
    while (size.bytes <= maxBytes && heldBytes <= MAX_REQUEST_BYTES) {
      const next = await source.chunks.next()
      if (next.done === true) {
        isOver = true
        break
      }
      held.push(next.value)
      heldBytes += next.value.length
      await size.take(next.value)
    }
    if (isOver) await size.end()
    if (isOver && size.bytes <= maxBytes) {
      if (size.bytes > 0)
        await deliverWhole(delivery, Buffer.concat(held), {
          rawBytes: size.bytes,
          isGzip: source.compression === 'gzip',
          format: settings.format,
        })
      return
    }
  } finally {
    size.close()
  }
  if (how.fallback === 'none') {
    throw new KustoIngestError(
      'KUSTO_STREAMING_TOO_LARGE',
      `expected at most ${maxBytes} bytes in one streaming request to table ${table}, found a source with more: a source is not split`,
      { context: { database: context.sink.database, table } },
    )
  }
  await queueSource(delivery, { ...source, chunks: resumed(held, source) }, { settings, reason: 'source-too-large' })
}

async function deliverWhole(
  delivery: Delivery,
  bytes: Uint8Array,
  { rawBytes, isGzip, format }: { readonly rawBytes: number; readonly isGzip: boolean; readonly format: IngestFormat },
): Promise<void> {
  const compress = !isGzip && !INGEST_FORMATS[format].isBinary
  const body = { bytes: compress ? await gzip(bytes, { level: 1 }) : bytes, gzip: isGzip || compress }
  const piece = {
    sourceId: randomUUID(),
    rowOffset: undefined,
    rows: undefined,
    rawBytes,
    body: () => Promise.resolve(body),
  }
  await deliverPiece(delivery, piece, delivery.settings.signal ?? new AbortController().signal)
}

async function* resumed(
  held: readonly Uint8Array[],
  { chunks }: OpenSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* held
  yield* chunks
}

/** Uploads the source as it comes, gzip where that saves something, and hands it to the queue with its exact size. */
async function queueSource(
  delivery: Delivery,
  source: OpenSource,
  { settings, reason }: { readonly settings: IngestSettings; readonly reason: QueueReason },
): Promise<void> {
  const { context, table, properties, outcome, settings: how } = delivery
  const { format, maxBytes } = settings
  const first = await source.chunks.next()
  if (first.done === true) return
  const size = source.compression === 'gzip' ? gzipSize() : source.compression === 'zip' ? zipSize() : plainSize()
  const measured = measure(resumed([first.value], source), { size, maxBytes })
  const compress = source.compression === 'none' && !INGEST_FORMATS[format].isBinary
  const ending = source.compression === 'zip' ? '.zip' : compress || source.compression === 'gzip' ? '.gz' : ''
  const sourceId = randomUUID()
  try {
    const queued = await queueBytes(
      context.sink,
      {
        table,
        properties,
        blob: {
          sourceId,
          body: compress ? gzipMember(measured, how.signal === undefined ? {} : { signal: how.signal }) : measured,
          extension: `${format}${ending}`,
          rows: 0,
          rawBytes: () => size.bytes,
        },
      },
      how.signal,
    )
    const { via, url, tracking, rawBytes, encodedBytes } = queued
    outcome.via = via
    outcome.counts.queued += 1
    outcome.pieces.push({
      path: 'queued',
      sourceId,
      rawBytes,
      encodedBytes,
      attempts: 0,
      ambiguous: 0,
      reason,
      url,
      ...tracking,
    })
    how.onEvent({ kind: 'piece-queued', rowOffset: undefined, rows: undefined, rawBytes, reason })
  } finally {
    size.close()
  }
}

async function* measure(
  chunks: AsyncIterable<Uint8Array>,
  { size, maxBytes }: { readonly size: RawSize; readonly maxBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    await size.take(chunk)
    if (size.bytes > maxBytes) throw sourceTooLarge(maxBytes)
    yield chunk
  }
  await size.end()
  if (size.bytes > maxBytes) throw sourceTooLarge(maxBytes)
}

function sourceTooLarge(maxBytes: number): KustoIngestError {
  return new KustoIngestError(
    'KUSTO_SOURCE_TOO_LARGE',
    `expected a source of at most ${maxBytes} bytes before compression, found more; nothing was ingested`,
  )
}

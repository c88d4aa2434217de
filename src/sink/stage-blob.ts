import { randomUUID } from 'node:crypto'
import type { Schema } from 'apache-arrow'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { AbortScope } from '../base/abort.ts'
import type { ByteBudget } from '../base/byte-budget.ts'
import { blobIn } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { writeBlob } from '../storage/write-blob.ts'
import type { WrittenBlob } from '../storage/write-blob.ts'
import type { BlobCut } from './cut-blobs.ts'
import type { BlobMeasures, EncodedBlob } from './encode-blob.ts'
import { encodeCut } from './encode-cut.ts'
import type { IngestionService, StagedBlob } from './ingestion-service.ts'
import type { SinkContext } from './sink-context.ts'
import { inTurn } from './try-in-turn.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

export interface StageBlobOptions {
  readonly context: SinkContext
  /** The way all blobs of this write go. */
  readonly via: IngestionService['via']
  readonly schema: Schema
  /** The table's columns, by position of the data's columns. */
  readonly columns: readonly KustoColumn[]
  readonly format: WriteFormat
  readonly settings: WriteSettings
  /** One for all blobs of a write, of one byte. */
  readonly turn: ByteBudget
  /** Time spent is added here. */
  readonly elapsed: { encode: number; upload: number }
  readonly signal: AbortSignal
  /** Told of every blob before its first byte is sent: from then on there may be something to delete. */
  readonly onUpload: (location: StorageLocation) => void
  /** Told when all of a blob is there. */
  readonly onUploaded: (location: StorageLocation) => void
}

/**
 * Encodes rows and uploads them as one blob, to the container whose account works best, or the next ones while storage
 * fails. The rows are released at the end, whatever happens.
 */
export async function stageBlob(cut: BlobCut, options: StageBlobOptions): Promise<StagedBlob> {
  try {
    return await stage(cut, options)
  } finally {
    cut.release()
  }
}

async function stage(cut: BlobCut, options: StageBlobOptions): Promise<StagedBlob> {
  const { context, via, settings, turn, elapsed } = options
  // A scope of its own for each blob: storage requests add listeners to the signal and not all of them are taken away.
  using scope = new AbortScope(options.signal)
  const { signal } = scope
  const { onEvent } = settings
  const sourceId = randomUUID()
  const tellRetry = context.tellRetry('container')
  const { schema, columns, format } = options
  const { compression, ignoreFirstRecord: hasHeader, encodeWorkers } = settings
  const encoding = { format, compression, columns, hasHeader }
  let attempt = 0
  const area = context.staging(settings, via)
  const encoded = encodeCut(cut, { schema, encoding, pool: context.encodePool(encodeWorkers), turn, signal })
  const { location, written, measures, uploadMs } = await inTurn(await area.places(signal), {
    ranks: context.ranks,
    urlOf: ({ url }) => url,
    what: `blob ${sourceId}`,
    signal,
    renew: () => area.renew(signal),
    onNext: (notice) => {
      tellRetry(notice)
      context.log.warning(`blob ${sourceId} could not be uploaded, tried again in another container`)
    },
    work: (place) => upload(cut, encoded, { ...options, signal, place, sourceId, attempt: ++attempt }),
  })
  const { rows } = cut
  const { bytes: encodedBytes, sha256, requests } = written
  elapsed.upload += uploadMs
  onEvent({ kind: 'blob-uploaded', sourceId, rows, encodedBytes, requests, elapsedMs: uploadMs })
  return { sourceId, location, rows, rawBytes: measures.rawBytes, encodedBytes, sha256 }
}

interface UploadOptions extends StageBlobOptions {
  readonly place: StorageLocation
  readonly sourceId: string
  /** From 1. Each has a name of its own: an attempt that was thought to have failed may have come through. */
  readonly attempt: number
}

interface Uploaded {
  readonly location: StorageLocation
  readonly written: WrittenBlob
  readonly measures: BlobMeasures
  readonly uploadMs: number
}

async function upload(cut: BlobCut, encoded: EncodedBlob, options: UploadOptions): Promise<Uploaded> {
  const { context, settings, signal, sourceId, attempt } = options
  const { onEvent } = settings
  const name = `${context.database}__${sourceId}${attempt === 1 ? '' : `-${attempt}`}.${encoded.extension}`
  const location = blobIn(options.place, name)
  const startedAt = performance.now()
  let encodeMs = 0
  const tellEncoded = (made: { readonly elapsedMs: number; readonly bytes: number }): void => {
    encodeMs = made.elapsedMs
    options.elapsed.encode += encodeMs
    if (attempt > 1) return
    const { rawBytes, oversizeCells, cutTimes } = encoded.measured()
    if (oversizeCells + cutTimes > 0) onEvent({ kind: 'values-at-risk', oversizeCells, cutTimes })
    onEvent({
      kind: 'blob-encoded',
      sourceId,
      rows: cut.rows,
      rawBytes,
      encodedBytes: made.bytes,
      elapsedMs: encodeMs,
    })
  }
  options.onUpload(location)
  const onRetry = context.tellRetry('upload')
  const written = await writeBlob(location, timed(encoded.chunks, tellEncoded), { signal, onRetry })
  options.onUploaded(location)
  return { location, written, measures: encoded.measured(), uploadMs: performance.now() - startedAt - encodeMs }
}

/** Passes chunks on and tells at their end how long it took to make them, and how many bytes they are. */
async function* timed(
  chunks: AsyncIterable<Uint8Array>,
  tell: (made: { readonly elapsedMs: number; readonly bytes: number }) => void,
): AsyncGenerator<Uint8Array> {
  let elapsedMs = 0
  let bytes = 0
  let startedAt = performance.now()
  for await (const chunk of chunks) {
    elapsedMs += performance.now() - startedAt
    bytes += chunk.length
    yield chunk
    startedAt = performance.now()
  }
  tell({ elapsedMs: elapsedMs + performance.now() - startedAt, bytes })
}

import { randomUUID } from 'node:crypto'
import type { Schema } from 'apache-arrow'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { AbortScope } from '../base/abort.ts'
import { KustoNetworkError } from '../errors.ts'
import { blobIn } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { writeBlob } from '../storage/write-blob.ts'
import type { BlobCut } from './cut-blobs.ts'
import { encodeCsvBlob, encodeParquetBlob } from './encode-blob.ts'
import type { BlobMeasures } from './encode-blob.ts'
import type { IngestionService, StagedBlob } from './ingestion-service.ts'
import { pickAny } from './pick-any.ts'
import type { SinkContext } from './sink-context.ts'
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
  /** Time spent is added here. */
  readonly elapsed: { encode: number; upload: number }
  readonly signal: AbortSignal
  /** Told of every blob before its first byte is sent: from then on there may be something to delete. */
  readonly onUpload: (location: StorageLocation) => void
}

/** Containers that are tried for one blob when storage fails, each with the retries of a storage request. */
const MAX_CONTAINERS = 2

/** Encodes rows and uploads them as one blob; encoded again for another try, since encoded bytes are not kept. */
export async function stageBlob(cut: BlobCut, options: StageBlobOptions): Promise<StagedBlob> {
  const { context, via, settings, elapsed } = options
  // A scope of its own for each blob: storage requests add listeners to the signal and not all of them are taken away.
  using scope = new AbortScope(options.signal)
  const { signal } = scope
  const { onEvent } = settings
  const uploaded = await context.ingestion.use(
    async ({ containers }) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await upload(cut, pickAny(containers, 'container'), { ...options, signal })
        } catch (error) {
          signal.throwIfAborted()
          const passing = error instanceof KustoNetworkError && error.retryable
          if (!passing || attempt >= MAX_CONTAINERS) throw error
          context.log.warning(`a blob could not be uploaded, tried again in another container: ${error.message}`)
        }
      }
    },
    { via, signal },
  )
  const { blob, measures, encodeMs, uploadMs } = uploaded
  const { rows, rawBytes, encodedBytes } = blob
  const { oversizeCells, cutTimes } = measures
  elapsed.encode += encodeMs
  elapsed.upload += uploadMs
  if (oversizeCells + cutTimes > 0) onEvent({ kind: 'values-at-risk', oversizeCells, cutTimes })
  onEvent({ kind: 'blob-encoded', rows, rawBytes, encodedBytes, elapsedMs: encodeMs })
  onEvent({ kind: 'blob-uploaded', rows, encodedBytes, elapsedMs: uploadMs })
  return blob
}

interface Uploaded {
  readonly blob: StagedBlob
  readonly measures: BlobMeasures
  readonly encodeMs: number
  readonly uploadMs: number
}

async function upload(cut: BlobCut, container: StorageLocation, options: StageBlobOptions): Promise<Uploaded> {
  const { context, schema, columns, format, settings, signal } = options
  const encode = format === 'csv' ? encodeCsvBlob : encodeParquetBlob
  const encoded = encode(cut, { schema, columns, compression: settings.compression, signal })
  const sourceId = randomUUID()
  const location = blobIn(container, `${context.database}__${sourceId}.${encoded.extension}`)
  const startedAt = performance.now()
  let encodeMs = 0
  options.onUpload(location)
  const encodedBytes = await writeBlob(
    location,
    timed(encoded.chunks, (ms) => (encodeMs += ms)),
    { signal },
  )
  const uploadMs = performance.now() - startedAt - encodeMs
  const measures = encoded.measured()
  const blob = { sourceId, location, rows: cut.rows, rawBytes: measures.rawBytes, encodedBytes }
  return { blob, measures, encodeMs, uploadMs }
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

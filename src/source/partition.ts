import type { RecordBatch, Schema } from 'apache-arrow'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { mapOrdered } from '../base/map-ordered.ts'
import { KustoProtocolError } from '../errors.ts'
import { readBlob } from '../storage/read-blob.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import type { BatchStream } from '../arrow/batches.ts'
import type { DecodePool } from './decode-pool.ts'
import type { ReadSettings } from './read-settings.ts'

/** A blob of an export, with the rows that the operation's details promise. */
export interface ExportedBlob {
  readonly location: StorageLocation
  readonly rows: number
  /** Bytes as the details give them; 0 when the service does not say. */
  readonly bytes: number
}

/** One part of a distributed read. Iterating it downloads and decodes its blobs; it may be iterated again. */
export interface ReadPartition extends BatchStream, AsyncIterable<RecordBatch> {
  readonly index: number
  /** Rows this partition will deliver. */
  readonly rows: number
  readonly blobs: number
}

export interface PartitionContext {
  readonly pool: DecodePool
  readonly schema: Schema
  readonly columns: readonly KustoColumn[]
  readonly settings: ReadSettings
}

export interface PartitionBlob extends ExportedBlob {
  readonly partition: number
}

/**
 * The record batches of blobs, in the order of the blobs, with `settings.workers` blobs under way at once.
 * @throws {KustoProtocolError} KUSTO_ROW_COUNT_MISMATCH when details, Parquet footer and decoded rows do not agree
 */
export async function* readBlobs(
  blobs: readonly PartitionBlob[],
  context: PartitionContext,
): AsyncGenerator<RecordBatch> {
  const { pool, columns, settings, schema } = context
  const decoded = mapOrdered(
    blobs,
    async (blob, signal) => {
      const startedAt = performance.now()
      const parquet = await readBlob(blob.location, {
        signal,
        ...(blob.bytes > 0 ? { expectedBytes: blob.bytes } : {}),
        onResume: ({ offset }) => settings.onEvent({ kind: 'download-resumed', url: blob.location.url, offset }),
      })
      const bytes = parquet.length
      const { batches, footerRows } = await pool.decode(
        { parquet, columns, types: settings.types, batchRows: settings.batchRows },
        signal,
      )
      const rows = batches.reduce((sum, batch) => sum + batch.numRows, 0)
      if (rows !== blob.rows || footerRows !== blob.rows) throw rowCountMismatch(blob, footerRows, rows)
      settings.onEvent({
        kind: 'blob-read',
        partition: blob.partition,
        rows,
        bytes,
        elapsedMs: performance.now() - startedAt,
      })
      return batches
    },
    { concurrency: settings.workers, ...(settings.signal === undefined ? {} : { signal: settings.signal }) },
  )
  for await (const batches of decoded) {
    for (const batch of batches) {
      settings.onEvent({ kind: 'batch', rows: batch.numRows })
      yield withSchema(batch, schema)
    }
  }
}

/** The same buffers under the one schema object of the read, so that batches join into a table without a cast. */
function withSchema(batch: RecordBatch, schema: Schema): RecordBatch {
  return new (batch.constructor as typeof RecordBatch)(schema, batch.data)
}

function rowCountMismatch(blob: ExportedBlob, footerRows: number, rows: number): KustoProtocolError {
  return new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected ${blob.rows} rows in ${blob.location.url} as exported, found ${footerRows} in its footer and ${rows} decoded`,
  )
}

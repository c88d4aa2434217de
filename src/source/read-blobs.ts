import type { RecordBatch, Schema } from 'apache-arrow'
import { SharedDictionaries } from '../arrow/dictionary-columns.ts'
import type { ByteBudget } from '../base/byte-budget.ts'
import { KustoProtocolError } from '../errors.ts'
import type { DecodePool, RowGroupBatches } from './decode-pool.ts'
import type { BlobFetcher, ExportedBlob } from './fetch-blob.ts'
import { readAhead } from './read-ahead.ts'
import type { PieceSource } from './read-ahead.ts'
import type { ReadSettings } from './read-settings.ts'
import type { DecodeSettings } from './thread-messages.ts'

export interface PartitionBlob extends ExportedBlob {
  readonly partition: number
}

/** What reading blobs needs beside the blobs. */
export interface BlobReadContext {
  readonly pool: () => DecodePool
  readonly fetcher: BlobFetcher
  /** Shared by all loops of one read. */
  readonly budget: ByteBudget
  readonly schema: Schema
  readonly decode: DecodeSettings
  readonly settings: Pick<ReadSettings, 'workers' | 'signal' | 'onEvent'>
}

/**
 * The record batches of blobs, in the order of the blobs, decoded row group by row group. The next blobs are downloaded
 * while threads decode; what is read ahead is bounded by the budget.
 * @throws {KustoProtocolError} KUSTO_ROW_COUNT_MISMATCH when details, Parquet footer and decoded rows do not agree
 */
export async function* readBlobs(
  blobs: readonly PartitionBlob[],
  context: BlobReadContext,
): AsyncGenerator<RecordBatch> {
  const { settings, schema, decode } = context
  const lostTicks = decode.columns.map(() => 0)
  const dictionaries = new SharedDictionaries()
  const groups = readAhead(blobs, (blob, signal) => openBlob(blob, context, signal), {
    // One more than there are threads, so that a download goes on while all of them decode.
    lanes: settings.workers + 1,
    piecesAtOnce: settings.workers,
    budget: context.budget,
    openBytes: (blob) => blob.bytes,
    signal: settings.signal,
  })
  for await (const group of groups) {
    for (const [index, values] of group.lostTicks.entries()) lostTicks[index] = (lostTicks[index] ?? 0) + values
    for (const batch of group.batches) {
      settings.onEvent({ kind: 'batch', rows: batch.numRows })
      yield dictionaries.join(withSchema(batch, schema))
    }
  }
  for (const [index, values] of lostTicks.entries()) {
    if (values > 0) settings.onEvent({ kind: 'ticks-lost', column: decode.columns[index]?.name ?? '', values })
  }
}

async function openBlob(
  blob: PartitionBlob,
  { pool, fetcher, decode, settings }: BlobReadContext,
  signal: AbortSignal,
): Promise<PieceSource<RowGroupBatches>> {
  const startedAt = performance.now()
  const { bytes: parquet, verified, requests } = await fetcher.fetch(blob, { signal, onEvent: settings.onEvent })
  const bytes = parquet.length
  const downloadMs = performance.now() - startedAt
  settings.onEvent({ kind: 'blob-downloaded', partition: blob.partition, bytes, requests, elapsedMs: downloadMs })
  const file = await pool().open(parquet, decode, signal)
  const inGroups = file.rowGroups.reduce((sum, group) => sum + group.rows, 0)
  if (file.rows !== blob.rows || inGroups !== blob.rows) {
    file.close()
    throw rowCountMismatch(blob, `${file.rows} in its footer, ${inGroups} in its row groups`)
  }
  let rows = 0
  let decodedGroups = 0
  return {
    pieceBytes: file.rowGroups.map((group) => group.bytes),
    async read(rowGroup, inner) {
      const askedAt = performance.now()
      const group = await file.read(rowGroup, inner)
      rows += group.rows
      decodedGroups++
      const decodeMs = performance.now() - askedAt
      settings.onEvent({ kind: 'row-group-decoded', partition: blob.partition, rows: group.rows, elapsedMs: decodeMs })
      // Row groups need not end in the order in which they began.
      if (decodedGroups === file.rowGroups.length) {
        if (rows !== blob.rows) throw rowCountMismatch(blob, `${rows} decoded`)
        const elapsedMs = performance.now() - startedAt
        settings.onEvent({ kind: 'blob-read', partition: blob.partition, rows, bytes, verified, elapsedMs })
      }
      return group
    },
    close: () => file.close(),
  }
}

/** The same buffers under the one schema object of the read, so that batches join into a table without a cast. */
function withSchema(batch: RecordBatch, schema: Schema): RecordBatch {
  return new (batch.constructor as typeof RecordBatch)(schema, batch.data)
}

function rowCountMismatch(blob: ExportedBlob, found: string): KustoProtocolError {
  return new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected ${blob.rows} rows in ${blob.location.url} as exported, found ${found}`,
  )
}

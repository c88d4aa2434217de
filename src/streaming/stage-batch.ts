import { ingestionProperties } from '../sink/blob-format.ts'
import { cutBlobs } from '../sink/cut-blobs.ts'
import type { BlobCut } from '../sink/cut-blobs.ts'
import { encodeCut } from '../sink/encode-cut.ts'
import { KustoProtocolError } from '../errors.ts'
import type { SchemaPlan } from '../sink/plan-schema.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import type { WriteSettings } from '../sink/write-settings.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { SendOptions } from './batch-sink.ts'
import { each } from './queued-batch-sink.ts'
import type { QueuedSetup } from './queued-batch-sink.ts'
import { hashOf } from './wal-records.ts'
import type { EntryRecord } from './wal-records.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface StageBatchOptions extends Pick<SendOptions, 'point' | 'signal'> {
  readonly log: WriteAheadLog
  readonly write: WriteSettings
}

/** Encodes a batch into the log, as the one blob that it will be. */
export async function stageBatch(
  context: SinkContext,
  { setup, batches, bytes, rows }: SealedBatch<QueuedSetup>,
  { log, write, point, signal }: StageBatchOptions,
): Promise<EntryRecord> {
  const { format, columns } = setup.write
  const { compression, ignoreFirstRecord: hasHeader, encodeWorkers } = write
  const settings = { maxBlobBytes: Infinity, maxBufferedBytes: Math.max(1, bytes), signal }
  const cut = await onlyCut(cutBlobs(each(batches), settings), rows)
  try {
    const encoded = encodeCut(cut, {
      schema: setup.schema,
      encoding: { format, compression, columns, hasHeader },
      pool: context.encodePool(encodeWorkers),
      signal,
    })
    const entry = await log.append(
      {
        chunks: encoded.chunks,
        extension: encoded.extension,
        entry: () => ({
          rows,
          rawBytes: encoded.measured().rawBytes,
          properties: ingestionProperties(planFor(log, setup), format, write),
          schema: hashOf(setup.schema.fields.map(String).join()),
          ...point,
        }),
      },
      signal,
    )
    const { oversizeCells, cutTimes } = encoded.measured()
    if (oversizeCells + cutTimes > 0) write.onEvent({ kind: 'values-at-risk', oversizeCells, cutTimes })
    return entry
  } finally {
    cut.release()
  }
}

/** A staging table has no stored mappings, so what one says goes along. */
function planFor({ stream }: Pick<WriteAheadLog, 'stream'>, { write: { plan } }: QueuedSetup): SchemaPlan {
  const { mapping } = plan
  if (mapping === undefined || stream.commit !== 'staging-table') return plan
  return { ...plan, mapping: { ...mapping, reference: undefined } }
}

/** What is staged and the entry that names it must not differ: then the cut has all rows, and there is no other. */
export async function onlyCut(cuts: AsyncGenerator<BlobCut>, rows: number): Promise<BlobCut> {
  const { value: cut } = (await cuts.next()) as { readonly value?: BlobCut }
  // The next one is asked for only then: it would wait for the memory that this one holds.
  const isWhole = cut !== undefined && cut.rows === rows
  if (isWhole && (await cuts.next()).done === true) return cut
  cut?.release()
  await cuts.return(undefined)
  throw new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected the ${rows} rows of a batch in one blob, found ${cut?.rows ?? 0} in the first`,
  )
}

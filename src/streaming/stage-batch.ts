import { ingestionProperties } from '../sink/blob-format.ts'
import { cutBlobs } from '../sink/cut-blobs.ts'
import { encodeCut } from '../sink/encode-cut.ts'
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
  { setup, batches, bytes, rows, sequence }: SealedBatch<QueuedSetup>,
  { log, write, point, signal }: StageBatchOptions,
): Promise<EntryRecord> {
  const { plan, format, columns } = setup.write
  const { compression, ignoreFirstRecord: hasHeader, encodeWorkers } = write
  const settings = { ...write, maxBlobBytes: Math.max(1, bytes), maxBufferedBytes: Math.max(1, bytes), signal }
  const { value: cut } = await cutBlobs(each(batches), settings).next()
  if (cut === undefined) throw new Error(`expected rows in batch ${sequence}, found none`)
  try {
    const encoded = encodeCut(cut, {
      schema: setup.schema,
      encoding: { format, compression, columns, hasHeader },
      pool: context.encodePool(encodeWorkers),
      signal,
    })
    return await log.append(
      {
        chunks: encoded.chunks,
        extension: encoded.extension,
        entry: () => ({
          rows,
          rawBytes: encoded.measured().rawBytes,
          properties: ingestionProperties(plan, format, write),
          schema: hashOf(setup.schema.fields.map(String).join()),
          ...point,
        }),
      },
      signal,
    )
  } finally {
    cut.release()
  }
}

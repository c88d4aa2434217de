import type { RecordBatch, Schema } from 'apache-arrow'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import { exportPartitions } from './export-partitions.ts'
import { BlobFetcher } from './fetch-blob.ts'
import { partitionOf } from './partition.ts'
import type { ReadPartition } from './partition.ts'
import { readBlobs } from './read-blobs.ts'
import type { BlobReadContext, PartitionBlob } from './read-blobs.ts'
import { fetchColumns } from './read-schema.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

/** An export that is done and can be read, by partition or as a whole, until it is released. */
export interface DistributedRead {
  readonly schema: Schema
  readonly operationIds: readonly string[]
  /** The prefix of all its blobs, below their containers. */
  readonly directory: string
  readonly rows: number
  readonly partitions: readonly ReadPartition[]
  /** The blobs of each partition. */
  readonly blobs: readonly (readonly PartitionBlob[])[]
  readonly context: BlobReadContext
  /** All rows, partition by partition. */
  batches(): AsyncGenerator<RecordBatch>
  /**
   * Deletes the blobs, unless `keepBlobs`. Calling it again does nothing. Whoever was aborted waits a second at most, and
   * whoever gives a limit no longer than that; the rest goes on by itself.
   */
  release(signal?: AbortSignal, limitMs?: number): Promise<void>
}

/** Exports the query's rows to blobs and shares them out over partitions. */
export async function openDistributed(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<DistributedRead> {
  const columns = await fetchColumns(context, source, settings)
  const schema = arrowSchema(columns, settings.types)
  // Started early: the threads load their decoder while the service exports.
  context.decodePool(settings.workers)
  const exported = await exportPartitions(context, source, { columns, settings })
  const { directory, operationIds, rows, partitions: blobs } = exported
  const blobContext: BlobReadContext = {
    pool: () => context.decodePool(settings.workers),
    fetcher: new BlobFetcher((signal) => context.exportStorage(settings.storage).renew(signal)),
    budget: new ByteBudget(settings.maxBufferedBytes),
    schema,
    decode: { columns, types: settings.types, batchRows: settings.batchRows },
    settings,
  }
  let released = settings.keepBlobs
  return {
    schema,
    operationIds,
    directory,
    rows,
    blobs,
    context: blobContext,
    partitions: blobs.map((members, index) => partitionOf(index, members, blobContext)),
    batches: () => readBlobs(blobs.flat(), blobContext),
    async release(signal, limitMs = Infinity) {
      if (released) return
      released = true
      const remove = async (stop: AbortSignal): Promise<void> => {
        const { removed, failures } = await removeBlobs(
          blobs.flat().map((blob) => blob.location),
          { renew: () => context.exportStorage(settings.storage).renew(stop), signal: stop },
        )
        for (const failure of failures) context.log.warning(`an exported blob is left: ${String(failure)}`)
        settings.onEvent({ kind: 'blobs-removed', removed, failed: failures.length, directory })
      }
      await context.sweeps.remove(remove, { signal, limitMs })
    },
  }
}

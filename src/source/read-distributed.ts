import type { RecordBatch, Schema } from 'apache-arrow'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import { packPartitions } from './pack-partitions.ts'
import { readBlobs } from './partition.ts'
import type { PartitionBlob, PartitionContext, ReadPartition } from './partition.ts'
import { fetchColumns } from './read-schema.ts'
import type { ReadSettings } from './read-settings.ts'
import { runExport } from './run-export.ts'
import type { SourceContext } from './source-context.ts'
import { exportQuery } from './source-query.ts'
import type { SourceQuery } from './source-query.ts'

/** An export that is done and can be read, by partition or as a whole, until it is released. */
export interface DistributedRead {
  readonly schema: Schema
  readonly operationId: string
  readonly rows: number
  readonly partitions: readonly ReadPartition[]
  /** All rows, partition by partition. */
  batches(): AsyncGenerator<RecordBatch>
  /** Deletes the blobs, unless `keepBlobs`. Calling it again does nothing. */
  release(): Promise<void>
}

/** Exports the query's rows to blobs and shares them out over `settings.partitions` partitions. */
export async function openDistributed(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<DistributedRead> {
  const columns = await fetchColumns(context, source, settings)
  const schema = arrowSchema(columns, settings.types)
  const pool = context.decodePool(settings.workers)
  const outcome = await runExport(context, exportQuery(source, columns, settings.types), settings)
  const sized = outcome.blobs.map((blob) => ({
    ...blob,
    url: blob.location.url,
    bytes: blob.bytes > 0 ? blob.bytes : blob.rows,
  }))
  const known = new Map(outcome.blobs.map((blob) => [blob.location.url, blob]))
  const packed = packPartitions(sized, settings.partitions).map((members, partition) =>
    members.flatMap((member): readonly PartitionBlob[] => {
      const blob = known.get(member.url)
      return blob === undefined ? [] : [{ ...blob, partition }]
    }),
  )
  const partitionContext: PartitionContext = { pool, schema, columns, settings }
  let released = settings.keepBlobs
  return {
    schema,
    operationId: outcome.operationId,
    rows: outcome.blobs.reduce((sum, blob) => sum + blob.rows, 0),
    partitions: packed.map((blobs, index) => partitionOf(index, blobs, partitionContext)),
    batches: () => readBlobs(packed.flat(), partitionContext),
    async release() {
      if (released) return
      released = true
      const { removed, failures } = await removeBlobs(outcome.blobs.map((blob) => blob.location))
      for (const failure of failures) context.log.warning(`an exported blob is left: ${String(failure)}`)
      settings.onEvent({ kind: 'blobs-removed', removed, failed: failures.length, directory: outcome.directory })
    },
  }
}

function partitionOf(index: number, blobs: readonly PartitionBlob[], context: PartitionContext): ReadPartition {
  const batches = { [Symbol.asyncIterator]: () => readBlobs(blobs, context) }
  return {
    index,
    schema: context.schema,
    rows: blobs.reduce((sum, blob) => sum + blob.rows, 0),
    blobs: blobs.length,
    batches,
    ...batches,
  }
}

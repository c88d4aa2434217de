import type { RecordBatch } from 'apache-arrow'
import type { BatchStream } from '../arrow/batches.ts'
import { readBlobs } from './read-blobs.ts'
import type { BlobReadContext, PartitionBlob } from './read-blobs.ts'

/** One part of a distributed read. Iterating it downloads and decodes its blobs; it may be iterated again. */
export interface ReadPartition extends BatchStream, AsyncIterable<RecordBatch> {
  readonly index: number
  /** Rows this partition will deliver. */
  readonly rows: number
  readonly blobs: number
}

export function partitionOf(index: number, blobs: readonly PartitionBlob[], context: BlobReadContext): ReadPartition {
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

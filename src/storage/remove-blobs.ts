import pLimit from 'p-limit'
import { blobClient } from './blob-client.ts'
import { storageError } from './storage-error.ts'
import type { StorageLocation } from './storage-location.ts'

/** Deletes running at once. */
const CONCURRENCY = 8

export interface RemovedBlobs {
  readonly removed: number
  /** One error per blob that is still there. */
  readonly failures: readonly unknown[]
}

/** Deletes the blobs that are still there; a blob already gone counts as removed. Never throws: what failed is returned. */
export async function removeBlobs(blobs: readonly StorageLocation[]): Promise<RemovedBlobs> {
  const limit = pLimit(CONCURRENCY)
  const failures: unknown[] = []
  await Promise.all(
    blobs.map((blob) =>
      limit(async () => {
        try {
          await blobClient(blob).deleteIfExists({ deleteSnapshots: 'include' })
        } catch (cause) {
          failures.push(storageError('delete', blob.url, cause))
        }
      }),
    ),
  )
  return { removed: blobs.length - failures.length, failures }
}

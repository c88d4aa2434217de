import pLimit from 'p-limit'
import { blobClient, containerClient } from './blob-client.ts'
import { storageError } from './storage-error.ts'
import { blobIn } from './storage-location.ts'
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

/**
 * Deletes every blob below `directory` in a container, whatever its name: for what is left of a failed export, whose
 * details never came. Needs the right to list.
 */
export async function removeDirectory(container: StorageLocation, directory: string): Promise<RemovedBlobs> {
  const found: StorageLocation[] = []
  try {
    for await (const blob of containerClient(container).listBlobsFlat({ prefix: `${directory}/` })) {
      found.push(blobIn(container, blob.name))
    }
  } catch (cause) {
    return { removed: 0, failures: [storageError('list', `${container.url}/${directory}`, cause)] }
  }
  return removeBlobs(found)
}

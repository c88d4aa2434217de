import type { BlobItem } from '@azure/storage-blob'
import { listingClient } from './blob-client.ts'
import type { StorageLocation } from './storage-location.ts'
import { tryStorage } from './try-storage.ts'

/** What one page of a listing may take. */
const LIMIT_MS = 30_000

export interface ListBlobsOptions {
  /** Names begin with it; storage has no folders. */
  readonly prefix: string
  readonly includeMetadata?: boolean
  readonly signal?: AbortSignal | undefined
  /** What one try of a page may take. Default 30,000. */
  readonly limitMs?: number | undefined
}

/**
 * The blobs of a container, page by page as storage gives them, up to 5,000 at once. Each page is asked for anew where no
 * answer comes in time. `container` has no path below it.
 */
export async function* listBlobs(
  container: StorageLocation,
  { prefix, includeMetadata = false, signal, limitMs = LIMIT_MS }: ListBlobsOptions,
): AsyncGenerator<readonly BlobItem[], void, undefined> {
  const client = listingClient(container)
  let marker: string | undefined
  do {
    const continuation = marker === undefined ? {} : { continuationToken: marker }
    const page = await tryStorage(
      async (abortSignal) => client.listBlobsFlat({ prefix, includeMetadata, abortSignal }).byPage(continuation).next(),
      { limitMs, signal },
    )
    if (page.done === true) return
    yield page.value.segment.blobItems
    marker = page.value.continuationToken
  } while (marker !== undefined && marker !== '')
}

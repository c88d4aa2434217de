import { KustoProtocolError } from '../errors.ts'
import { blobClient } from './blob-client.ts'
import { storageError } from './storage-error.ts'
import type { StorageLocation } from './storage-location.ts'
import { tryStorage } from './try-storage.ts'

/** What one try may take. */
const LIMIT_MS = 30_000

/** Which version of a blob there is. */
export interface BlobVersion {
  readonly etag: string
  readonly bytes: number
}

export interface StatBlobOptions {
  readonly signal?: AbortSignal | undefined
  /** What one try may take. Default 30,000. */
  readonly limitMs?: number
}

/** Asks storage for the version of a blob, without reading it. */
export async function statBlob(
  location: StorageLocation,
  { signal, limitMs = LIMIT_MS }: StatBlobOptions = {},
): Promise<BlobVersion> {
  const client = blobClient(location)
  try {
    const found = await tryStorage((abortSignal) => client.getProperties({ abortSignal }), { limitMs, signal })
    const { etag, contentLength } = found
    if (etag !== undefined && contentLength !== undefined) return { etag, bytes: contentLength }
  } catch (cause) {
    signal?.throwIfAborted()
    throw storageError('look at', location.url, cause)
  }
  throw new KustoProtocolError('KUSTO_BLOB_WITHOUT_LENGTH', `storage gave no ETag or length for ${location.url}`)
}

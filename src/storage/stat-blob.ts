import { KustoProtocolError } from '../errors.ts'
import { blobClient } from './blob-client.ts'
import { storageError } from './storage-error.ts'
import type { StorageLocation } from './storage-location.ts'

/** Which version of a blob there is. */
export interface BlobVersion {
  readonly etag: string
  readonly bytes: number
}

/** Asks storage for the version of a blob, without reading it. */
export async function statBlob(location: StorageLocation, signal?: AbortSignal): Promise<BlobVersion> {
  try {
    const found = await blobClient(location).getProperties(signal === undefined ? {} : { abortSignal: signal })
    const { etag, contentLength } = found
    if (etag !== undefined && contentLength !== undefined) return { etag, bytes: contentLength }
  } catch (cause) {
    signal?.throwIfAborted()
    throw storageError('look at', location.url, cause)
  }
  throw new KustoProtocolError('KUSTO_BLOB_WITHOUT_LENGTH', `storage gave no ETag or length for ${location.url}`)
}

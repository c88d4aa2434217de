import { KustoNetworkError, KustoProtocolError } from '../errors.ts'
import { blobClient } from './blob-client.ts'
import type { StorageLocation } from './storage-location.ts'
import { statusOf, storageError } from './storage-error.ts'

export interface ReadBlobOptions {
  readonly signal?: AbortSignal
  /** Length the blob must have, in bytes. */
  readonly expectedBytes?: number
  /** A read that receives no byte for this long is broken off and resumed. Default 30,000. */
  readonly idleTimeoutMs?: number
  /** How often a broken body is resumed from where it stopped. Default 5. */
  readonly maxResumes?: number
  readonly onResume?: (event: { readonly offset: number; readonly reason: unknown }) => void
}

const IDLE_TIMEOUT_MS = 30_000
const MAX_RESUMES = 5

/**
 * The whole blob in memory.
 * A body that is reset, stalls or ends early is resumed by byte range from where it stopped; the first answer's ETag is
 * demanded of every later one, so that bytes of two versions are never joined.
 * @throws {KustoNetworkError} KUSTO_BLOB_UNREADABLE when the resumes are used up
 * @throws {KustoProtocolError} KUSTO_BLOB_CHANGED when the blob changed while it was read
 */
export async function readBlob(
  location: StorageLocation,
  options: ReadBlobOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const client = blobClient(location)
  const maxResumes = options.maxResumes ?? MAX_RESUMES
  let bytes: Uint8Array<ArrayBuffer> | undefined
  let etag: string | undefined
  let offset = 0
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted()
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    try {
      const answer = await client.download(offset, undefined, {
        abortSignal: signal,
        conditions: etag === undefined ? {} : { ifMatch: etag },
        // Resuming is done here: the SDK's own retries restart a stalled stream only after minutes.
        maxRetryRequests: 0,
      })
      etag ??= answer.etag
      bytes ??= new Uint8Array(wholeLength(answer.contentLength, location, options.expectedBytes))
      const body = answer.readableStreamBody
      if (body === undefined) throw new Error('the answer has no body')
      offset = await fill(
        bytes,
        offset,
        body as AsyncIterable<Uint8Array>,
        stop,
        options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
        (at) => {
          offset = at
        },
      )
      if (offset === bytes.length) return bytes
      throw new Error(`the body ended after ${offset} of ${bytes.length} bytes`)
    } catch (reason) {
      options.signal?.throwIfAborted()
      const status = statusOf(reason)
      if (status === 412) {
        throw new KustoProtocolError('KUSTO_BLOB_CHANGED', `the blob ${location.url} changed while it was read`, {
          cause: reason,
          offset,
        })
      }
      if (
        reason instanceof KustoProtocolError ||
        (status !== undefined && status < 500 && status !== 408 && status !== 429)
      ) {
        throw storageError('read', location.url, reason)
      }
      if (attempt >= maxResumes) {
        throw new KustoNetworkError(
          'KUSTO_BLOB_UNREADABLE',
          `could not read ${location.url}: stopped at byte ${offset} after ${attempt + 1} attempts`,
          { cause: reason, retryable: true },
        )
      }
      options.onResume?.({ offset, reason })
    }
  }
}

function wholeLength(found: number | undefined, location: StorageLocation, expected: number | undefined): number {
  if (found === undefined) {
    throw new KustoProtocolError('KUSTO_BLOB_WITHOUT_LENGTH', `storage gave no length for ${location.url}`)
  }
  if (expected !== undefined && found !== expected) {
    throw new KustoProtocolError('KUSTO_BLOB_CHANGED', `expected ${expected} bytes in ${location.url}, found ${found}`)
  }
  return found
}

async function fill(
  target: Uint8Array,
  start: number,
  body: AsyncIterable<Uint8Array>,
  stop: AbortController,
  idleTimeoutMs: number,
  onBytes: (offset: number) => void,
): Promise<number> {
  let offset = start
  const stall = (): void => stop.abort(new Error(`no byte for ${idleTimeoutMs} ms`))
  let timer = setTimeout(stall, idleTimeoutMs)
  try {
    for await (const chunk of body) {
      if (offset + chunk.length > target.length) throw new Error('the body is longer than announced')
      target.set(chunk, offset)
      offset += chunk.length
      onBytes(offset)
      clearTimeout(timer)
      timer = setTimeout(stall, idleTimeoutMs)
    }
    return offset
  } finally {
    clearTimeout(timer)
  }
}

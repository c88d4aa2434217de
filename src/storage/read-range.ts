import { Readable } from 'node:stream'
import { RestError } from '@azure/storage-blob'
import type { BlobDownloadResponseParsed, BlockBlobClient } from '@azure/storage-blob'
import { AbortScope } from '../base/abort.ts'
import { delayBoundMs } from '../base/retry.ts'
import type { RetryPolicy } from '../base/retry.ts'
import { sleep } from '../base/sleep.ts'
import { KustoError, KustoNetworkError, KustoProtocolError } from '../errors.ts'
import { retryAfterMs } from './retry-after.ts'
import { statusOf, storageError } from './storage-error.ts'

/** Bytes `[start, end)` of a blob; the end may lie behind the blob's. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface RangeRequest {
  /** For errors and events; without query string. */
  readonly url: string
  /** The client to ask now; another one once access was renewed. */
  readonly client: () => BlockBlobClient
  readonly range: ByteRange
  /** Demanded of the answer. */
  readonly etag: string | undefined
  /** Ask for the MD5 of the range, which storage gives for at most 4 MiB. */
  readonly withMd5: boolean
  /** Where the bytes go, given the first answer: a place of the length the answer has. */
  readonly target: (answer: BlobDownloadResponseParsed) => Uint8Array
  /** Gets other access than the refused client's; false when there is none. */
  readonly renew: (refused: BlockBlobClient) => Promise<boolean>
  readonly signal: AbortSignal
  readonly idleTimeoutMs: number
  readonly maxResumes: number
  readonly onResume: (event: { readonly offset: number; readonly reason: unknown }) => void
}

/** A range that has arrived whole. */
export interface ReceivedRange {
  readonly bytes: Uint8Array
  /** Of these bytes, when storage gave one. */
  readonly md5: Uint8Array | undefined
}

/** Waits between attempts that brought nothing; full jitter. One that brought bytes is resumed at once. */
const RESUME: RetryPolicy = { maxAttempts: 1, firstDelayMs: 200, factor: 2, maxDelayMs: 10_000 }
const NOTHING = new Uint8Array(0)
/** Storage that wants a longer rest gets the error instead. */
const MAX_RETRY_AFTER_MS = 300_000

/**
 * One range of a blob. A body that is reset, stalls or ends early is resumed from where it stopped; 408, 429 and 5xx are
 * asked again after a while, no sooner than Retry-After says.
 * @throws {KustoNetworkError} KUSTO_BLOB_UNREADABLE when the resumes are used up
 * @throws {KustoProtocolError} KUSTO_BLOB_CHANGED when storage has another version than the one asked for
 */
export async function readRange(request: RangeRequest): Promise<ReceivedRange> {
  const { range, signal } = request
  const state: RangeState = {
    etag: request.etag,
    bytes: undefined,
    filled: 0,
    asksMd5: request.withMd5,
    md5: undefined,
  }
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted()
    const before = state.filled
    const client = request.client()
    try {
      await receive(client, request, state)
      if (state.bytes !== undefined && state.filled === state.bytes.length)
        return { bytes: state.bytes, md5: state.md5 }
      throw new Error(`the body ended after ${state.filled} of ${state.bytes?.length ?? 0} bytes`)
    } catch (error) {
      signal.throwIfAborted()
      const offset = range.start + state.filled
      const status = statusOf(error)
      // A blob without a byte has no first range.
      if (status === 416 && range.start === 0 && state.bytes === undefined) return { bytes: NOTHING, md5: undefined }
      if ((status === 401 || status === 403) && (await request.renew(client))) continue
      // Storage that does not know the header for checksums is asked without it.
      if (status === 400 && state.asksMd5) {
        state.asksMd5 = false
        continue
      }
      // The SDK's errors hold the signed URL.
      const reason = error instanceof RestError ? storageError('read', request.url, error) : error
      if (isPermanent(reason, status, request.url, offset)) throw reason
      const afterMs = retryAfterMs(error) ?? 0
      if (attempt >= request.maxResumes || afterMs > MAX_RETRY_AFTER_MS)
        throw unreadable(request.url, offset, attempt, reason)
      request.onResume({ offset, reason })
      const pauseMs = state.filled > before ? 0 : Math.random() * delayBoundMs(attempt + 1, RESUME)
      if (afterMs + pauseMs > 0) await sleep(afterMs + pauseMs, signal)
    }
  }
}

interface RangeState {
  etag: string | undefined
  bytes: Uint8Array | undefined
  filled: number
  asksMd5: boolean
  md5: Uint8Array | undefined
}

/** One request. The idle timer runs from its start, so that an answer that never comes ends as well. */
async function receive(client: BlockBlobClient, request: RangeRequest, state: RangeState): Promise<void> {
  const { range, idleTimeoutMs } = request
  using scope = new AbortScope(request.signal)
  const watch = (): void => scope.limit(idleTimeoutMs, () => new Error(`no byte for ${idleTimeoutMs} ms`))
  watch()
  const end = state.bytes === undefined ? range.end : range.start + state.bytes.length
  const offset = range.start + state.filled
  const answer = await client.download(offset, end - offset, {
    abortSignal: scope.signal,
    conditions: state.etag === undefined ? {} : { ifMatch: state.etag },
    // Only the first answer is for the whole range; its MD5 stays good for what later ones bring, as the ETag is the same.
    rangeGetContentMD5: state.asksMd5 && state.bytes === undefined,
    // Resuming is done here: the SDK's own retries restart a stalled stream only after minutes.
    maxRetryRequests: 0,
  })
  const body = answer.readableStreamBody
  try {
    // A proxy on the way may drop the range: then all of the blob comes.
    const from = Number(/^bytes (\d+)-/.exec(answer.contentRange ?? '')?.[1] ?? 0)
    if (from !== offset) throw new Error(`the answer begins at byte ${from}`)
    if (state.bytes === undefined) {
      state.etag ??= answer.etag
      state.bytes = request.target(answer)
      state.md5 = answer.contentMD5
    }
  } catch (error) {
    // Ends the connection of an answer that nobody reads.
    if (body instanceof Readable) body.destroy()
    throw error
  }
  if (body === undefined) throw new Error('the answer has no body')
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (state.filled + chunk.length > state.bytes.length) throw new Error('the body is longer than announced')
    state.bytes.set(chunk, state.filled)
    state.filled += chunk.length
    watch()
  }
}

/** Whether asking again is of no use. */
function isPermanent(reason: unknown, status: number | undefined, url: string, offset: number): boolean {
  if (status === 412) {
    throw new KustoProtocolError('KUSTO_BLOB_CHANGED', `the blob ${url} changed while it was read`, { offset })
  }
  return reason instanceof KustoError && !reason.retryable
}

function unreadable(url: string, offset: number, attempt: number, cause: unknown): KustoNetworkError {
  return new KustoNetworkError(
    'KUSTO_BLOB_UNREADABLE',
    `could not read ${url}: stopped at byte ${offset} after ${attempt + 1} attempts`,
    { cause, retryable: true },
  )
}

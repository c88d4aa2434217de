import type { BlobDownloadResponseParsed, BlockBlobClient } from '@azure/storage-blob'
import { mapOrdered } from '../base/map-ordered.ts'
import { KustoProtocolError } from '../errors.ts'
import { blobClient } from './blob-client.ts'
import { canHashMd5, checkMd5 } from './checksum.ts'
import type { VerifiedBy } from './checksum.ts'
import { readRange } from './read-range.ts'
import type { ByteRange, RangeRequest, ReceivedRange } from './read-range.ts'
import type { StorageLocation } from './storage-location.ts'

export interface ReadBlobOptions {
  readonly signal?: AbortSignal
  /** Length the blob must have, in bytes. */
  readonly expectedBytes?: number
  /** ETag the blob must have. Default: any, and from then on the first answer's. */
  readonly expectedEtag?: string
  /** A request that receives no byte for this long is broken off and resumed. Default 30,000. */
  readonly idleTimeoutMs?: number
  /** How often a broken range is resumed from where it stopped. Default 5. */
  readonly maxResumes?: number
  /** Ranges of a large blob under way at once. Default 4. */
  readonly concurrency?: number
  readonly onResume?: (event: { readonly offset: number; readonly reason: unknown }) => void
  /** Called when a range is asked for the first time; resumes come on top. */
  readonly onRange?: () => void
  /** The location with fresh access, asked for once when storage refuses; undefined when there is none. */
  readonly renew?: (signal: AbortSignal) => Promise<StorageLocation | undefined>
}

export interface DownloadedBlob {
  /** In memory that threads can share. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  readonly etag: string | undefined
  /** `none` when storage gave no checksum. */
  readonly verified: VerifiedBy
}

const IDLE_TIMEOUT_MS = 30_000
const MAX_RESUMES = 5
const CONCURRENCY = 4
const MIB = 1024 * 1024
/** Storage computes the MD5 of a range up to this long. */
const CHECKED_RANGE_BYTES = 4 * MIB
/** Where ranges have no MD5 of their own, because the whole blob's is stored or storage gives none, they may be longer. */
const PLAIN_RANGE_BYTES = 8 * MIB

/** The bytes of {@link downloadBlob}. */
export async function readBlob(
  location: StorageLocation,
  options: ReadBlobOptions = {},
): Promise<Uint8Array<SharedArrayBuffer>> {
  return (await downloadBlob(location, options)).bytes
}

/**
 * The whole blob in memory, and whether its bytes were compared with a checksum of storage's: the MD5 stored with the
 * blob, or those storage computes for ranges. A large blob comes in ranges side by side. The first answer's ETag is
 * demanded of every later one, so that bytes of two versions are never joined.
 * @throws {KustoNetworkError} KUSTO_BLOB_UNREADABLE when the resumes are used up
 * @throws {KustoProtocolError} KUSTO_BLOB_CHANGED when the blob changed while it was read; KUSTO_CHECKSUM_MISMATCH
 */
export async function downloadBlob(location: StorageLocation, options: ReadBlobOptions = {}): Promise<DownloadedBlob> {
  const download = new Download(location, options)
  try {
    return await download.run()
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  }
}

class Download {
  readonly #location: StorageLocation
  readonly #options: ReadBlobOptions
  readonly #withMd5 = canHashMd5()
  readonly #original: BlockBlobClient
  #client: BlockBlobClient
  #renewal: Promise<StorageLocation | undefined> | undefined
  #blob:
    | {
        readonly bytes: Uint8Array<SharedArrayBuffer>
        readonly etag: string | undefined
        readonly md5: Uint8Array | undefined
      }
    | undefined

  constructor(location: StorageLocation, options: ReadBlobOptions) {
    this.#location = location
    this.#options = options
    this.#original = blobClient(location)
    this.#client = this.#original
  }

  async run(): Promise<DownloadedBlob> {
    const signal = this.#options.signal ?? new AbortController().signal
    const { expectedBytes, expectedEtag } = this.#options
    if (expectedBytes === 0) return { bytes: sharedBytes(0), etag: expectedEtag, verified: 'none' }
    const first = await this.#range({ start: 0, end: CHECKED_RANGE_BYTES }, this.#withMd5, signal)
    const blob = this.#blob
    if (blob === undefined) {
      // Nothing was placed: the blob has no first byte.
      if (expectedBytes !== undefined) throw otherLength(this.#location.url, expectedBytes, 0)
      return { bytes: sharedBytes(0), etag: undefined, verified: 'none' }
    }
    const { bytes, etag, md5 } = blob
    const stored = this.#withMd5 ? md5 : undefined
    const withMd5 = this.#withMd5 && stored === undefined && first.md5 !== undefined
    const step = withMd5 ? CHECKED_RANGE_BYTES : PLAIN_RANGE_BYTES
    const received = [first]
    const rest = mapOrdered(
      ranges(first.bytes.length, bytes.length, step),
      async (range, inner) => this.#range(range, withMd5, inner),
      { concurrency: this.#options.concurrency ?? CONCURRENCY, signal },
    )
    for await (const range of rest) received.push(range)
    if (stored !== undefined) {
      await checkMd5(bytes, stored, this.#location.url)
      return { bytes, etag, verified: 'md5' }
    }
    const verified = received.every((range) => range.md5 !== undefined) ? 'md5' : 'none'
    return { bytes, etag, verified: this.#withMd5 ? verified : 'none' }
  }

  async #range(range: ByteRange, withMd5: boolean, signal: AbortSignal): Promise<ReceivedRange> {
    const { idleTimeoutMs = IDLE_TIMEOUT_MS, maxResumes = MAX_RESUMES, onResume = () => undefined } = this.#options
    const request: RangeRequest = {
      url: this.#location.url,
      client: () => this.#client,
      range,
      etag: this.#blob?.etag ?? this.#options.expectedEtag,
      withMd5,
      target: (answer) => this.#place(range, answer),
      renew: (refused) => this.#renew(refused, signal),
      signal,
      idleTimeoutMs,
      maxResumes,
      onResume,
    }
    this.#options.onRange?.()
    const received = await readRange(request)
    if (withMd5 && received.md5 !== undefined) {
      const end = range.start + received.bytes.length
      await checkMd5(received.bytes, received.md5, `bytes ${range.start} to ${end} of ${this.#location.url}`)
    }
    return received
  }

  /** Where a range's bytes go. The first answer says how long the blob is, and makes room for all of it. */
  #place(range: ByteRange, answer: BlobDownloadResponseParsed): Uint8Array {
    const { url } = this.#location
    const total = totalLength(answer, url)
    if (this.#blob === undefined) {
      const expected = this.#options.expectedBytes
      if (expected !== undefined && total !== expected) {
        throw otherLength(url, expected, total)
      }
      // Storage repeats the stored MD5 in a header of its own when the answer is a part.
      const md5 = answer.blobContentMD5 ?? (answer.contentRange === undefined ? answer.contentMD5 : undefined)
      this.#blob = { bytes: sharedBytes(total), etag: answer.etag, md5 }
    }
    const { bytes } = this.#blob
    if (total !== bytes.length) throw otherLength(url, bytes.length, total)
    return bytes.subarray(range.start, Math.min(range.end, bytes.length))
  }

  /** Other access than the refused client has: asked for once, for all ranges that are refused together. */
  async #renew(refused: BlockBlobClient, signal: AbortSignal): Promise<boolean> {
    const { renew } = this.#options
    if (renew === undefined) return false
    this.#renewal ??= renew(signal)
    const location = await this.#renewal
    if (location !== undefined && this.#client === this.#original) this.#client = blobClient(location)
    return this.#client !== refused
  }
}

const sharedBytes = (length: number): Uint8Array<SharedArrayBuffer> => new Uint8Array(new SharedArrayBuffer(length))

function otherLength(url: string, expected: number, found: number): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BLOB_CHANGED', `expected ${expected} bytes in ${url}, found ${found}`)
}

/** `[start, total)` in steps. */
function ranges(start: number, total: number, step: number): readonly ByteRange[] {
  return Array.from({ length: Math.ceil((total - start) / step) }, (_, at) => ({
    start: start + at * step,
    end: Math.min(start + (at + 1) * step, total),
  }))
}

/** From `bytes 0-99/1234`, or the length of an answer that is the whole blob. */
function totalLength({ contentRange, contentLength }: BlobDownloadResponseParsed, url: string): number {
  const total = contentRange === undefined ? contentLength : Number(/\/(\d+)$/.exec(contentRange)?.[1])
  if (total !== undefined && Number.isSafeInteger(total)) return total
  throw new KustoProtocolError('KUSTO_BLOB_WITHOUT_LENGTH', `storage gave no length for ${url}`)
}

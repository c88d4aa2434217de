import { createHash, randomBytes } from 'node:crypto'
import type { BlockBlobClient } from '@azure/storage-blob'
import { AbortScope } from '../base/abort.ts'
import type { RetryNotice, RetryPolicy } from '../base/retry.ts'
import { KustoNetworkError } from '../errors.ts'
import { BlockMemory } from './block-memory.ts'
import { blobClient } from './blob-client.ts'
import { canHashMd5, md5 } from './checksum.ts'
import { statusOf, storageError } from './storage-error.ts'
import type { StorageLocation } from './storage-location.ts'
import { tryStorage } from './try-storage.ts'

export interface WriteBlobOptions {
  readonly signal?: AbortSignal
  /** Bytes a block holds before it is sent. Default 2 MiB. */
  readonly blockBytes?: number
  /** Blocks under way at once. Default 4. */
  readonly concurrency?: number
  /** Told of every repeated request, before the wait. */
  readonly onRetry?: (notice: RetryNotice) => void
  /** Default `STORAGE_RETRY`. */
  readonly retry?: RetryPolicy
  /** What one request may take. Default: 30 s, and as long again as its bytes need at 64 KB a second. */
  readonly limitMs?: number
}

export interface WrittenBlob {
  readonly bytes: number
  /** Of the bytes, in hex. */
  readonly sha256: string
  /** That it took: blocks and the commit of their list, or the whole in one; repeated ones do not count. */
  readonly requests: number
}

const BLOCK_BYTES = 2 * 1024 * 1024
const CONCURRENCY = 4
const LIMIT_MS = 30_000
const SLOWEST_BYTES_PER_MS = 64

/**
 * Writes chunks as one block blob. Blocks are sent while the chunks still come, and nothing is visible until the last step
 * commits the block list; what fits into less than one block is sent in one request. An existing blob is never
 * overwritten. Storage compares every request's bytes with their MD5 and refuses others; such a request is repeated like
 * one that got no answer. Chunks must not be changed before the call has ended.
 * @throws {KustoNetworkError} KUSTO_STORAGE_FAILED; where several blocks failed, `cause` is an AggregateError of all
 * @throws {KustoAuthError} KUSTO_STORAGE_DENIED
 */
export async function writeBlob(
  location: StorageLocation,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: WriteBlobOptions = {},
): Promise<WrittenBlob> {
  using scope = new AbortScope(options.signal)
  const target = new Target(location, options)
  const blockBytes = options.blockBytes ?? BLOCK_BYTES
  const concurrency = options.concurrency ?? CONCURRENCY
  const hash = createHash('sha256')
  const memory = new BlockMemory(blockBytes)
  const inFlight = new Set<Promise<void>>()
  const failures: unknown[] = []
  let total = 0
  let blocks = 0

  const start = (block: Uint8Array, work: Promise<RequestTries>): void => {
    const settled: Promise<void> = work
      // A request that was given up may still be sent from its memory.
      .then((tries) => (tries === 1 ? memory.giveBack(block) : undefined))
      .catch((error: unknown) => {
        // What ends because another block failed is no failure of its own.
        if (!scope.signal.aborted) failures.push(error)
        scope.abort(error)
      })
      .then(() => void inFlight.delete(settled))
    inFlight.add(settled)
  }

  try {
    for await (const block of blocksOf(chunks, memory)) {
      options.signal?.throwIfAborted()
      if (failures.length > 0) break
      hash.update(block)
      total += block.length
      blocks++
      start(
        block,
        total === block.length && block.length < blockBytes
          ? target.putWhole(block, scope.signal)
          : target.stage(block, scope.signal),
      )
      if (inFlight.size >= concurrency) await Promise.race(inFlight)
    }
  } catch (error) {
    scope.abort(error)
    throw error
  } finally {
    await Promise.all(inFlight)
  }
  options.signal?.throwIfAborted()
  if (failures.length > 0) throw together(location, failures)
  try {
    if (total === 0) await target.putWhole(new Uint8Array(0), scope.signal)
    else await target.commit(scope.signal)
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw storageError('commit', location.url, cause)
  }
  const requests = total < blockBytes ? 1 : blocks + 1
  return { bytes: total, sha256: hash.digest('hex'), requests }
}

/** A blob that does not exist yet, and the requests that make it. */
class Target {
  readonly #client: BlockBlobClient
  readonly #options: WriteBlobOptions
  readonly #prefix = randomBytes(8).toString('hex')
  readonly #ids: string[] = []
  readonly #withMd5 = canHashMd5()

  constructor(location: StorageLocation, options: WriteBlobOptions) {
    this.#client = blobClient(location)
    this.#options = options
  }

  async stage(block: Uint8Array, signal: AbortSignal): Promise<RequestTries> {
    const id = Buffer.from(`${this.#prefix}-${String(this.#ids.length).padStart(6, '0')}`).toString('base64')
    this.#ids.push(id)
    // About 1.4 ms a MiB, beside which compressing costs as much or more.
    const checksum = this.#withMd5 ? { transactionalContentMD5: md5(block) } : {}
    return this.#try(block.length, signal, async (abortSignal) => {
      await this.#client.stageBlock(id, block, block.length, { abortSignal, ...checksum })
    })
  }

  /** The blob in one request; its MD5 is kept with it. */
  async putWhole(bytes: Uint8Array, signal: AbortSignal): Promise<RequestTries> {
    const options = {
      ...(this.#withMd5 ? { blobHTTPHeaders: { blobContentMD5: md5(bytes) } } : {}),
      metadata: { [UPLOAD]: this.#prefix },
      conditions: { ifNoneMatch: '*' },
    }
    return this.#try(bytes.length, signal, async (abortSignal) => {
      try {
        await this.#client.upload(bytes, bytes.length, { abortSignal, ...options })
      } catch (cause) {
        if (statusOf(cause) !== 409) throw cause
        // A request whose answer was lost is repeated and finds its own blob.
        const { metadata } = await this.#client.getProperties({ abortSignal })
        if (metadata?.[UPLOAD] !== this.#prefix) throw cause
      }
    })
  }

  /** Makes the staged blocks a blob; nothing to do after `putWhole`. */
  async commit(signal: AbortSignal): Promise<void> {
    const ids = this.#ids
    if (ids.length === 0) return
    await this.#try(0, signal, async (abortSignal) => {
      try {
        await this.#client.commitBlockList(ids, { abortSignal, conditions: { ifNoneMatch: '*' } })
      } catch (cause) {
        if (statusOf(cause) !== 409) throw cause
        // As above. Block ids are random, so equal ids mean equal blobs.
        const { committedBlocks = [] } = await this.#client.getBlockList('committed', { abortSignal })
        const isOurs =
          committedBlocks.length === ids.length && committedBlocks.every(({ name }, at) => name === ids[at])
        if (!isOurs) throw cause
      }
    })
  }

  async #try(bytes: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<RequestTries> {
    const { limitMs = LIMIT_MS + bytes / SLOWEST_BYTES_PER_MS, onRetry, retry } = this.#options
    let tries = 0
    const counted = (abortSignal: AbortSignal): Promise<void> => {
      tries++
      return work(abortSignal)
    }
    await tryStorage(counted, { limitMs, signal, onRetry, ...(retry === undefined ? {} : { policy: retry }) })
    return tries
  }
}

/** How often a request was sent until it was answered. */
type RequestTries = number

/** Metadata by which an upload knows its own blob. */
const UPLOAD = 'kusto_arrow_upload'

function together({ url }: StorageLocation, failures: readonly unknown[]): Error {
  const errors = failures.map((failure) => storageError('write', url, failure))
  const [first] = errors
  if (first === undefined || errors.length === 1) return first ?? new Error(`could not write ${url}`)
  return new KustoNetworkError('KUSTO_STORAGE_FAILED', `${first.message}; ${errors.length} blocks failed`, {
    cause: new AggregateError(errors),
    retryable: errors.every(({ retryable }) => retryable),
  })
}

/** Chunks cut and joined to blocks; a block that lies in one chunk is not copied. */
async function* blocksOf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  memory: BlockMemory,
): AsyncGenerator<Uint8Array> {
  const { blockBytes } = memory
  let parts: Uint8Array[] = []
  let size = 0
  const finish = (): Uint8Array => {
    const block = memory.joined(parts, size)
    parts = []
    size = 0
    return block
  }
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length;) {
      const part = chunk.subarray(start, start + blockBytes - size)
      parts.push(part)
      size += part.length
      start += part.length
      if (size === blockBytes) yield finish()
    }
  }
  if (size > 0) yield finish()
}

import { randomBytes } from 'node:crypto'
import type { BlockBlobClient } from '@azure/storage-blob'
import { blobClient } from './blob-client.ts'
import { canHashMd5, md5 } from './checksum.ts'
import { statusOf, storageError } from './storage-error.ts'
import type { StorageLocation } from './storage-location.ts'

export interface WriteBlobOptions {
  readonly signal?: AbortSignal
  /** Bytes a block holds before it is sent. Default 8 MiB. */
  readonly blockBytes?: number
  /** Blocks under way at once. Default 4. */
  readonly concurrency?: number
}

const BLOCK_BYTES = 8 * 1024 * 1024
const CONCURRENCY = 4

/**
 * Writes chunks as one block blob and gives its length in bytes. Blocks are sent while the chunks still come; nothing is
 * visible until the last step commits the block list. An existing blob is never overwritten. Storage checks the MD5 of
 * every block, and keeps that of a blob of one block.
 */
export async function writeBlob(
  location: StorageLocation,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: WriteBlobOptions = {},
): Promise<number> {
  const client = blobClient(location)
  const abort = options.signal === undefined ? {} : { abortSignal: options.signal }
  const blockBytes = options.blockBytes ?? BLOCK_BYTES
  const concurrency = options.concurrency ?? CONCURRENCY
  const prefix = randomBytes(8).toString('hex')
  const ids: string[] = []
  const inFlight = new Set<Promise<void>>()
  const failures: unknown[] = []
  const withMd5 = canHashMd5()
  /** Of the whole blob while it has one block; that of more would have to be computed a second time. */
  let onlyMd5: Uint8Array | undefined
  let total = 0

  const stage = (block: Uint8Array): void => {
    const id = Buffer.from(`${prefix}-${String(ids.length).padStart(6, '0')}`).toString('base64')
    ids.push(id)
    // Storage compares what it receives with the MD5: about 3 ms a MiB, beside which compressing costs as much or more.
    const transactionalContentMD5 = withMd5 ? md5(block) : undefined
    if (ids.length === 1) onlyMd5 = transactionalContentMD5
    else onlyMd5 = undefined
    const checksum = transactionalContentMD5 === undefined ? {} : { transactionalContentMD5 }
    const sent = client.stageBlock(id, block, block.length, { ...abort, ...checksum }).then(
      () => undefined,
      (error: unknown) => void failures.push(error),
    )
    const settled: Promise<void> = sent.then(() => void inFlight.delete(settled))
    inFlight.add(settled)
  }

  try {
    for await (const block of blocksOf(chunks, blockBytes)) {
      options.signal?.throwIfAborted()
      if (failures.length > 0) break
      stage(block)
      total += block.length
      if (inFlight.size >= concurrency) await Promise.race(inFlight)
    }
  } finally {
    await Promise.all(inFlight)
  }
  options.signal?.throwIfAborted()
  if (failures.length > 0) throw storageError('write', location.url, failures[0])
  try {
    const headers = onlyMd5 === undefined ? {} : { blobHTTPHeaders: { blobContentMD5: onlyMd5 } }
    await client.commitBlockList(ids, { ...abort, ...headers, conditions: { ifNoneMatch: '*' } })
  } catch (cause) {
    options.signal?.throwIfAborted()
    if (!(await isCommitted(client, ids, abort, cause))) throw storageError('commit', location.url, cause)
  }
  return total
}

/**
 * Whether the blob that is in the way is the one just written: a commit whose answer was lost is repeated by the SDK and
 * finds its own blob. Block ids are random, so equal ids mean equal blobs.
 */
async function isCommitted(
  client: BlockBlobClient,
  ids: readonly string[],
  abort: { readonly abortSignal?: AbortSignal },
  cause: unknown,
): Promise<boolean> {
  if (statusOf(cause) !== 409) return false
  try {
    const { committedBlocks = [] } = await client.getBlockList('committed', abort)
    return committedBlocks.length === ids.length && committedBlocks.every(({ name }, at) => name === ids[at])
  } catch {
    return false
  }
}

async function* blocksOf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  blockBytes: number,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length;) {
      const part = chunk.subarray(start, start + blockBytes - size)
      parts.push(part)
      size += part.length
      start += part.length
      if (size === blockBytes) {
        yield Buffer.concat(parts, size)
        parts = []
        size = 0
      }
    }
  }
  if (size > 0) yield Buffer.concat(parts, size)
}

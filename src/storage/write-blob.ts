import { randomBytes } from 'node:crypto'
import { blobClient } from './blob-client.ts'
import { storageError } from './storage-error.ts'
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
 * visible until the last step commits the block list. An existing blob is never overwritten.
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
  let total = 0

  const stage = (block: Uint8Array): void => {
    const id = Buffer.from(`${prefix}-${String(ids.length).padStart(6, '0')}`).toString('base64')
    ids.push(id)
    const sent = client.stageBlock(id, block, block.length, abort).then(
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
    await client.commitBlockList(ids, { ...abort, conditions: { ifNoneMatch: '*' } })
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw storageError('commit', location.url, cause)
  }
  return total
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

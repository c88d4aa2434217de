import pLimit from 'p-limit'
import { sleep } from '../base/sleep.ts'
import { KustoAuthError, KustoUsageError } from '../errors.ts'
import { blobClient } from './blob-client.ts'
import { listBlobs } from './list-blobs.ts'
import { statusOf, storageError } from './storage-error.ts'
import { blobIn, blobAt, splitContainer } from './storage-location.ts'
import type { StorageLocation } from './storage-location.ts'
import { tryStorage } from './try-storage.ts'

/** Deletes running at once. */
const CONCURRENCY = 8
/** What one delete may take. */
const LIMIT_MS = 30_000
/** How long an upload that was given up may still come through. */
const SETTLE_MS = 300

export interface RemovedBlobs {
  readonly removed: number
  /** One error per blob that is still there. */
  readonly failures: readonly unknown[]
}

export interface RemoveBlobsOptions {
  /** The same containers with fresh access, asked for once when storage refuses. */
  readonly renew?: () => Promise<readonly StorageLocation[]>
  /**
   * Drop what uploads left that were given up as well: blocks that were never committed, which storage keeps, unseen, for a
   * week, and a blob whose last request is still on its way. Default false.
   */
  readonly uncommitted?: boolean
  readonly signal?: AbortSignal
}

/**
 * Deletes the blobs that are still there; a blob already gone counts as removed. Never throws: what failed is returned.
 */
export async function removeBlobs(
  blobs: readonly StorageLocation[],
  options: RemoveBlobsOptions = {},
): Promise<RemovedBlobs> {
  const first = await removeAll(blobs, options)
  const refused = first.failures.filter(({ error }) => error instanceof KustoAuthError)
  if (refused.length === 0 || options.renew === undefined) return summary(blobs.length, first.failures)
  try {
    const containers = await options.renew()
    const again = await removeAll(
      refused.map(({ blob }) => blobAt(blob.url, containers) ?? blob),
      options,
    )
    const others = first.failures.filter((failure) => !refused.includes(failure))
    return summary(blobs.length, [...others, ...again.failures])
  } catch (error) {
    return summary(blobs.length, [...first.failures, { error }], refused.length + 1)
  }
}

export interface RemoveDirectoryOptions {
  /** Count what would be deleted, and delete nothing. */
  readonly dryRun?: boolean
  /** Only blobs last written before this moment, in milliseconds since 1970. */
  readonly writtenBeforeMs?: number
  readonly signal?: AbortSignal
  /** What one try of a page of the listing may take. Default 30,000. */
  readonly limitMs?: number
}

export interface RemovedDirectory extends RemovedBlobs {
  /** Blobs that matched. */
  readonly found: number
}

/**
 * Deletes every blob below `directory` in a container or folder, whatever its name: for what is left of a failed export,
 * whose details never came. Needs the right to list. Only names that go on with a slash are meant. Never throws, but for
 * an abort and a directory that is none.
 * @throws {KustoUsageError} KUSTO_BAD_DIRECTORY for an empty directory, one with `.` or `..`, or with an empty segment
 */
export async function removeDirectory(
  folder: StorageLocation,
  directory: string,
  options: RemoveDirectoryOptions = {},
): Promise<RemovedDirectory> {
  const { container, path } = splitContainer(folder)
  const inFolder = checkedDirectory(directory)
  const prefix = `${path === '' ? '' : `${path}/`}${inFolder}/`
  const { writtenBeforeMs = Infinity, dryRun = false, signal, limitMs } = options
  let found = 0
  let removed = 0
  const failures: unknown[] = []
  const remove = async (blobs: readonly StorageLocation[]): Promise<void> => {
    signal?.throwIfAborted()
    if (dryRun) return
    const outcome = await removeBlobs(blobs, signal === undefined ? {} : { signal })
    signal?.throwIfAborted()
    removed += outcome.removed
    failures.push(...outcome.failures)
  }
  const folders: string[] = []
  try {
    const pages = listBlobs(container, { prefix, includeMetadata: true, signal, limitMs })
    for await (const page of pages) {
      const files = page.filter(({ name, properties, metadata }) => {
        if (properties.lastModified.getTime() >= writtenBeforeMs) return false
        // Where storage has real folders they are listed as blobs, and can only be deleted once they are empty.
        const isFolder = metadata?.['hdi_isfolder'] === 'true'
        if (isFolder) folders.push(name)
        return !isFolder
      })
      found += files.length
      await remove(files.map(({ name }) => blobIn(container, name)))
    }
    if (!dryRun) {
      // The deepest first; a folder that is still in use stays, and is no failure of ours.
      for (const name of folders.toSorted((a, b) => b.length - a.length)) {
        await removeBlobs([blobIn(container, name)], signal === undefined ? {} : { signal })
        signal?.throwIfAborted()
      }
    }
  } catch (cause) {
    signal?.throwIfAborted()
    failures.push(storageError('list', `${folder.url}/${inFolder}`, cause))
  }
  return { found, removed, failures }
}

/** Without slashes at its ends. */
function checkedDirectory(directory: string): string {
  const trimmed = directory.replace(/^\//, '').replace(/\/$/, '')
  if (trimmed.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new KustoUsageError(
      'KUSTO_BAD_DIRECTORY',
      `expected a directory without empty segments, . and .., found ${JSON.stringify(directory)}`,
    )
  }
  return trimmed
}

interface Failure {
  readonly blob: StorageLocation
  readonly error: unknown
}

async function removeAll(
  blobs: readonly StorageLocation[],
  { uncommitted = false, signal }: RemoveBlobsOptions,
): Promise<{ readonly failures: readonly Failure[] }> {
  const limit = pLimit(CONCURRENCY)
  const failures: Failure[] = []
  await Promise.all(
    blobs.map((blob) =>
      limit(async () => {
        try {
          await tryStorage((abortSignal) => removeOne(blob, uncommitted, abortSignal), { limitMs: LIMIT_MS, signal })
        } catch (cause) {
          failures.push({ blob, error: storageError('delete', blob.url, cause) })
        }
      }),
    ),
  )
  return { failures }
}

async function removeOne(blob: StorageLocation, uncommitted: boolean, abortSignal: AbortSignal): Promise<void> {
  const client = blobClient(blob)
  const { succeeded } = await client.deleteIfExists({ deleteSnapshots: 'include', abortSignal })
  if (succeeded || !uncommitted) return
  // Storage drops uncommitted blocks when the blob comes to be in another way. While the empty blob stands it also
  // refuses an upload that was given up and is still on its way; one that came through just before is there instead.
  try {
    await client.upload('', 0, { conditions: { ifNoneMatch: '*' }, abortSignal })
    await sleep(SETTLE_MS, abortSignal)
  } catch (cause) {
    if (statusOf(cause) !== 409) throw cause
  }
  await client.deleteIfExists({ deleteSnapshots: 'include', abortSignal })
}

function summary(
  blobs: number,
  failures: readonly { readonly error: unknown }[],
  failed: number = failures.length,
): RemovedBlobs {
  return { removed: blobs - failed, failures: failures.map(({ error }) => error) }
}

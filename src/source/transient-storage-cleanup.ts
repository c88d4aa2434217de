import type { TokenCredential } from '@azure/core-auth'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoAuthError, KustoUsageError } from '../errors.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import { openOwnStorage } from '../storage/own-storage.ts'
import { removeDirectory } from '../storage/remove-blobs.ts'
import { transientStorage } from './transient-storage.ts'
import type { TransientStorage } from './transient-storage.ts'

export interface DeleteDirectoryOptions extends TrustOptions {
  /** One place or several of one kind; not the service's containers, which expire by themselves. */
  readonly storage: TransientStorage | readonly TransientStorage[]
  /** Below the container or folder; blobs whose names go on behind it with a slash are deleted, and no others. */
  readonly directory: string
  /** Who deletes where an identity opens the storage. */
  readonly credential?: TokenCredential
  /** Count what would be deleted, and delete nothing. Default false. */
  readonly dryRun?: boolean
  /** Only blobs that were last written longer ago than this, in milliseconds by this machine's clock. Default: all. */
  readonly olderThanMs?: number
  readonly signal?: AbortSignal
}

export interface DeletedDirectory {
  /** Blobs that matched; what a `dryRun` would delete. */
  readonly found: number
  readonly removed: number
  /** One error per blob that is still there, or for a listing that failed. */
  readonly failures: readonly unknown[]
}

const NAMES: readonly (keyof DeleteDirectoryOptions)[] = [
  'storage',
  'directory',
  'credential',
  'dryRun',
  'olderThanMs',
  'signal',
  'trustedHosts',
  'allowTokenToLoopback',
]

/**
 * Deletes the blobs a read left in the caller's storage, by account key, signature or identity. What cannot be deleted is
 * returned and ends nothing.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE, KUSTO_BAD_DIRECTORY, KUSTO_BAD_OPTION
 * @throws {KustoAuthError} KUSTO_NO_AZURE_CREDENTIAL when an identity is needed and none given
 */
export async function deleteDirectory(options: DeleteDirectoryOptions): Promise<DeletedDirectory> {
  checkNames(options, NAMES)
  const { directory, dryRun = false, olderThanMs, signal } = options
  const settings = transientStorage(options.storage)
  if (settings.kind === 'service') {
    throw new KustoUsageError('KUSTO_BAD_STORAGE', 'expected own storage of the caller, found kind service')
  }
  if (olderThanMs !== undefined) wholeNumber('olderThanMs', olderThanMs, Number.MAX_SAFE_INTEGER)
  const folders = openOwnStorage(settings.entries, { credential: options.credential ?? NOBODY, trust: options })
  let total: DeletedDirectory = { found: 0, removed: 0, failures: [] }
  for (const folder of folders) {
    signal?.throwIfAborted()
    const one = await removeDirectory(folder, directory, {
      dryRun,
      ...(olderThanMs === undefined ? {} : { writtenBeforeMs: Date.now() - olderThanMs }),
      ...(signal === undefined ? {} : { signal }),
    })
    total = {
      found: total.found + one.found,
      removed: total.removed + one.removed,
      failures: [...total.failures, ...one.failures],
    }
  }
  return total
}

const NOBODY: TokenCredential = {
  getToken: () =>
    Promise.reject(
      new KustoAuthError(
        'KUSTO_NO_AZURE_CREDENTIAL',
        'expected a credential for storage opened by identity, found none',
      ),
    ),
}

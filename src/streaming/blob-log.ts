import type { TokenCredential } from '@azure/core-auth'
import { KustoError, KustoNetworkError, KustoUsageError } from '../errors.ts'
import { BlobLease } from '../storage/blob-lease.ts'
import { listBlobs as listPages } from '../storage/list-blobs.ts'
import { accountKeyStorage, identityStorage, openOwnStorage, sasStorage } from '../storage/own-storage.ts'
import { readBlob } from '../storage/read-blob.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import { codeOf, storageError } from '../storage/storage-error.ts'
import { blobIn, splitContainer } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { writeBlob } from '../storage/write-blob.ts'
import { EPOCHS, fenced, numberedName, numberOf } from './log-store.ts'
import type { AcquireLogOptions, LogObject, LogOwnership, LogStore } from './log-store.ts'

/** The container, or a folder in it, that a log lies in. Needs read, list, create, write and delete. */
export type LogStorage =
  /** By a shared access signature, which must live as long as the writer. */
  | { readonly kind: 'sas'; readonly url: string; readonly sas?: string }
  | { readonly kind: 'account-key'; readonly url: string; readonly container?: string; readonly key: string }
  | { readonly kind: 'identity'; readonly url: string; readonly credential: TokenCredential }

export interface BlobLogOptions {
  /** How long after the last sign of life of its owner a log is free, in seconds, 15 to 60. Default 30. */
  readonly leaseSeconds?: number
  /** Further hosts that may see a token of `identity`. */
  readonly trustedHosts?: readonly string[]
}

const LEASE_SECONDS = 30
/** The blob whose lease tells that the owner is alive. */
const LEASED = `${EPOCHS}/owner`

/**
 * A write-ahead log in Azure Storage, for one stream. Objects are blobs that are made on the condition that there is none of that
 * name, so it survives this machine, and writers anywhere may follow one another.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE, KUSTO_BAD_STORAGE_URL, KUSTO_BAD_OPTION
 * @throws {KustoAuthError} when a token would go to a host that is not trusted
 */
export function blobLog(storage: LogStorage, options: BlobLogOptions = {}): LogStore {
  const leaseSeconds = options.leaseSeconds ?? LEASE_SECONDS
  if (!Number.isSafeInteger(leaseSeconds) || leaseSeconds < 15 || leaseSeconds > 60) {
    throw new KustoUsageError('KUSTO_BAD_OPTION', `expected leaseSeconds from 15 to 60, found ${leaseSeconds}`)
  }
  const root = openStorage(storage, options.trustedHosts ?? [])
  return {
    place: root.url,
    isReplicated: true,
    create: (name, chunks, signal) => createBlob(blobIn(root, name), chunks, signal),
    read: (name, signal) => readLogBlob(blobIn(root, name), signal),
    list: (folder, signal) => listBlobs(root, folder, signal),
    async remove(name) {
      const { failures } = await removeBlobs([blobIn(root, name)])
      if (failures.length > 0) throw failures[0]
    },
    acquire: (given) => acquire(root, leaseSeconds, given),
  }
}

function openStorage(storage: LogStorage, trustedHosts: readonly string[]): StorageLocation {
  const own =
    storage.kind === 'sas'
      ? sasStorage(storage)
      : storage.kind === 'account-key'
        ? accountKeyStorage(storage)
        : identityStorage(storage.url, 'log')
  const credential = storage.kind === 'identity' ? storage.credential : NO_CREDENTIAL
  const [location] = openOwnStorage([own], { credential, trust: { trustedHosts, allowTokenToLoopback: false } })
  if (location !== undefined) return location
  throw new KustoUsageError('KUSTO_BAD_STORAGE', 'expected storage for the log, found none')
}

/** Of storage that no token opens. */
const NO_CREDENTIAL: TokenCredential = { getToken: () => Promise.resolve(null) }

async function createBlob(
  location: StorageLocation,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await writeBlob(location, chunks, signal === undefined ? {} : { signal })
    return true
  } catch (error) {
    if (error instanceof KustoNetworkError && error.code === 'KUSTO_BLOB_EXISTS') return false
    throw error
  }
}

async function readLogBlob(location: StorageLocation, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return await readBlob(location, signal === undefined ? {} : { signal })
  } catch (cause) {
    if (!(cause instanceof KustoError) || cause.code !== 'KUSTO_BLOB_NOT_FOUND') throw cause
    throw new KustoError('KUSTO_LOG_OBJECT_MISSING', `could not read ${location.url}: there is none`, { cause })
  }
}

async function listBlobs(
  root: StorageLocation,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<readonly LogObject[]> {
  const { container, path } = splitContainer(root)
  const below = path === '' ? '' : `${path}/`
  const found: LogObject[] = []
  try {
    for await (const page of listPages(container, { prefix: `${below}${folder}/`, signal })) {
      for (const { name, properties } of page) {
        const createdAtMs = (properties.createdOn ?? properties.lastModified).getTime()
        found.push({ name: name.slice(below.length), createdAtMs })
      }
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw storageError('list', root.url, cause)
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function acquire(
  root: StorageLocation,
  leaseSeconds: number,
  { takeOver = false, signal }: AcquireLogOptions = {},
): Promise<LogOwnership> {
  const owner = blobIn(root, LEASED)
  await createBlob(owner, [new Uint8Array(0)], signal)
  const lease = await openLease(owner, { leaseSeconds, takeOver, signal })
  const release = async (stopped?: AbortSignal): Promise<void> => {
    clearInterval(renewal)
    // A lease that is lost by now ends by itself.
    await lease.release(stopped).catch(() => undefined)
  }
  // A renewal that fails matters to the next owner only: what keeps owners apart is the epoch.
  const renewal = setInterval(() => void lease.renew().catch(() => undefined), (leaseSeconds * 1000) / 3)
  renewal.unref()
  try {
    for (;;) {
      signal?.throwIfAborted()
      const epoch = (await newestEpoch(root, signal)) + 1
      if (!(await createBlob(blobIn(root, numberedName(EPOCHS, epoch)), [new Uint8Array(0)], signal))) continue
      // Names of old epochs become free again, so one who waited long may have made one of those.
      if ((await newestEpoch(root, signal)) !== epoch) continue
      await removeOldEpochs(root, epoch, signal)
      return {
        epoch,
        async verify(inner) {
          const newest = await newestEpoch(root, inner)
          if (newest !== epoch) throw fenced(root.url, epoch, newest)
        },
        release: () => release(),
      }
    }
  } catch (error) {
    await release(signal)
    throw error
  }
}

interface LeaseOptions {
  readonly leaseSeconds: number
  readonly takeOver: boolean
  readonly signal: AbortSignal | undefined
}

async function openLease(owner: StorageLocation, { leaseSeconds, takeOver, signal }: LeaseOptions): Promise<BlobLease> {
  const lease = new BlobLease(owner, { seconds: leaseSeconds })
  try {
    if (takeOver) await lease.breakAny(signal)
    await lease.acquire(signal)
    return lease
  } catch (cause) {
    signal?.throwIfAborted()
    if (codeOf(cause) !== 'LeaseAlreadyPresent') throw storageError('lease', owner.url, cause)
    throw new KustoUsageError(
      'KUSTO_LOG_IN_USE',
      `expected the log in ${owner.url.slice(0, -LEASED.length - 1)} to be free, found another writer alive within the last ${leaseSeconds} s; ` +
        'end that writer, or take over when it is certainly gone',
    )
  }
}

async function newestEpoch(root: StorageLocation, signal: AbortSignal | undefined): Promise<number> {
  const numbers = (await listBlobs(root, EPOCHS, signal)).map(({ name }) => numberOf(name))
  return Math.max(0, ...numbers.filter((number) => !Number.isNaN(number)))
}

async function removeOldEpochs(root: StorageLocation, epoch: number, signal: AbortSignal | undefined): Promise<void> {
  const old = (await listBlobs(root, EPOCHS, signal)).filter(({ name }) => numberOf(name) < epoch)
  await removeBlobs(old.map(({ name }) => blobIn(root, name)))
}

import { BlobSASPermissions, BlobServiceClient, SASProtocol, generateBlobSASQueryParameters } from '@azure/storage-blob'
import type { UserDelegationKey } from '@azure/storage-blob'
import { Renewed } from '../base/renewed.ts'
import { containerPipeline } from './blob-client.ts'
import { storageError } from './storage-error.ts'
import { splitContainer } from './storage-location.ts'
import type { StorageLocation } from './storage-location.ts'
import { parseStorageUrl } from './storage-url.ts'
import { tryStorage } from './try-storage.ts'

/** How long a delegated signature lasts from when it is made. */
export const DELEGATED_LIFE_MS: number = 24 * 60 * 60_000
/** A key must outlive the signatures made with it; storage grants seven days at most. */
const KEY_LIFE_MS = 2 * DELEGATED_LIFE_MS
/** Forgives clocks that differ. */
const SKEW_MS = 5 * 60_000
const LIMIT_MS = 30_000

export interface SignOptions {
  /** What a reader of the blob may do. */
  readonly permissions: 'r' | 'rd'
  readonly signal?: AbortSignal | undefined
}

/** Signs blobs for others with keys that a credential delegates: one key for each account, renewed in time. */
export class UserDelegation {
  readonly #now: () => number
  readonly #keys = new Map<string, Renewed<UserDelegationKey>>()

  /** `now`: milliseconds since 1970. */
  constructor(options: { readonly now?: () => number } = {}) {
    this.#now = options.now ?? Date.now
  }

  /**
   * The blob's URL with a signature for this blob alone, good for a day.
   * @throws {KustoAuthError} KUSTO_STORAGE_DENIED when the credential may not delegate (role Storage Blob Delegator)
   */
  async sign(blob: StorageLocation, { permissions, signal }: SignOptions): Promise<string> {
    const { container, path } = splitContainer(blob)
    const { account } = parseStorageUrl(container.url)
    const accountUrl = container.url.replace(/\/[^/]*$/, '')
    const key = await this.#keyOf(accountUrl, container).get(signal)
    const now = this.#now()
    const sas = generateBlobSASQueryParameters(
      {
        containerName: decodeURIComponent(container.url.slice(accountUrl.length + 1)),
        blobName: path,
        permissions: BlobSASPermissions.parse(permissions),
        startsOn: new Date(now - SKEW_MS),
        expiresOn: new Date(now + DELEGATED_LIFE_MS),
        ...(accountUrl.startsWith('https:') ? { protocol: SASProtocol.Https } : {}),
      },
      key,
      account,
    )
    return `${blob.url}?${sas.toString()}`
  }

  #keyOf(accountUrl: string, opened: StorageLocation): Renewed<UserDelegationKey> {
    const known = this.#keys.get(accountUrl)
    if (known !== undefined) return known
    const key = new Renewed((signal) => this.#fetchKey(accountUrl, opened, signal), {
      maxAgeMs: KEY_LIFE_MS - DELEGATED_LIFE_MS - SKEW_MS,
      timeoutMs: 2 * LIMIT_MS,
      lifeMs: () => KEY_LIFE_MS - DELEGATED_LIFE_MS,
      // Keys end by the calendar.
      now: this.#now,
    })
    this.#keys.set(accountUrl, key)
    return key
  }

  async #fetchKey(accountUrl: string, opened: StorageLocation, signal: AbortSignal): Promise<UserDelegationKey> {
    const client = new BlobServiceClient(accountUrl, containerPipeline(opened))
    const now = this.#now()
    const [start, end] = [new Date(now - SKEW_MS), new Date(now + KEY_LIFE_MS)]
    try {
      return await tryStorage((abortSignal) => client.getUserDelegationKey(start, end, { abortSignal }), {
        limitMs: LIMIT_MS,
        signal,
      })
    } catch (cause) {
      throw storageError('delegate access to', accountUrl, cause)
    }
  }
}

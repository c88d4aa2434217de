import {
  accountKeyStorage,
  checkDifferentPlaces,
  identityStorage,
  managedIdentityWord,
  oneLakeStorage,
  sasStorage,
  storageEntries,
} from '../storage/own-storage.ts'
import type { EntryShape, OwnStorage } from '../storage/own-storage.ts'

/**
 * Where a distributed read keeps its blobs for a while.
 *
 * A URL names a container, `https://account.blob.core.windows.net/container`, or a folder in it; exported blobs lie
 * below it. `wasbs://container@host` and `abfss://container@host` are understood and mean the same place over https.
 */
export type TransientStorage =
  /** The containers the service offers for exports; their signatures are renewed when they end. The default. */
  | { readonly kind: 'service' }
  /** The caller's account, by its name or its URL, and its key. `container` may go on with a folder. */
  | {
      readonly kind: 'account-key'
      readonly account: string
      readonly container: string
      readonly key: string
      /** Default `core.windows.net`. */
      readonly endpointSuffix?: string
    }
  | { readonly kind: 'account-key'; readonly url: string; readonly container?: string; readonly key: string }
  /** The caller's container by a shared access signature; the URL alone is enough. Needs read, write, list and delete. */
  | { readonly kind: 'sas'; readonly url: string; readonly sas?: string }
  /** The service writes as the caller; blobs are read with the connector's credential. Needs Blob Data Contributor. */
  | { readonly kind: 'impersonate'; readonly url: string }
  /** The service writes as one of its managed identities; blobs are read with the connector's credential. */
  | {
      readonly kind: 'managed-identity'
      readonly url: string
      /** `system`, or the object id of a user-assigned identity. Default `system`. */
      readonly identity?: string
    }
  /** A folder in OneLake, as https or abfss URL; the service writes as the caller, the connector's credential reads. */
  | { readonly kind: 'onelake'; readonly url: string }

/** Storage after the check: the service's, or a list of one kind. */
export type TransientStorageSettings =
  | { readonly kind: 'service' }
  | { readonly kind: 'own'; readonly entries: readonly OwnStorage[] }

const SHAPES: Readonly<Record<TransientStorage['kind'], EntryShape>> = {
  service: { names: [], needed: [] },
  'account-key': { names: ['account', 'url', 'container', 'key', 'endpointSuffix'], needed: ['key'] },
  sas: { names: ['url', 'sas'], needed: ['url'] },
  impersonate: { names: ['url'], needed: ['url'] },
  'managed-identity': { names: ['url', 'identity'], needed: ['url'] },
  onelake: { names: ['url'], needed: ['url'] },
}

/**
 * Checks the option `storage` of a read, one entry or several of one kind.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a kind, name or value that is not one of the union; KUSTO_BAD_STORAGE_URL
 */
export function transientStorage(
  option: TransientStorage | readonly TransientStorage[] = { kind: 'service' },
): TransientStorageSettings {
  const entries = storageEntries<TransientStorage>(option, SHAPES)
  const own = entries.flatMap((entry) => (entry.kind === 'service' ? [] : [ownStorage(entry)]))
  checkDifferentPlaces(own)
  return own.length === 0 ? { kind: 'service' } : { kind: 'own', entries: own }
}

function ownStorage(entry: Exclude<TransientStorage, { readonly kind: 'service' }>): OwnStorage {
  switch (entry.kind) {
    case 'account-key':
      return accountKeyStorage(entry)
    case 'sas':
      return sasStorage(entry)
    case 'impersonate':
      return identityStorage(entry.url.replace(/;impersonate$/i, ''), 'impersonate')
    case 'managed-identity':
      return identityStorage(entry.url, managedIdentityWord(entry.identity ?? 'system'))
    case 'onelake':
      return oneLakeStorage(entry.url, 'impersonate')
  }
}

import {
  accountKeyStorage,
  identityStorage,
  managedIdentityWord,
  oneLakeStorage,
  sasStorage,
} from '../storage/own-storage.ts'
import type { AccountKeyStorage, ManagedIdentityStorage, OwnStorage, SasStorage } from '../storage/own-storage.ts'
import { COMMON_SHAPES, IDENTITY_SHAPE, storageSettings, URL_SHAPE } from '../storage/storage-entries.ts'
import type { CallersEntry, EntryShape, StorageSettings } from '../storage/storage-entries.ts'

/**
 * Where a distributed read keeps its blobs for a while.
 *
 * A URL names a container, `https://account.blob.core.windows.net/container`, or a folder in it; exported blobs lie
 * below it. `wasbs://container@host` and `abfss://container@host` are understood and mean the same place over https.
 */
export type TransientStorage =
  /** The containers the service offers for exports; their signatures are renewed when they end. The default. */
  | { readonly kind: 'service' }
  /** The caller's account by its key. */
  | AccountKeyStorage
  /** The caller's container by a shared access signature; the URL alone is enough. Needs read, write, list and delete. */
  | SasStorage
  /** The service writes as the caller; blobs are read with the connector's credential. Needs Blob Data Contributor. */
  | { readonly kind: 'impersonate'; readonly url: string }
  /** The service writes as one of its managed identities; blobs are read with the connector's credential. */
  | ManagedIdentityStorage
  /** A folder in OneLake, as https or abfss URL; the service writes as the caller, the connector's credential reads. */
  | { readonly kind: 'onelake'; readonly url: string }

/** {@link TransientStorage} after the check. */
export type TransientStorageSettings = StorageSettings<OwnStorage>

const SHAPES: Readonly<Record<TransientStorage['kind'], EntryShape>> = {
  ...COMMON_SHAPES,
  impersonate: URL_SHAPE,
  'managed-identity': IDENTITY_SHAPE,
  onelake: URL_SHAPE,
}

/**
 * Checks the option `storage` of a read, one entry or several of one kind.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a kind, name or value that is not one of the union; KUSTO_BAD_STORAGE_URL
 */
export function transientStorage(
  option: TransientStorage | readonly TransientStorage[] = { kind: 'service' },
): TransientStorageSettings {
  return storageSettings<TransientStorage, OwnStorage>(option, SHAPES, ownStorage)
}

function ownStorage(entry: CallersEntry<TransientStorage>): OwnStorage {
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

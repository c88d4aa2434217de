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
 * Where the blobs of a write are staged for the service to read.
 *
 * A URL names a container, `https://account.blob.core.windows.net/container`, or a folder in it; blobs lie below it.
 * `wasbs://container@host` and `abfss://container@host` are understood and mean the same place over https.
 */
export type IngestionStorage =
  /** The containers the service offers for ingestion; it deletes what it has read. The default. */
  | { readonly kind: 'service' }
  /** The caller's account by its key, which the service is told. */
  | AccountKeyStorage
  /**
   * The caller's container by a shared access signature; the URL alone is enough. Needs read, create and write, and delete
   * for a write that fails to clean up. The service is told the same signature: it must live until the rows are ingested.
   */
  | SasStorage
  /**
   * Blobs are written with the connector's credential; the service is told a signature for one blob each, to read it, that
   * the credential delegates and that lives for a day. Needs Blob Data Contributor and Blob Delegator.
   */
  | { readonly kind: 'user-delegation'; readonly url: string }
  /** Blobs are written with the connector's credential; the service reads them as one of its managed identities. */
  | ManagedIdentityStorage
  /** A folder in OneLake, as https or abfss URL: the connector's credential writes, the service reads as the caller, or as `identity`. */
  | { readonly kind: 'onelake'; readonly url: string; readonly identity?: string }

/** {@link IngestionStorage} after the check. */
export type IngestionStorageSettings = StorageSettings<OwnIngestionStorage>

/** One container or folder of the caller. */
export interface OwnIngestionStorage extends OwnStorage {
  /** The service is told a signature for each blob instead of `connectionString`. */
  readonly delegates: boolean
}

const SHAPES: Readonly<Record<IngestionStorage['kind'], EntryShape>> = {
  ...COMMON_SHAPES,
  'user-delegation': URL_SHAPE,
  'managed-identity': IDENTITY_SHAPE,
  onelake: IDENTITY_SHAPE,
}

/**
 * Checks the option `ingestionStorage` of a write, one entry or several of one kind.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a kind, name or value that is not one of the union; KUSTO_BAD_STORAGE_URL
 */
export function ingestionStorage(
  option: IngestionStorage | readonly IngestionStorage[] = { kind: 'service' },
): IngestionStorageSettings {
  return storageSettings<IngestionStorage, OwnIngestionStorage>(option, SHAPES, ownStorage)
}

function ownStorage(entry: CallersEntry<IngestionStorage>): OwnIngestionStorage {
  const delegates = entry.kind === 'user-delegation'
  switch (entry.kind) {
    case 'account-key':
      return { ...accountKeyStorage(entry), delegates }
    case 'sas':
      return { ...sasStorage(entry), delegates }
    case 'user-delegation':
      return { ...identityStorage(entry.url, 'user_delegation'), delegates }
    case 'managed-identity':
      return { ...identityStorage(entry.url, managedIdentityWord(entry.identity ?? 'system')), delegates }
    case 'onelake': {
      const { identity } = entry
      return {
        ...oneLakeStorage(entry.url, identity === undefined ? 'impersonate' : managedIdentityWord(identity)),
        delegates,
      }
    }
  }
}

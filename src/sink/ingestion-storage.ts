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
 * Where the blobs of a write are staged for the service to read.
 *
 * A URL names a container, `https://account.blob.core.windows.net/container`, or a folder in it; blobs lie below it.
 * `wasbs://container@host` and `abfss://container@host` are understood and mean the same place over https.
 */
export type IngestionStorage =
  /** The containers the service offers for ingestion; it deletes what it has read. The default. */
  | { readonly kind: 'service' }
  /** The caller's account, by its name or its URL, and its key. `container` may go on with a folder. The service is told the key. */
  | {
      readonly kind: 'account-key'
      readonly account: string
      readonly container: string
      readonly key: string
      /** Default `core.windows.net`. */
      readonly endpointSuffix?: string
    }
  | { readonly kind: 'account-key'; readonly url: string; readonly container?: string; readonly key: string }
  /**
   * The caller's container by a shared access signature; the URL alone is enough. Needs read, create and write, and delete
   * for a write that fails to clean up. The service is told the same signature: it must live until the rows are ingested.
   */
  | { readonly kind: 'sas'; readonly url: string; readonly sas?: string }
  /**
   * Blobs are written with the connector's credential; the service is told a signature for one blob each, to read it, that
   * the credential delegates and that lives for a day. Needs Blob Data Contributor and Blob Delegator.
   */
  | { readonly kind: 'user-delegation'; readonly url: string }
  /** Blobs are written with the connector's credential; the service reads them as one of its managed identities. */
  | {
      readonly kind: 'managed-identity'
      readonly url: string
      /** `system`, or the object id of a user-assigned identity. Default `system`. */
      readonly identity?: string
    }
  /** A folder in OneLake, as https or abfss URL: the connector's credential writes, the service reads as the caller, or as `identity`. */
  | { readonly kind: 'onelake'; readonly url: string; readonly identity?: string }

/** Storage after the check: the service's, or a list of one kind. */
export type IngestionStorageSettings =
  | { readonly kind: 'service' }
  | { readonly kind: 'own'; readonly entries: readonly OwnIngestionStorage[] }

/** One container or folder of the caller. */
export interface OwnIngestionStorage extends OwnStorage {
  /** The service is told a signature for each blob instead of `connectionString`. */
  readonly delegates: boolean
}

const SHAPES: Readonly<Record<IngestionStorage['kind'], EntryShape>> = {
  service: { names: [], needed: [] },
  'account-key': { names: ['account', 'url', 'container', 'key', 'endpointSuffix'], needed: ['key'] },
  sas: { names: ['url', 'sas'], needed: ['url'] },
  'user-delegation': { names: ['url'], needed: ['url'] },
  'managed-identity': { names: ['url', 'identity'], needed: ['url'] },
  onelake: { names: ['url', 'identity'], needed: ['url'] },
}

/**
 * Checks the option `ingestionStorage` of a write, one entry or several of one kind.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a kind, name or value that is not one of the union; KUSTO_BAD_STORAGE_URL
 */
export function ingestionStorage(
  option: IngestionStorage | readonly IngestionStorage[] = { kind: 'service' },
): IngestionStorageSettings {
  const entries = storageEntries<IngestionStorage>(option, SHAPES)
  const own = entries.flatMap((entry) => (entry.kind === 'service' ? [] : [ownStorage(entry)]))
  checkDifferentPlaces(own)
  return own.length === 0 ? { kind: 'service' } : { kind: 'own', entries: own }
}

function ownStorage(entry: Exclude<IngestionStorage, { readonly kind: 'service' }>): OwnIngestionStorage {
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

import type { TokenCredential } from '@azure/core-auth'
import { KustoUsageError } from '../errors.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import { parseOneLakeUrl } from './onelake-url.ts'
import { urlWithSecret } from './storage-location.ts'
import type { StorageLocation } from './storage-location.ts'
import { parseStorageUrl } from './storage-url.ts'
import { rememberToken } from './token-policy.ts'
import { checkTrustedStorage } from './trusted-storage.ts'

/** One container or folder of the caller. */
export interface OwnStorage {
  /** On the blob endpoint, without secret. */
  readonly url: string
  /** What the service is told; holds the secret. */
  readonly connectionString: string
  readonly access:
    | { readonly kind: 'sas'; readonly sas: string }
    | { readonly kind: 'account-key'; readonly accountName: string; readonly accountKey: string }
    | { readonly kind: 'identity' }
}

/** A container by the account's key, the account by its name or its URL. `container` may go on with a folder. */
export type AccountKeyStorage =
  | {
      readonly kind: 'account-key'
      readonly account: string
      readonly container: string
      readonly key: string
      /** Default `core.windows.net`. */
      readonly endpointSuffix?: string
    }
  | { readonly kind: 'account-key'; readonly url: string; readonly container?: string; readonly key: string }

/** A container by a shared access signature; a URL with one is enough. */
export interface SasStorage {
  readonly kind: 'sas'
  readonly url: string
  readonly sas?: string
}

/** A container that the service opens as one of its managed identities. */
export interface ManagedIdentityStorage {
  readonly kind: 'managed-identity'
  readonly url: string
  /** `system`, or the object id of a user-assigned identity. Default `system`. */
  readonly identity?: string
}

/** @throws {KustoUsageError} KUSTO_BAD_STORAGE, KUSTO_BAD_STORAGE_URL */
export function accountKeyStorage(entry: AccountKeyStorage): OwnStorage {
  const { url, query, account } = parseStorageUrl(accountUrl(entry))
  if (query !== '') throw badStorage(`an account key or a signature, found both for ${url}`)
  if (!/^[A-Za-z0-9+/]{4,}={0,2}$/.test(entry.key)) throw badStorage(`an account key in base64 for ${url}`)
  return withSecret(url, { kind: 'account-key', accountName: account, accountKey: entry.key })
}

/** @throws {KustoUsageError} KUSTO_BAD_STORAGE, KUSTO_BAD_STORAGE_URL */
export function sasStorage(entry: { readonly url: string; readonly sas?: string }): OwnStorage {
  const { url, query } = parseStorageUrl(entry.url)
  if (query !== '' && entry.sas !== undefined) throw badStorage(`one signature for ${url}, found two`)
  const sas = (entry.sas ?? query).replace(/^\?/, '')
  if (!/(^|&)sig=[^&]/.test(sas)) throw badStorage(`a shared access signature with sig= for ${url}, found none`)
  if (/[;\s"'#]/.test(sas)) throw badStorage(`a percent-encoded signature for ${url}`)
  return withSecret(url, { kind: 'sas', sas })
}

/**
 * A container that the connector's credential opens; the service reads and writes it as `word` says.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE, KUSTO_BAD_STORAGE_URL
 */
export function identityStorage(text: string, word: string): OwnStorage {
  const { url, query } = parseStorageUrl(text)
  if (query !== '') throw badStorage(`an identity or a signature, found both for ${url}`)
  return { url, connectionString: `${url};${word}`, access: { kind: 'identity' } }
}

/** @throws {KustoUsageError} KUSTO_BAD_STORAGE_URL */
export function oneLakeStorage(text: string, word: string): OwnStorage {
  const { url, serviceUrl } = parseOneLakeUrl(text)
  return { url, connectionString: `${serviceUrl};${word}`, access: { kind: 'identity' } }
}

/**
 * What the service is told of one of its managed identities.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE unless it is `system` or an object id
 */
export function managedIdentityWord(identity: string): string {
  if (identity !== 'system' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(identity)) {
    throw badStorage('the identity to be system or an object id, found something else')
  }
  return `managed_identity=${identity}`
}

/** Both forms of an account, because a caller without types may mix them. */
interface NamedAccount {
  readonly account?: string
  readonly url?: string
  readonly container?: string
  readonly endpointSuffix?: string
}

function accountUrl(entry: NamedAccount): string {
  if (entry.url !== undefined && entry.account !== undefined) throw badStorage('an account or its url, found both')
  const below = entry.container === undefined ? '' : `/${entry.container.replace(/^\//, '')}`
  if (entry.url !== undefined) return `${entry.url.replace(/\/$/, '')}${below}`
  if (entry.account === undefined) throw badStorage('account with account-key, found none')
  if (!/^[a-z0-9]{3,24}$/.test(entry.account)) {
    throw badStorage('an account name of 3 to 24 small letters and digits, found something else')
  }
  if (below === '') throw badStorage(`a container in the account ${entry.account}, found none`)
  const suffix = entry.endpointSuffix ?? 'core.windows.net'
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(suffix)) throw badStorage('an endpointSuffix such as core.windows.net')
  return `https://${entry.account}.blob.${suffix}${below}`
}

function withSecret(url: string, access: Exclude<OwnStorage['access'], { readonly kind: 'identity' }>): OwnStorage {
  return { url, access, connectionString: urlWithSecret({ url, access }) }
}

/**
 * How the caller's own storage is opened, entry by entry.
 * @throws {KustoAuthError} when a token would go to a host that is not trusted
 */
export function openOwnStorage(
  entries: readonly Pick<OwnStorage, 'url' | 'access'>[],
  { credential, trust }: { readonly credential: TokenCredential; readonly trust: TrustOptions },
): readonly StorageLocation[] {
  const remembered = rememberToken(credential)
  return entries.map(({ url, access }) => {
    if (access.kind !== 'identity') return { url, access }
    checkTrustedStorage(url, trust)
    return { url, access: { kind: 'credential', credential: remembered } }
  })
}

export function badStorage(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_STORAGE', `expected ${message}`)
}

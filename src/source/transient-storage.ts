import { KustoUsageError } from '../errors.ts'
import { parseOneLakeUrl } from '../storage/onelake-url.ts'
import { parseStorageUrl } from '../storage/storage-url.ts'
import { urlWithSecret } from '../storage/storage-location.ts'

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

const NAMES: Readonly<Record<TransientStorage['kind'], readonly string[]>> = {
  service: [],
  'account-key': ['account', 'url', 'container', 'key', 'endpointSuffix'],
  sas: ['url', 'sas'],
  impersonate: ['url'],
  'managed-identity': ['url', 'identity'],
  onelake: ['url'],
}

/**
 * Checks the option `storage` of a read, one entry or several of one kind.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a kind, name or value that is not one of the union; KUSTO_BAD_STORAGE_URL
 */
export function transientStorage(
  option: TransientStorage | readonly TransientStorage[] = { kind: 'service' },
): TransientStorageSettings {
  const entries: readonly TransientStorage[] = isList(option) ? option : [option]
  for (const entry of entries) checkShape(entry)
  const kinds = [...new Set(entries.map((entry) => entry.kind))]
  if (kinds.length !== 1) {
    throw badStorage(
      kinds.length === 0
        ? 'at least one storage entry, found none'
        : `entries of one kind, found ${kinds.join(' and ')}`,
    )
  }
  const own = entries.flatMap((entry) => (entry.kind === 'service' ? [] : [ownStorage(entry)]))
  const twice = own.find((entry, at) => own.findIndex((other) => other.url === entry.url) !== at)
  if (twice !== undefined) throw badStorage(`different places, found ${twice.url} twice`)
  return own.length === 0 ? { kind: 'service' } : { kind: 'own', entries: own }
}

function ownStorage(entry: Exclude<TransientStorage, { readonly kind: 'service' }>): OwnStorage {
  switch (entry.kind) {
    case 'account-key': {
      const { url, query, account } = parseStorageUrl(accountUrl(entry))
      if (query !== '') throw badStorage(`an account key or a signature, found both for ${url}`)
      if (!/^[A-Za-z0-9+/]{4,}={0,2}$/.test(entry.key)) throw badStorage(`an account key in base64 for ${url}`)
      return withSecret(url, { kind: 'account-key', accountName: account, accountKey: entry.key })
    }
    case 'sas': {
      const { url, query } = parseStorageUrl(entry.url)
      if (query !== '' && entry.sas !== undefined) throw badStorage(`one signature for ${url}, found two`)
      const sas = (entry.sas ?? query).replace(/^\?/, '')
      if (!/(^|&)sig=[^&]/.test(sas)) throw badStorage(`a shared access signature with sig= for ${url}, found none`)
      if (/[;\s"'#]/.test(sas)) throw badStorage(`a percent-encoded signature for ${url}`)
      return withSecret(url, { kind: 'sas', sas })
    }
    case 'impersonate':
      return byIdentity(plainUrl(entry.url.replace(/;impersonate$/i, '')), 'impersonate')
    case 'managed-identity': {
      const identity = entry.identity ?? 'system'
      if (identity !== 'system' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(identity)) {
        throw badStorage('the identity to be system or an object id, found something else')
      }
      return byIdentity(plainUrl(entry.url), `managed_identity=${identity}`)
    }
    case 'onelake': {
      const { url, serviceUrl } = parseOneLakeUrl(entry.url)
      return { url, connectionString: `${serviceUrl};impersonate`, access: { kind: 'identity' } }
    }
  }
}

function accountUrl(entry: Extract<TransientStorage, { readonly kind: 'account-key' }>): string {
  if ('url' in entry && 'account' in entry) throw badStorage('an account or its url, found both')
  const below = entry.container === undefined ? '' : `/${entry.container.replace(/^\//, '')}`
  if ('url' in entry) return `${entry.url.replace(/\/$/, '')}${below}`
  if (!/^[a-z0-9]{3,24}$/.test(entry.account)) {
    throw badStorage('an account name of 3 to 24 small letters and digits, found something else')
  }
  if (below === '') throw badStorage(`a container in the account ${entry.account}, found none`)
  const suffix = entry.endpointSuffix ?? 'core.windows.net'
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(suffix)) throw badStorage('an endpointSuffix such as core.windows.net')
  return `https://${entry.account}.blob.${suffix}${below}`
}

function plainUrl(text: string): string {
  const { url, query } = parseStorageUrl(text)
  if (query === '') return url
  throw badStorage(`an identity or a signature, found both for ${url}`)
}

function withSecret(url: string, access: Exclude<OwnStorage['access'], { readonly kind: 'identity' }>): OwnStorage {
  return { url, access, connectionString: urlWithSecret({ url, access }) }
}

function byIdentity(url: string, word: string): OwnStorage {
  return { url, access: { kind: 'identity' }, connectionString: `${url};${word}` }
}

function checkShape(entry: unknown): asserts entry is TransientStorage {
  const kind: unknown = typeof entry === 'object' && entry !== null && 'kind' in entry ? entry.kind : undefined
  const names =
    typeof kind === 'string' && Object.hasOwn(NAMES, kind) ? NAMES[kind as TransientStorage['kind']] : undefined
  if (names === undefined) {
    throw badStorage(
      `a storage of kind ${Object.keys(NAMES).join(', ')}, found ${typeof kind === 'string' ? kind : typeof kind}`,
    )
  }
  for (const [name, value] of Object.entries(entry as object)) {
    if (name === 'kind') continue
    if (!names.includes(name)) throw badStorage(`names among ${names.join(', ')} with ${String(kind)}, found ${name}`)
    if (value !== undefined && typeof value !== 'string') throw badStorage(`${name} to be text, found ${typeof value}`)
  }
  const given = entry as Readonly<Record<string, unknown>>
  const needed =
    kind === 'account-key' ? ['key', given['url'] === undefined ? 'account' : 'url'] : kind === 'service' ? [] : ['url']
  const missing = needed.find((name) => given[name] === undefined || given[name] === '')
  if (missing !== undefined) throw badStorage(`${missing} with ${String(kind)}, found none`)
}

function isList(option: TransientStorage | readonly TransientStorage[]): option is readonly TransientStorage[] {
  return Array.isArray(option)
}

function badStorage(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_STORAGE', `expected ${message}`)
}

import { LocalError, notSupported } from '../server/local-error.ts'

/** What a request to the blob is signed with. */
export type StorageCredential =
  | { readonly kind: 'none' }
  | { readonly kind: 'sas'; readonly query: string }
  | { readonly kind: 'key'; readonly account: string; readonly key: string }

/** A parsed Kusto storage connection string. */
export interface StorageLocation {
  /** URL without query and secret: safe to show. */
  readonly url: string
  /** `http://host/account` (path style) or `https://account.blob...`. */
  readonly endpoint: string
  readonly container: string
  /** Path inside the container, decoded, without slashes at its ends; empty for the container itself. */
  readonly path: string
  readonly credential: StorageCredential
}

/** Secret forms that need Entra ID or another cloud; the embedded Kusto has neither. */
const REFUSED_SUFFIXES: readonly RegExp[] = [
  /^(impersonate)$/i,
  /^(managed_identity)=/i,
  /^(token)=/i,
  /^(awscredentials)=/i,
]

/**
 * Parses `url`, `url?sas`, `url;key` and `url;sas`.
 *
 * @throws {LocalError} BadRequest_InvalidBlobUri when the text is no http(s) URL of a container or blob
 * @throws {LocalError} BadRequest_NotSupportedByEmulator for impersonation, managed identity, tokens, and stores other than blobs
 */
export function parseStorageConnectionString(text: string): StorageLocation {
  const semicolon = text.indexOf(';')
  const address = (semicolon < 0 ? text : text.slice(0, semicolon)).trim()
  const suffix = semicolon < 0 ? '' : text.slice(semicolon + 1).trim()
  const url = parseUrl(address)
  refuseOtherStores(url)
  const pathStyle = isPathStyle(url.hostname)
  const segments = url.pathname.split('/').filter((segment) => segment !== '')
  const account = pathStyle ? segments.shift() : url.hostname.split('.')[0]
  const container = segments.shift()
  if (account === undefined || container === undefined) {
    throw invalidUri(`expected a URL with account and container, found ${withoutSecret(address)}`)
  }
  return {
    url: withoutSecret(address),
    endpoint: pathStyle ? `${url.origin}/${account}` : url.origin,
    container,
    path: segments.map(decodeSegment).join('/'),
    credential: credentialOf(url.search.slice(1), suffix, account),
  }
}

/** The URL before its query string and secret suffix, for messages and results. */
export function withoutSecret(url: string): string {
  return (url.split(/[?;]/, 1)[0] ?? '').trim()
}

function credentialOf(query: string, suffix: string, account: string): StorageCredential {
  for (const pattern of REFUSED_SUFFIXES) {
    const word = pattern.exec(suffix)?.[1]
    if (word !== undefined)
      throw notSupported(`the storage credential '${word.toLowerCase()}'`, 'use an account key or a SAS')
  }
  if (suffix === '') return query === '' ? { kind: 'none' } : { kind: 'sas', query }
  if (query !== '') throw invalidUri('expected either a SAS or a credential after the semicolon, found both')
  if (/(^|&)sig=/i.test(suffix)) return { kind: 'sas', query: suffix.replace(/^\?/, '') }
  const key = suffix.replace(/^sharedkey=/i, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) throw invalidUri('expected a base64 account key after the semicolon')
  return { kind: 'key', account, key }
}

function parseUrl(address: string): URL {
  if (/^abfss?:/i.test(address)) throw notSupported('storage over abfss')
  if (address === '') throw new LocalError('BadRequest_EmptyBlobUri', 'the blob URI is empty')
  let url: URL
  try {
    url = new URL(address)
  } catch (cause) {
    throw new LocalError('BadRequest_InvalidBlobUri', `not a URL: ${withoutSecret(address)}`, { cause })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalidUri(`expected http or https, found ${url.protocol}`)
  return url
}

function refuseOtherStores(url: URL): void {
  if (/\.dfs\./i.test(url.hostname)) throw notSupported('a Data Lake (dfs) storage endpoint', 'use the blob endpoint')
  if (/\.s3[.-]/i.test(url.hostname)) throw notSupported('S3 storage')
}

/** Emulated storage has one host for all accounts and puts the account first in the path. */
function isPathStyle(host: string): boolean {
  return host === 'localhost' || /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.startsWith('[')
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new LocalError('BadRequest_InvalidBlobUri', `bad percent escape in ${segment}`, { cause })
  }
}

function invalidUri(message: string): LocalError {
  return new LocalError('BadRequest_InvalidBlobUri', message)
}

import { KustoUsageError } from '../errors.ts'

/** A storage URL taken apart. */
export interface StorageUrl {
  /** `https://account.blob.../container[/path]`: the blob endpoint, without query string and slash at the end. */
  readonly url: string
  /** What stood behind `?`. */
  readonly query: string
  /** The account, as the host or, on this machine, the first segment of the path names it. */
  readonly account: string
}

/** Scheme, what stands before `@`, host, path, query, fragment. The URL class would resolve `..` before it can be refused. */
const PARTS = /^([a-z][a-z0-9+.-]*):\/\/(?:([^@/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?(#[\s\S]*)?$/i

/** The parts of a URL as they are written; undefined for text that is none. */
export interface UrlParts {
  /** In small letters. */
  readonly scheme: string
  /** What stands before `@`; undefined without one. */
  readonly user: string | undefined
  /** With its port, in small letters. */
  readonly host: string
  readonly path: string
  readonly query: string | undefined
  readonly fragment: string | undefined
}

export function urlParts(text: string): UrlParts | undefined {
  const [, scheme = '', user, host = '', path = '', query, fragment] = PARTS.exec(text.trim()) ?? []
  if (scheme === '') return undefined
  return { scheme: scheme.toLowerCase(), user, host: host.toLowerCase(), path, query, fragment }
}

/**
 * Reads the URL of a container or a folder in it. `https` as the portal shows it, or Hadoop's spellings
 * `wasbs://container@host/path` and `abfss://container@host/path`, which name the same place; all become https on the
 * blob endpoint. `http` is for this machine only.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE_URL for anything else
 */
export function parseStorageUrl(text: string): StorageUrl {
  const parts = urlParts(text)
  if (parts === undefined) throw badUrl('a storage URL', 'text that is not a URL')
  const { scheme, user, query = '', fragment } = parts
  const host = blobHost(parts.host)
  const shown = `${scheme}://${host}${parts.path}`
  if (host === '') throw badUrl('a host', `none in ${shown}`)
  if (fragment !== undefined) throw badUrl('a URL without fragment', `one behind ${shown}`)
  let segments = pathSegments(parts.path, shown)
  if (/^(wasbs?|abfss?)$/.test(scheme)) {
    if (user === undefined || user === '' || user.includes(':')) throw badUrl(`${scheme}://container@host`, shown)
    segments = [decoded(user, shown), ...segments]
  } else if (scheme !== 'https' && !(scheme === 'http' && isThisMachine(host))) {
    throw badUrl('https, wasbs, abfss, or http on this machine', shown)
  } else if (user !== undefined) {
    throw badUrl('a URL without user', `one in front of ${host}`)
  }
  const pathStyle = isPathStyle(host)
  if (segments.length < (pathStyle ? 2 : 1)) throw badUrl('a URL with a container', shown)
  const account = (pathStyle ? segments[0] : host.split('.')[0]) ?? ''
  const url = `${scheme === 'http' ? 'http' : 'https'}://${host}/${segments.map(encodeURIComponent).join('/')}`
  return { url, query, account }
}

/**
 * The decoded segments of a path; one slash at the end is allowed.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE_URL for an empty segment, `.`, `..`, and characters no name may hold,
 * percent-encoded or not
 */
export function pathSegments(path: string, shown: string): readonly string[] {
  const trimmed = path.replace(/^\//, '').replace(/\/$/, '')
  if (trimmed === '') return []
  return trimmed.split('/').map((segment) => decoded(segment, shown))
}

/** The same host on the blob endpoint: Data Lake's `dfs` is another door to the same bytes. */
export function blobHost(host: string): string {
  return host.replace(/\.dfs\./, '.blob.')
}

/** Whether the host, with or without port, is this machine. */
export function isThisMachine(host: string): boolean {
  const name = host.replace(/:\d+$/, '')
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name)
}

/** Storage emulators have one host for all accounts and put the account first in the path. */
export function isPathStyle(host: string): boolean {
  const name = host.replace(/:\d+$/, '')
  return name === 'localhost' || name.startsWith('[') || /^\d+(\.\d+){3}$/.test(name)
}

function decoded(segment: string, shown: string): string {
  let name: string
  try {
    name = decodeURIComponent(segment)
  } catch (cause) {
    throw badUrl('percent escapes of UTF-8', shown, cause)
  }
  if (name === '') throw badUrl('no empty segment in the path', shown)
  if (name === '.' || name === '..') throw badUrl('no . or .. in the path', shown)
  // A semicolon starts the credential of a connection string.
  // oxlint-disable-next-line no-control-regex
  if (/[/\\;?#\u0000-\u001f]/.test(name)) throw badUrl('names without / \\ ; ? # in the path', shown)
  return name
}

export function badUrl(expected: string, found: string, cause?: unknown): KustoUsageError {
  const shown = found.replace(/[?#;][\s\S]*$/, '')
  return new KustoUsageError('KUSTO_BAD_STORAGE_URL', `expected ${expected}, found ${shown}`, { cause })
}

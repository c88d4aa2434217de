import type { TokenCredential } from '@azure/core-auth'
import { KustoUsageError } from '../errors.ts'
import { blobHost, isPathStyle, pathSegments, parseStorageUrl } from './storage-url.ts'

/**
 * A container or blob and the way to open it. The URL never carries a query string: what authorises a request is kept
 * beside it, so that a location can be logged, put in a plan and compared.
 */
export interface StorageLocation {
  /** `https://account.blob.core.windows.net/container[/path]`, without query string. */
  readonly url: string
  readonly access: StorageAccess
}

export type StorageAccess =
  | { readonly kind: 'sas'; readonly sas: string }
  | { readonly kind: 'account-key'; readonly accountName: string; readonly accountKey: string }
  /** As whoever the credential stands for; it is asked for tokens of Azure Storage. */
  | { readonly kind: 'credential'; readonly credential: TokenCredential }

/**
 * Reads `https://account/container?<sas>`, the form in which the service hands out its own containers.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE_URL without container or signature
 */
export function parseContainerUrl(text: string): StorageLocation {
  const { url, query } = parseStorageUrl(text)
  if (query === '') {
    throw new KustoUsageError(
      'KUSTO_BAD_STORAGE_URL',
      `expected a URL with a shared access signature, found none on ${url}`,
    )
  }
  return { url, access: { kind: 'sas', sas: query } }
}

/** The location of a blob inside a container or folder. `name` may hold slashes; every other character is escaped. */
export function blobIn(container: StorageLocation, name: string): StorageLocation {
  return { ...container, url: `${container.url}/${name.split('/').map(encodeURIComponent).join('/')}` }
}

/**
 * The location of a blob by its URL, opened with the container's access when the URL lies inside that container or
 * folder. Percent escapes and the endpoint (`dfs` or `blob`) may be written differently.
 */
export function blobAt(url: string, containers: readonly StorageLocation[]): StorageLocation | undefined {
  const blob = comparable(url)
  if (blob === undefined) return undefined
  for (const candidate of containers) {
    const folder = comparable(candidate.url)
    if (folder === undefined || folder.origin !== blob.origin || folder.segments.length >= blob.segments.length)
      continue
    if (!folder.segments.every((segment, at) => segment === blob.segments[at])) continue
    return blobIn(candidate, blob.segments.slice(folder.segments.length).join('/'))
  }
  return undefined
}

/** A location's container, and the path below it: empty for the container itself. */
export function splitContainer(location: StorageLocation): {
  readonly container: StorageLocation
  readonly path: string
} {
  const { origin, host, pathname } = new URL(location.url)
  const segments = pathname.split('/').filter((segment) => segment !== '')
  const head = segments.splice(0, isPathStyle(host) ? 2 : 1)
  return {
    container: { ...location, url: `${origin}/${head.join('/')}` },
    path: segments.map(decodeURIComponent).join('/'),
  }
}

/** When a shared access signature ends, in milliseconds since 1970; undefined when it does not say. */
export function sasEndsAt(access: StorageAccess): number | undefined {
  if (access.kind !== 'sas') return undefined
  const end = Date.parse(new URLSearchParams(access.sas).get('se') ?? '')
  return Number.isNaN(end) ? undefined : end
}

/**
 * The connection string of a location, for the one place that needs it: the message that tells Kusto what to read.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a location that is opened by identity, which has no secret to hand on
 */
export function urlWithSecret(location: StorageLocation): string {
  switch (location.access.kind) {
    case 'sas':
      return `${location.url}?${location.access.sas}`
    case 'account-key':
      return `${location.url};${location.access.accountKey}`
    case 'credential':
      throw new KustoUsageError(
        'KUSTO_BAD_STORAGE',
        `expected a signature or key to hand on, found an identity for ${location.url}`,
      )
  }
}

function comparable(text: string): { readonly origin: string; readonly segments: readonly string[] } | undefined {
  try {
    const bare = text.split(/[?;]/)[0] ?? text
    const { protocol, host } = new URL(bare)
    const path = bare.replace(/^[a-z]+:\/\/[^/]*/i, '')
    return { origin: `${protocol}//${blobHost(host)}`, segments: pathSegments(path, bare) }
  } catch {
    return undefined
  }
}

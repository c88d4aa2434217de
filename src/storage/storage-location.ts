import { KustoUsageError } from '../errors.ts'

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

/** Reads `https://account/container?<sas>`, the form in which the service hands out its own containers. */
export function parseContainerUrl(text: string): StorageLocation {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw new KustoUsageError('KUSTO_BAD_STORAGE_URL', 'expected a container URL, found text that is not a URL', {
      cause,
    })
  }
  const sas = url.search.slice(1)
  url.search = ''
  url.hash = ''
  const bare = url.href.replace(/\/+$/, '')
  if (url.pathname.split('/').every((part) => part === '')) {
    throw new KustoUsageError('KUSTO_BAD_STORAGE_URL', `expected a URL with a container, found ${bare}`)
  }
  if (sas === '') {
    throw new KustoUsageError(
      'KUSTO_BAD_STORAGE_URL',
      `expected a URL with a shared access signature, found none on ${bare}`,
    )
  }
  return { url: bare, access: { kind: 'sas', sas } }
}

/** The location of a blob inside a container. `name` may hold slashes; every other character is escaped. */
export function blobIn(container: StorageLocation, name: string): StorageLocation {
  return { ...container, url: `${container.url}/${name.split('/').map(encodeURIComponent).join('/')}` }
}

/** The location of a blob by its URL, opened with the container's access when the URL lies inside that container. */
export function blobAt(url: string, containers: readonly StorageLocation[]): StorageLocation | undefined {
  const bare = url.split('?')[0] ?? url
  const container = containers.find((candidate) => bare.startsWith(`${candidate.url}/`))
  return container === undefined ? undefined : { url: bare, access: container.access }
}

/** The URL with its shared access signature, for the one place that needs it: the message that tells Kusto what to read. */
export function urlWithSecret(location: StorageLocation): string {
  switch (location.access.kind) {
    case 'sas':
      return `${location.url}?${location.access.sas}`
    case 'account-key':
      return `${location.url};${location.access.accountKey}`
  }
}

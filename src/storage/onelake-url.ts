import { badUrl, blobHost, pathSegments, urlParts } from './storage-url.ts'

/** A folder in OneLake. */
export interface OneLakeUrl {
  /** `https://host/workspace/item/path` with the host as given: what the service is told. */
  readonly serviceUrl: string
  /** The same folder on the blob endpoint: what we open. */
  readonly url: string
}

/**
 * Reads `https://host/workspace/item/path` or `abfss://workspace@host/item/path`; both give the https form.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE_URL for a query string, fragment, port, user on https, a host that is an IP
 * address, localhost or one label, `.` or `..` (percent-encoded too), an empty segment, or no path below the item
 */
export function parseOneLakeUrl(text: string): OneLakeUrl {
  const parts = urlParts(text)
  if (parts === undefined) throw badUrl('a OneLake URL', 'text that is not a URL')
  const { scheme, user, host, path, query, fragment } = parts
  const shown = `${scheme}://${host}${path}`
  if (scheme !== 'https' && scheme !== 'abfss') throw badUrl('a OneLake URL with https or abfss', shown)
  if (query !== undefined) throw badUrl('a OneLake URL without query string', `one behind ${shown}`)
  if (fragment !== undefined) throw badUrl('a OneLake URL without fragment', `one behind ${shown}`)
  if (/:\d*$/.test(host)) throw badUrl('a OneLake URL without port', shown)
  checkHost(host, shown)
  const below = pathSegments(path, shown)
  const segments = scheme === 'https' ? below : [workspace(user, shown), ...below]
  if (scheme === 'https' && user !== undefined) throw badUrl('a OneLake URL without user', `one in front of ${host}`)
  if (segments.length < 3) {
    const form = scheme === 'https' ? 'https://host/workspace/item/path' : 'abfss://workspace@host/item/path'
    throw badUrl(`a OneLake URL with a path below the item, ${form}`, shown)
  }
  const tail = segments.map(encodeURIComponent).join('/')
  return { serviceUrl: `https://${host}/${tail}`, url: `https://${blobHost(host)}/${tail}` }
}

function workspace(user: string | undefined, shown: string): string {
  const [name, ...more] = user === undefined || user.includes(':') ? [] : pathSegments(user, shown)
  if (name === undefined || more.length > 0) throw badUrl('abfss://workspace@host', shown)
  return name
}

function checkHost(host: string, shown: string): void {
  if (host.startsWith('[') || /^\d+(\.\d+){3}$/.test(host))
    throw badUrl('a host name of OneLake', `an IP address: ${shown}`)
  if (host === 'localhost' || host.endsWith('.localhost')) throw badUrl('a host name of OneLake', shown)
  const labels = host.split('.')
  if (labels.length < 2 || labels.some((label) => !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label))) {
    throw badUrl('a host name of OneLake', shown)
  }
  // The URL class reads 1.2, 0x7f.1 and the like as IP addresses.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) throw badUrl('a host name of OneLake', `an IP address: ${shown}`)
}

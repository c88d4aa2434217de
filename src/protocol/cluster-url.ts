import { KustoUsageError } from '../errors.ts'

/** A cluster address taken apart. */
export interface ClusterUrl {
  /** Scheme, host and port, no slash at the end. */
  readonly origin: string
  /** The database named in the path, if there is one. */
  readonly database: string | undefined
}

/**
 * Takes `https://host[:port][/database][/]`; https is assumed when no scheme is given.
 * @throws {KustoUsageError} KUSTO_BAD_CLUSTER for anything else
 */
export function parseClusterUrl(text: string): ClusterUrl {
  const trimmed = text.trim()
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`)
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
    throw badCluster('an http or https address', trimmed)
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw badCluster('an address without user, query and fragment', url.origin)
  }
  const segments = url.pathname.split('/').filter((segment) => segment !== '')
  if (segments.length > 1) throw badCluster('at most a database after the host', `${url.origin}${url.pathname}`)
  const [segment] = segments
  const database = segment === undefined ? undefined : decoded(segment)
  if (segment !== undefined && database === undefined) {
    throw badCluster('a database whose % stand before two hexadecimal digits', `${url.origin}${url.pathname}`)
  }
  return { origin: url.origin, database }
}

/** The ingestion endpoint of an engine: its host with `ingest-` in front. Loopback, IPs and ingestion endpoints stay. */
export function ingestionUrl(cluster: string): string {
  const url = new URL(cluster)
  return isFixedHost(url.hostname) || isIngestionHost(url.hostname) ? url.origin : withHost(url, `ingest-${url.host}`)
}

/** The engine of an ingestion endpoint; the reverse of `ingestionUrl`. */
export function engineUrl(cluster: string): string {
  const url = new URL(cluster)
  return isFixedHost(url.hostname) || !isIngestionHost(url.hostname)
    ? url.origin
    : withHost(url, url.host.slice('ingest-'.length))
}

/** Whether the host is this machine: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

/** Only the host's first label counts: `my-ingest-cluster` is an engine. */
function isIngestionHost(hostname: string): boolean {
  return hostname.startsWith('ingest-')
}

function isFixedHost(hostname: string): boolean {
  return (
    isLoopback(hostname) ||
    // The URL parser has brought every spelling of an IP address to these two.
    hostname.startsWith('[') ||
    /^\d+(?:\.\d+){3}$/.test(hostname) ||
    hostname === 'onebox.dev.kusto.windows.net' ||
    hostname.endsWith('.localhost')
  )
}

function withHost(url: URL, host: string): string {
  return `${url.protocol}//${host}`
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

function badCluster(expected: string, found: string): KustoUsageError {
  const shown = found.replace(/\/\/[^/@]*@/, '//').replace(/[?#;][\s\S]*$/, '')
  return new KustoUsageError('KUSTO_BAD_CLUSTER', `expected ${expected}, found ${JSON.stringify(shown)}`)
}

import { lookup } from 'node:dns/promises'
import { KustoError } from '../index.ts'
import type { KustoConnector } from '../index.ts'
import { formatDuration, formatNumberOf } from './quantities.ts'

/** One thing that `doctor` looks at over a connection. */
export interface Check {
  readonly name: string
  /** A check that failed before this one makes it senseless. */
  readonly needs?: string
  readonly run: (kusto: KustoConnector, signal: AbortSignal) => Promise<Found>
}

/** What a check found; a warning says what to do. */
export type Found = string | { readonly warning: string; readonly next: string }

/** In their order. */
export const CHECKS: readonly Check[] = [
  { name: 'address', run: async (kusto) => addressOf(kusto) },
  { name: 'identity and query', needs: 'address', run: async (kusto, signal) => query(kusto, signal) },
  { name: 'database', needs: 'identity and query', run: async (kusto, signal) => database(kusto, signal) },
  { name: 'permissions', needs: 'database', run: async (kusto, signal) => permissions(kusto, signal) },
  { name: 'clock', needs: 'identity and query', run: async (kusto, signal) => clock(kusto, signal) },
  { name: 'ingestion endpoint', needs: 'identity and query', run: async (kusto, signal) => ingestion(kusto, signal) },
  { name: 'export storage', needs: 'ingestion endpoint', run: async (kusto, signal) => exportStorage(kusto, signal) },
]

/** What helps when a check fails and its error has no advice of its own, by the check's name. */
export const NEXT: ReadonlyMap<string, string> = new Map([
  ['address', 'check the spelling, your VPN and DNS'],
  ['identity and query', 'check network and proxy; sign in with az login'],
  ['database', 'ask an administrator for a role in the database, or name another with --database'],
  [
    'permissions',
    'ask for the role Database Viewer to read, Database Ingestor to write, Database User to create tables',
  ],
  [
    'ingestion endpoint',
    'writing and exporting need it: check the address with --ingestion-cluster, and the role Database Ingestor',
  ],
  ['export storage', 'read with --mode single, or name storage of your own with --storage'],
])

async function addressOf(kusto: KustoConnector): Promise<Found> {
  const { hostname } = new URL(kusto.cluster)
  const { address } = await lookup(hostname)
  const proxy = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find(
    (name) => (process.env[name] ?? '') !== '',
  )
  return `${hostname} is ${address}${proxy === undefined ? '' : `, through the proxy of ${proxy}`}`
}

async function query(kusto: KustoConnector, signal: AbortSignal): Promise<Found> {
  const startedAt = performance.now()
  const table = await kusto.query('print Answer = 6 * 7', { signal }).table()
  const answer: unknown = table.get(0)?.toJSON()['Answer']
  if (String(answer) !== '42') throw new Error(`expected the answer 42, found ${String(answer)}`)
  return `a query was answered in ${formatDuration(performance.now() - startedAt)}`
}

async function database(kusto: KustoConnector, signal: AbortSignal): Promise<Found> {
  const { rows } = await kusto.command('.show tables', { signal }).rows()
  return `${kusto.database} has ${formatNumberOf(rows.length, 'table')}`
}

async function permissions(kusto: KustoConnector, signal: AbortSignal): Promise<Found> {
  const database = kusto.database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  const answer = await rolesOf(kusto, `.show database ['${database}'] principal roles`, signal)
  if (answer === undefined) return 'an embedded Kusto has none: everything is allowed'
  const { rows, columns } = answer
  const column = columns.find(({ name }) => /role/i.test(name))?.name
  if (rows.length === 0) {
    return {
      warning: 'you have no role in the database itself; rights may come from the cluster',
      next: NEXT.get('permissions') ?? '',
    }
  }
  const roles = column === undefined ? [] : [...new Set(rows.map((row) => row.text(column)))]
  return roles.length === 0 ? formatNumberOf(rows.length, 'role') : roles.join(', ')
}

type Rows = Awaited<ReturnType<ReturnType<KustoConnector['command']>['rows']>>

async function rolesOf(kusto: KustoConnector, command: string, signal: AbortSignal): Promise<Rows | undefined> {
  try {
    return await kusto.command(command, { signal }).rows()
  } catch (error) {
    if (error instanceof KustoError && error.code === 'BadRequest_NotSupportedByEmulator') return undefined
    throw error
  }
}

const MAX_SKEW_MS = 300_000

async function clock(kusto: KustoConnector, signal: AbortSignal): Promise<Found> {
  const startedMs = Date.now()
  const table = await kusto.query('print Ms = tolong((now() - datetime(1970-01-01)) / 1ms)', { signal }).table()
  const theirs = Number(table.get(0)?.toJSON()['Ms'])
  const skewMs = Math.abs(theirs - (startedMs + Date.now()) / 2)
  if (skewMs < MAX_SKEW_MS) return `differs by ${formatDuration(skewMs)} from the service’s`
  return {
    warning: `differs by ${formatDuration(skewMs)} from the service’s`,
    next: 'set this machine’s clock: tokens and signatures are refused',
  }
}

async function ingestion(kusto: KustoConnector, signal: AbortSignal): Promise<Found> {
  const { rows } = await kusto.command('.get ingestion resources', { endpoint: 'ingestion', signal }).rows()
  return `offers ${formatNumberOf(rows.length, 'resource')} for ingestion`
}

async function exportStorage(kusto: KustoConnector, signal: AbortSignal): Promise<Found> {
  const { rows } = await kusto.command('.show export containers', { endpoint: 'ingestion', signal }).rows()
  if (rows.length > 0) return `offers ${formatNumberOf(rows.length, 'container')} for exports`
  return { warning: 'offers no container for exports', next: NEXT.get('export storage') ?? '' }
}

import { lookup } from 'node:dns/promises'
import { createRequire } from 'node:module'
import type { KustoConnector } from '../index.ts'
import { KustoAuthError, KustoError } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { adviceFor } from './error-advice.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import type { Connection } from './open-connection.ts'
import { formatDuration, formatNumberOf } from './quantities.ts'

type Verdict = 'ok' | 'warning' | 'failed' | 'skipped'

interface CheckResult {
  readonly check: string
  readonly verdict: Verdict
  readonly found: string
  /** What to do about it. */
  readonly next?: string
  readonly code?: string
  readonly elapsedMs: number
}

interface Check {
  readonly name: string
  /** A check that failed before this one makes it senseless. */
  readonly needs?: string
  readonly run: (kusto: KustoConnector, signal: AbortSignal) => Promise<Found>
}

type Found = string | { readonly warning: string; readonly next: string }

const CHECKS: readonly Check[] = [
  { name: 'address', run: async (kusto) => addressOf(kusto) },
  { name: 'identity and query', needs: 'address', run: async (kusto, signal) => query(kusto, signal) },
  { name: 'database', needs: 'identity and query', run: async (kusto, signal) => database(kusto, signal) },
  { name: 'permissions', needs: 'database', run: async (kusto, signal) => permissions(kusto, signal) },
  { name: 'clock', needs: 'identity and query', run: async (kusto, signal) => clock(kusto, signal) },
  { name: 'ingestion endpoint', needs: 'identity and query', run: async (kusto, signal) => ingestion(kusto, signal) },
  { name: 'export storage', needs: 'ingestion endpoint', run: async (kusto, signal) => exportStorage(kusto, signal) },
]

const TIMEOUT_MS = 30_000

/** Runs every check that makes sense and tells what to do about those that failed. */
export async function runDoctor(call: CliCall): Promise<number> {
  const { flags, screen, signal } = call
  const results: CheckResult[] = [nodeCheck(), peersCheck(flags.on('local'))]
  let connection: Connection | undefined
  const startedAt = performance.now()
  try {
    connection = await openConnection(call)
    const where = `${connection.kusto.cluster}, database ${connection.kusto.database}`
    results.push({ check: 'settings', verdict: 'ok', found: where, elapsedMs: performance.now() - startedAt })
  } catch (error) {
    signal.throwIfAborted()
    results.push(failedCheck('settings', error, performance.now() - startedAt))
  }
  try {
    for (const check of CHECKS) {
      signal.throwIfAborted()
      screen.progress.phase(`checking ${check.name}`)
      results.push(await runCheck(check, { connection, results, call }))
    }
  } finally {
    await connection?.[Symbol.asyncDispose]()
  }
  screen.progress.end()
  const failed = results.filter(({ verdict }) => verdict === 'failed')
  await screen.result({ ok: failed.length === 0, checks: results }, () => text(results, call))
  if (failed.length === 0) return EXIT.done
  return failed.some(({ code }) => code !== undefined && ACCESS.test(code)) ? EXIT.access : EXIT.part
}

const ACCESS = /UNAUTHORIZED|FORBIDDEN|NO_TOKEN|UNTRUSTED|DENIED|CREDENTIAL|IDENTITY|TOKEN_TO_LOOPBACK/

async function runCheck(
  check: Check,
  {
    connection,
    results,
    call,
  }: { readonly connection: Connection | undefined; readonly results: readonly CheckResult[]; readonly call: CliCall },
): Promise<CheckResult> {
  const blocked =
    connection === undefined
      ? 'settings'
      : results.find(({ check: name, verdict }) => name === check.needs && verdict !== 'ok' && verdict !== 'warning')
          ?.check
  if (connection === undefined || blocked !== undefined) {
    return { check: check.name, verdict: 'skipped', found: `needs ${blocked ?? 'settings'}`, elapsedMs: 0 }
  }
  const startedAt = performance.now()
  const timeoutMs = call.flags.durationMs('timeout') ?? TIMEOUT_MS
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(timeoutMs)])
  try {
    const found = await check.run(connection.kusto, signal)
    const elapsedMs = performance.now() - startedAt
    if (typeof found === 'string') return { check: check.name, verdict: 'ok', found, elapsedMs }
    return { check: check.name, verdict: 'warning', found: found.warning, next: found.next, elapsedMs }
  } catch (error) {
    call.signal.throwIfAborted()
    const isLate = signal.aborted
    return failedCheck(
      check.name,
      isLate ? new Error(`no answer within ${formatDuration(timeoutMs)}`) : error,
      performance.now() - startedAt,
    )
  }
}

function failedCheck(check: string, error: unknown, elapsedMs: number): CheckResult {
  const code = error instanceof KustoError ? error.code : undefined
  const cause =
    error instanceof KustoAuthError && error.cause instanceof Error ? ` (${firstLine(error.cause.message)})` : ''
  const next = (code === undefined ? undefined : adviceFor(code)) ?? NEXT.get(check)
  return {
    check,
    verdict: 'failed',
    found: `${error instanceof Error ? firstLine(error.message) : String(error)}${cause}`,
    ...(next === undefined ? {} : { next }),
    ...(code === undefined ? {} : { code }),
    elapsedMs,
  }
}

const NEXT: ReadonlyMap<string, string> = new Map([
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

function nodeCheck(): CheckResult {
  const major = Number(process.versions.node.split('.')[0])
  const found = `Node ${process.versions.node} on ${process.platform} ${process.arch}`
  if (major >= 20) return { check: 'node', verdict: 'ok', found, elapsedMs: 0 }
  return { check: 'node', verdict: 'failed', found, next: 'install Node 20 or newer', elapsedMs: 0 }
}

function peersCheck(isNeeded: boolean): CheckResult {
  const require = createRequire(import.meta.url)
  const missing = ['@kusto/language-service-next', '@duckdb/node-api', 'azurite'].filter((name) => {
    try {
      require.resolve(`${name}/package.json`)
      return false
    } catch {
      return !isInstalled(require, name)
    }
  })
  if (missing.length === 0)
    return { check: 'packages', verdict: 'ok', found: 'those of the embedded Kusto are installed', elapsedMs: 0 }
  const found = `not installed: ${missing.join(', ')}; only --local and the command local need them`
  return { check: 'packages', verdict: isNeeded ? 'failed' : 'ok', found, elapsedMs: 0 }
}

function isInstalled(require: NodeJS.Require, name: string): boolean {
  return (require.resolve.paths(name) ?? []).some((folder) => {
    try {
      require.resolve(`${folder}/${name}/package.json`)
      return true
    } catch {
      return false
    }
  })
}

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

function text(results: readonly CheckResult[], { screen: { paint } }: CliCall): string {
  const width = Math.max(...results.map(({ check }) => check.length))
  const marks: Readonly<Record<Verdict, string>> = {
    ok: paint.green('ok      '),
    warning: paint.yellow('warning '),
    failed: paint.red('failed  '),
    skipped: paint.dim('skipped '),
  }
  const lines = results.flatMap(({ check, verdict, found, next }) => [
    `${marks[verdict]}${check.padEnd(width)}  ${found}`,
    ...(next === undefined ? [] : [`${' '.repeat(8 + width)}  next: ${next}`]),
  ])
  const failed = results.filter(({ verdict }) => verdict === 'failed').length
  const last = failed === 0 ? 'all is well' : `${formatNumberOf(failed, 'check')} failed`
  return `${lines.join('\n')}\n${paint.bold(last)}\n`
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? ''
}

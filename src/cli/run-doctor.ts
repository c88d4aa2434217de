import { createRequire } from 'node:module'
import { KustoAuthError, KustoError } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { CHECKS, NEXT } from './doctor-checks.ts'
import type { Check } from './doctor-checks.ts'
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

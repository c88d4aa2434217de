import type { CommandRow } from '../client/command-table.ts'
import { AbortScope } from '../base/abort.ts'
import { poll } from '../base/poll.ts'
import { retry } from '../base/retry.ts'
import type { RetryPolicy } from '../base/retry.ts'
import { KustoError, KustoProtocolError, KustoServiceError, KustoUsageError } from '../errors.ts'
import { exportCommand } from '../kql/commands/export-commands.ts'
import { cancelOperation, showOperation, showOperationDetails } from '../kql/commands/operation-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { redact } from '../protocol/redact.ts'
import { removeDirectory } from '../storage/remove-blobs.ts'
import { blobAt } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { REMOVAL_WAIT_MS } from './export-storage-sweep.ts'
import type { ExportedBlob } from './fetch-blob.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'

export interface ExportRequest {
  readonly query: Kql
  /** Each attempt writes to a prefix of its own below it. */
  readonly directory: string
  readonly signal: AbortSignal | undefined
}

export interface ExportOutcome {
  readonly operationId: string
  /** The prefix all blobs of this export share, below the container; fresh for each attempt. */
  readonly directory: string
  readonly blobs: readonly ExportedBlob[]
}

/** How long a best-effort `.cancel operation` may take after an abort. */
const CANCEL_TIMEOUT_MS = 500
/** How long a question after a cancelled operation may take. */
const SWEEP_TIMEOUT_MS = 5_000

/** An export that the service throttled, or says to try again, is run again from the start. */
const EXPORT_RETRY: RetryPolicy = { maxAttempts: 3, firstDelayMs: 1_000, factor: 4, maxDelayMs: 30_000 }

/** Polls that may fail in a row for reasons that may pass. */
const MAX_FAILED_POLLS = 5

/**
 * Runs one export and gives its blobs as the operation's details name them; folders are never listed.
 * @throws {KustoServiceError} KUSTO_EXPORT_FAILED when the operation ends in another state than Completed
 * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT when it has not ended in time
 */
export async function runExport(
  context: SourceContext,
  request: ExportRequest,
  settings: ReadSettings,
): Promise<ExportOutcome> {
  const inner: ReadSettings = { ...settings, signal: request.signal }
  return retry((attempt) => runOnce(context, { ...request, directory: `${request.directory}/try${attempt}` }, inner), {
    policy: EXPORT_RETRY,
    isRetryable: (error) => isExportFailed(error) && (error as KustoServiceError).retryable,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
}

async function runOnce(
  context: SourceContext,
  { query, directory }: ExportRequest,
  settings: ReadSettings,
): Promise<ExportOutcome> {
  const { signal, onEvent } = settings
  const targets = await context.exportStorage(settings.storage).targets(signal)
  const containers = targets.map((target) => target.location)
  if (targets.length === 0) {
    throw new KustoUsageError(
      'KUSTO_NO_EXPORT_STORAGE',
      'expected at least one container to export to, the service offers none',
    )
  }
  const csl = exportCommand({
    format: 'parquet',
    to: targets.map((target) => target.connectionString),
    query,
    compressed: settings.compression !== 'none',
    properties: {
      namePrefix: `${directory}/part`,
      ...(settings.compression === 'none' ? {} : { compressionType: settings.compression }),
      parquetDatetimePrecision: 'microsecond',
      ...(settings.sizeLimit === undefined ? {} : { sizeLimit: settings.sizeLimit }),
      ...(settings.distribution === undefined ? {} : { distribution: settings.distribution }),
    },
  })
  const remove = (stop: AbortSignal): Promise<void> =>
    removeLeftovers(context, { containers, directory, signal: stop }, settings)
  const askedAt = performance.now()
  const operationId = await start(context, csl, settings, remove)
  context.log.info(`the export with operation id ${operationId} writes below ${directory}`)
  onEvent({ kind: 'export-started', operationId, directory, elapsedMs: performance.now() - askedAt })
  const startedAt = performance.now()
  try {
    await waitForOperation(context, operationId, settings)
    const details = await context.command(showOperationDetails(operationId), settings)
    const blobs = details.map((row) => exportedBlob(row, containers))
    const rows = blobs.reduce((sum, blob) => sum + blob.rows, 0)
    const elapsedMs = performance.now() - startedAt
    onEvent({ kind: 'export-finished', operationId, blobs: blobs.length, rows, elapsedMs })
    return { operationId, directory, blobs }
  } catch (error) {
    const mayRun = !isExportFailed(error)
    const cleanUp = async (stop: AbortSignal): Promise<void> => {
      if (mayRun) await cancel(context, operationId, settings)
      await remove(stop)
    }
    await context.sweeps.remove(cleanUp, { signal, limitMs: REMOVAL_WAIT_MS })
    if (mayRun) {
      context.sweeps.start({
        hasEnded: (stop) => hasEnded(context, operationId, { ...settings, signal: stop }),
        remove,
      })
    }
    throw error
  }
}

/** Without an answer nobody knows whether the export runs: what it writes is swept up all the same. */
async function start(
  context: SourceContext,
  csl: Kql,
  settings: ReadSettings,
  remove: (stop: AbortSignal) => Promise<void>,
): Promise<string> {
  try {
    const started = await context.command(csl, settings)
    return textOf(started[0], 'OperationId')
  } catch (error) {
    const refused = error instanceof KustoUsageError || (error instanceof KustoServiceError && !error.retryable)
    if (!refused) context.sweeps.start({ hasEnded: () => Promise.resolve(true), remove })
    throw error
  }
}

async function hasEnded(context: SourceContext, operationId: string, settings: ReadSettings): Promise<boolean> {
  using scope = new AbortScope(settings.signal)
  scope.limit(SWEEP_TIMEOUT_MS, () => new Error(`no answer within ${SWEEP_TIMEOUT_MS} ms`))
  const row = await askState(context, operationId, { ...settings, signal: scope.signal })
  return !['InProgress', 'Scheduled'].includes(textOf(row, 'State'))
}

async function waitForOperation(context: SourceContext, operationId: string, settings: ReadSettings): Promise<void> {
  const startedAt = performance.now()
  let failedPolls = 0
  await poll(
    async () => {
      const row = await askState(context, operationId, settings).catch((error: unknown) => {
        settings.signal?.throwIfAborted()
        if (!(error instanceof KustoError && error.retryable) || ++failedPolls > MAX_FAILED_POLLS) throw error
        return undefined
      })
      if (row === undefined) return undefined
      failedPolls = 0
      const state = textOf(row, 'State')
      if (state === 'Completed') return true
      if (state !== 'InProgress' && state !== 'Scheduled') throw exportFailed(operationId, state, row)
      settings.onEvent({ kind: 'export-waiting', operationId, state, elapsedMs: performance.now() - startedAt })
      return undefined
    },
    {
      what: `the export with operation id ${operationId}`,
      timeoutMs: settings.exportTimeoutMs,
      ...(settings.signal === undefined ? {} : { signal: settings.signal }),
    },
  )
}

async function askState(context: SourceContext, operationId: string, settings: ReadSettings): Promise<CommandRow> {
  const [row] = await context.command(showOperation(operationId), settings)
  if (row !== undefined) return row
  throw new KustoProtocolError('KUSTO_BAD_ANSWER', `expected the state of operation ${operationId}, found no row`)
}

const EXPORT_FAILED = 'KUSTO_EXPORT_FAILED'

function isExportFailed(error: unknown): boolean {
  return error instanceof KustoServiceError && error.code === EXPORT_FAILED
}

function exportFailed(operationId: string, state: string, row: CommandRow): KustoServiceError {
  // The service may name its target as it was told it, with the signature.
  const status = row.has('Status') ? redact(row.text('Status')) : ''
  const told = row.has('ShouldRetry') ? row.cell('ShouldRetry') : null
  return new KustoServiceError(
    'KUSTO_EXPORT_FAILED',
    `the export with operation id ${operationId} ended as ${state}: ${status === '' ? 'no reason given' : status}`,
    { status: 200, retryable: state === 'Throttled' || told === true || told === 1 },
  )
}

function exportedBlob(row: CommandRow, containers: readonly StorageLocation[]): ExportedBlob {
  const url = textOf(row, 'Path')
  const rows = Number(row.cell('NumRecords'))
  if (!Number.isSafeInteger(rows) || rows < 0) {
    throw new KustoProtocolError(
      'KUSTO_BAD_EXPORT_DETAILS',
      `expected a row count in NumRecords, found ${row.text('NumRecords')}`,
    )
  }
  const location = blobAt(url, containers)
  if (location === undefined) {
    throw new KustoProtocolError(
      'KUSTO_BAD_EXPORT_DETAILS',
      `expected a blob in one of the ${containers.length} export containers, found ${url.split(/[?;]/)[0] ?? ''}`,
    )
  }
  const bytes = row.has('SizeInBytes') ? Number(row.cell('SizeInBytes')) : 0
  return { location, rows, bytes: Number.isSafeInteger(bytes) ? bytes : 0 }
}

/** Best effort: the operation may have ended already, and the error that led here matters more. */
async function cancel(context: SourceContext, operationId: string, settings: ReadSettings): Promise<void> {
  try {
    await context.command(cancelOperation(operationId, 'the reader gave up'), {
      ...settings,
      signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS),
    })
  } catch (error) {
    context.log.warning(`could not cancel operation ${operationId}: ${String(error)}`)
  }
}

/** A failed export leaves the blobs it had written. */
async function removeLeftovers(
  context: SourceContext,
  place: {
    readonly containers: readonly StorageLocation[]
    readonly directory: string
    /** The end of the connector. */
    readonly signal: AbortSignal
  },
  { keepBlobs, onEvent }: ReadSettings,
): Promise<void> {
  if (keepBlobs) return
  const { containers, directory, signal } = place
  const all = await Promise.all(containers.map((container) => removeDirectory(container, directory, { signal })))
  const failures = all.flatMap((found) => found.failures)
  for (const failure of failures) context.log.warning(`blobs of a failed export may be left: ${String(failure)}`)
  const removed = all.reduce((sum, found) => sum + found.removed, 0)
  if (removed + failures.length > 0) onEvent({ kind: 'blobs-removed', removed, failed: failures.length, directory })
}

function textOf(row: CommandRow | undefined, column: string): string {
  const text = row?.text(column) ?? ''
  if (text !== '') return text
  throw new KustoProtocolError('KUSTO_BAD_ANSWER', `expected text in column ${column} of the answer, found none`)
}

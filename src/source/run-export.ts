import { randomUUID } from 'node:crypto'
import type { CommandRow } from '../client/command-table.ts'
import { poll } from '../base/poll.ts'
import { KustoProtocolError, KustoServiceError, KustoUsageError } from '../errors.ts'
import { exportCommand } from '../kql/commands/export-commands.ts'
import { cancelOperation, showOperation, showOperationDetails } from '../kql/commands/operation-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { removeDirectory } from '../storage/remove-blobs.ts'
import { blobAt, urlWithSecret } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import type { ExportedBlob } from './partition.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'

export interface ExportOutcome {
  readonly operationId: string
  /** The prefix all blobs of this export share, below the container; fresh for each attempt. */
  readonly directory: string
  readonly blobs: readonly ExportedBlob[]
}

/** How long a best-effort `.cancel operation` may take after an abort. */
const CANCEL_TIMEOUT_MS = 1_000

/**
 * Runs one export and gives its blobs as the operation's details name them; folders are never listed.
 * @throws {KustoServiceError} KUSTO_EXPORT_FAILED when the operation ends in another state than Completed
 */
export async function runExport(context: SourceContext, query: Kql, settings: ReadSettings): Promise<ExportOutcome> {
  const { signal, onEvent } = settings
  const containers = await context.exportContainers(signal)
  if (containers.length === 0) {
    throw new KustoUsageError(
      'KUSTO_NO_EXPORT_STORAGE',
      'expected at least one container to export to, the service offers none',
    )
  }
  const directory = `kusto-arrow/${randomUUID()}`
  const csl = exportCommand({
    format: 'parquet',
    to: containers.map((container) => urlWithSecret(container)),
    query,
    properties: {
      namePrefix: `${directory}/part`,
      compressionType: settings.compression,
      parquetDatetimePrecision: 'microsecond',
      ...(settings.sizeLimit === undefined ? {} : { sizeLimit: settings.sizeLimit }),
      ...(settings.distribution === undefined ? {} : { distribution: settings.distribution }),
    },
  })
  const started = await context.command(csl, settings)
  const operationId = textOf(started[0], 'OperationId')
  onEvent({ kind: 'export-started', operationId, directory })
  const startedAt = performance.now()
  try {
    await waitForOperation(context, operationId, settings)
    const details = await context.command(showOperationDetails(operationId), settings)
    const blobs = details.map((row) => exportedBlob(row, containers))
    const rows = blobs.reduce((sum, blob) => sum + blob.rows, 0)
    onEvent({
      kind: 'export-finished',
      operationId,
      blobs: blobs.length,
      rows,
      elapsedMs: performance.now() - startedAt,
    })
    return { operationId, directory, blobs }
  } catch (error) {
    await cancel(context, operationId, settings)
    await removeLeftovers(context, containers, directory, settings)
    throw error
  }
}

async function waitForOperation(context: SourceContext, operationId: string, settings: ReadSettings): Promise<void> {
  const startedAt = performance.now()
  await poll(
    async () => {
      const row = (await context.command(showOperation(operationId), settings))[0]
      const state = textOf(row, 'State')
      if (state === 'Completed') return true
      if (state !== 'InProgress' && state !== 'Scheduled') throw exportFailed(operationId, state, row?.text('Status'))
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

function exportFailed(operationId: string, state: string, status: string | undefined): KustoServiceError {
  return new KustoServiceError(
    'KUSTO_EXPORT_FAILED',
    `the export with operation id ${operationId} ended as ${state}: ${status ?? 'no reason given'}`,
    { status: 200, retryable: state === 'Throttled' },
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
  containers: readonly StorageLocation[],
  directory: string,
  { keepBlobs, onEvent }: ReadSettings,
): Promise<void> {
  if (keepBlobs) return
  for (const container of containers) {
    const { removed, failures } = await removeDirectory(container, directory)
    for (const failure of failures) context.log.warning(`blobs of a failed export may be left: ${String(failure)}`)
    if (removed + failures.length > 0) onEvent({ kind: 'blobs-removed', removed, failed: failures.length, directory })
  }
}

function textOf(row: CommandRow | undefined, column: string): string {
  const text = row?.text(column) ?? ''
  if (text !== '') return text
  throw new KustoProtocolError('KUSTO_BAD_ANSWER', `expected text in column ${column} of the answer, found none`)
}

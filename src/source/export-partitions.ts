import { randomUUID } from 'node:crypto'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { mapOrdered } from '../base/map-ordered.ts'
import { KustoProtocolError } from '../errors.ts'
import { kql } from '../kql/kql.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import { packPartitions } from './pack-partitions.ts'
import type { PartitionExport } from './partition-by.ts'
import { planExports } from './plan-exports.ts'
import type { PartitionBlob } from './read-blobs.ts'
import type { ReadSettings } from './read-settings.ts'
import { runExport } from './run-export.ts'
import type { ExportOutcome } from './run-export.ts'
import type { SourceContext } from './source-context.ts'
import { exportQuery } from './source-query.ts'
import type { SourceQuery } from './source-query.ts'

/** Exports that are done, and how their blobs make partitions. */
export interface ExportedRead {
  readonly operationIds: readonly string[]
  /** The prefix of all blobs of the read, below their containers. */
  readonly directory: string
  readonly rows: number
  readonly partitions: readonly (readonly PartitionBlob[])[]
}

/**
 * Exports a query's rows to blobs: with `partitionBy` one export per partition, side by side; without, one export whose
 * blobs are shared out over the partitions by size.
 * @throws {KustoProtocolError} KUSTO_ROW_COUNT_MISMATCH when the exports of partitions do not have the rows that were counted
 */
export async function exportPartitions(
  context: SourceContext,
  source: SourceQuery,
  options: { readonly columns: readonly KustoColumn[]; readonly settings: ReadSettings },
): Promise<ExportedRead> {
  const { columns, settings } = options
  const directory = `kusto-arrow/${randomUUID()}`
  const { partitionBy: by } = settings
  if (by === undefined) {
    const query = exportQuery(source, columns, settings.types)
    const outcome = await runExport(context, { query, directory, signal: settings.signal }, settings)
    return { ...summary([outcome]), directory, partitions: packed(outcome, settings.partitions) }
  }
  const plan = await planExports(context, source, { by, columns, settings })
  const outcomes = await runAll(context, plan.exports, { source, columns, settings, directory })
  const { rows, operationIds } = summary(outcomes)
  if (plan.expectedRows !== undefined && plan.expectedRows !== rows) {
    await removeAll(context, outcomes, settings)
    throw new KustoProtocolError(
      'KUSTO_ROW_COUNT_MISMATCH',
      `expected ${plan.expectedRows} rows as counted before the ${outcomes.length} exports, found ${rows} exported: ` +
        'the data changes or the query is not deterministic; bound the query, or set verifyRows to false',
    )
  }
  const partitions = Array.from({ length: plan.partitions }, (_, partition) =>
    plan.exports.flatMap((part, index) =>
      part.partition === partition ? (outcomes[index]?.blobs ?? []).map((blob) => ({ ...blob, partition })) : [],
    ),
  )
  return { operationIds, rows, directory, partitions }
}

/** Blobs of one export by size. A blob of unknown size counts with its rows. */
function packed(outcome: ExportOutcome, partitions: number): ExportedRead['partitions'] {
  const sized = outcome.blobs.map((blob) => ({
    blob,
    url: blob.location.url,
    rows: blob.rows,
    bytes: blob.bytes > 0 ? blob.bytes : blob.rows,
  }))
  return packPartitions(sized, partitions).map((members, partition) =>
    members.map(({ blob }) => ({ ...blob, partition })),
  )
}

async function runAll(
  context: SourceContext,
  exports: readonly PartitionExport[],
  read: {
    readonly source: SourceQuery
    readonly columns: readonly KustoColumn[]
    readonly settings: ReadSettings
    readonly directory: string
  },
): Promise<readonly ExportOutcome[]> {
  const { source, columns, settings, directory } = read
  const outcomes: ExportOutcome[] = []
  const running = mapOrdered(
    exports,
    async ({ partition, predicate }, signal) => {
      const operators = predicate === undefined ? source.operators : [...source.operators, kql`where ${predicate}`]
      const query = exportQuery({ ...source, operators }, columns, settings.types)
      const outcome = await runExport(context, { query, directory: `${directory}/${partition}`, signal }, settings)
      outcomes.push(outcome)
      return outcome
    },
    { concurrency: settings.exportConcurrency, ...(settings.signal === undefined ? {} : { signal: settings.signal }) },
  )
  const inOrder: ExportOutcome[] = []
  try {
    for await (const outcome of running) inOrder.push(outcome)
    return inOrder
  } catch (error) {
    await removeAll(context, outcomes, settings)
    throw error
  }
}

async function removeAll(
  context: SourceContext,
  outcomes: readonly ExportOutcome[],
  { keepBlobs, onEvent, signal }: ReadSettings,
): Promise<void> {
  if (keepBlobs) return
  const remove = async (stop: AbortSignal): Promise<void> => {
    for (const { blobs, directory } of outcomes) {
      const locations = blobs.map((blob) => blob.location)
      const { removed, failures } = await removeBlobs(locations, { signal: stop })
      for (const failure of failures) context.log.warning(`an exported blob is left: ${String(failure)}`)
      onEvent({ kind: 'blobs-removed', removed, failed: failures.length, directory })
    }
  }
  await context.sweeps.remove(remove, { signal })
}

function summary(outcomes: readonly ExportOutcome[]): Pick<ExportedRead, 'operationIds' | 'rows'> {
  return {
    operationIds: outcomes.map((outcome) => outcome.operationId),
    rows: outcomes.reduce((sum, { blobs }) => sum + blobs.reduce((rows, blob) => rows + blob.rows, 0), 0),
  }
}

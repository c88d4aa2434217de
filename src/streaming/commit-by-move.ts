import { createHash } from 'node:crypto'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { poll } from '../base/poll.ts'
import { KustoIngestError, KustoNetworkError, KustoUsageError } from '../errors.ts'
import { dropExtentTags, moveExtentsById } from '../kql/commands/extent-commands.ts'
import { dropTable } from '../kql/commands/table-commands.ts'
import { listExtents, rowsOf, windowOf } from '../sink/extent-list.ts'
import type { ListedExtent } from '../sink/extent-list.ts'
import { moveExtents, whereAre } from '../sink/move-extents.ts'
import { planStaging } from '../sink/plan-staging.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { stagingName } from '../sink/staging-name.ts'
import { runTogether } from '../sink/staging-table.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { WriteSettings } from '../sink/write-settings.ts'
import { submitBatch } from './submit-batch.ts'
import type { SubmitRequest } from './submit-batch.ts'
import type { EntryRecord, MoveRecord } from './wal-records.ts'

export interface CommitByMoveRequest extends Omit<SubmitRequest, 'table'> {
  readonly target: string
  readonly move: MoveRecord | undefined
  readonly write: Pick<WriteSettings, 'creationTime' | 'stagingTimeoutMs'>
}

/** How long rows may be missing from the list of extents after their blob was reported as loaded. */
const LISTING_MS = 10_000
const MOVE_TIMEOUT_MS = 1_800_000
/** A table that got rows it should not have is emptied and loaded again so often. */
const RELOADS = 1

/**
 * Brings a staged batch into its table through a hidden table of its own, whose name follows from the batch. Only this batch is
 * in it, so its rows can be counted; then exactly the extents that were counted are moved by one command, which moves all or
 * none, and which of both happened is told by what the hidden table still has. That table is never deleted by itself while it
 * has rows, so one that is gone has been emptied by the move. A message that comes late finds no table, or brings rows that
 * were not counted and are dropped with it.
 * @throws {KustoIngestError} KUSTO_INGESTION_FAILED, KUSTO_ROW_COUNT_MISMATCH; and what keeps the move from being told
 */
export async function commitByMove(
  context: SinkContext,
  request: CommitByMoveRequest,
): Promise<{ readonly evidence: string }> {
  const { log, entry, target, tag, signal } = request
  const staging = stagingTableOf(target, tag, entry)
  if (request.move !== undefined) {
    const extents = request.move.extents.map((extent): ListedExtent => ({ ...extent, tags: [] }))
    const isGone = (await fetchTableColumns(context, staging, signal)) === undefined
    if (!isGone) await move(context, { ...request, staging }, extents)
    await drop(context, staging, signal)
    return { evidence: 'moved' }
  }
  const extents = await load(context, { ...request, staging }, RELOADS)
  const facts = extents.map(({ id, rows, createdFromMs, createdToMs }) => ({ id, rows, createdFromMs, createdToMs }))
  await log.intendMove(entry, { stagingTable: staging, extents: facts }, signal)
  await move(context, { ...request, staging }, extents)
  await drop(context, staging, signal)
  return { evidence: 'moved' }
}

/** The hidden table of a batch: the same name in every process. */
export function stagingTableOf(target: string, tag: string, { createdAt }: Pick<EntryRecord, 'createdAt'>): string {
  const id = createHash('sha256').update(tag).digest('hex').slice(0, 12)
  return stagingName({ table: target, createdAtMs: Date.parse(createdAt), id })
}

interface Staged extends CommitByMoveRequest {
  readonly staging: string
}

/** Extents that hold exactly the rows of the batch. */
async function load(context: SinkContext, request: Staged, reloads: number): Promise<readonly ListedExtent[]> {
  const { entry, staging, tag, signal } = request
  await ensureTable(context, request)
  const before = rowsOf(await listExtents(context, { table: staging }, signal))
  // Complete already: an earlier attempt brought all of it.
  if (before < entry.rows) await submitBatch(context, { ...request, table: staging })
  let extents = await counted(context, request)
  if (rowsOf(extents) === entry.rows) {
    // What moves leaves no tag in the target.
    await context.command(dropExtentTags(staging, [`ingest-by:${tag}`]), signal, { repeatable: true })
    extents = await counted(context, request)
    if (rowsOf(extents) === entry.rows) return extents
  }
  if (reloads === 0) {
    throw new KustoIngestError(
      'KUSTO_ROW_COUNT_MISMATCH',
      `expected the ${entry.rows} rows of batch ${entry.sequence} in its staging table ${staging}, found ${rowsOf(extents)} again; none of them was moved`,
      { context: { table: request.target } },
    )
  }
  await drop(context, staging, signal)
  // Its attempts were for a table that is no more.
  return load(context, { ...request, attempts: [] }, reloads - 1)
}

async function ensureTable(context: SinkContext, { target, staging, write, signal }: Staged): Promise<void> {
  if ((await fetchTableColumns(context, staging, signal)) !== undefined) return
  const columns: readonly KustoColumn[] | undefined = await fetchTableColumns(context, target, signal)
  if (columns === undefined) {
    throw new KustoUsageError('KUSTO_TABLE_NOT_FOUND', `expected table ${target}, found none`, {
      context: { table: target },
    })
  }
  const plan = planStaging({
    name: staging,
    target,
    columns,
    creationTime: write.creationTime,
    stagingTimeoutMs: write.stagingTimeoutMs,
    nowMs: Date.now(),
    batching: undefined,
    keepsRows: true,
  })
  await runTogether(context, plan, signal)
}

/** The extents once they have all rows, or as they are when that does not come. */
async function counted(context: SinkContext, { entry, staging, signal }: Staged): Promise<readonly ListedExtent[]> {
  let extents: readonly ListedExtent[] = []
  try {
    return await poll(
      async () => {
        extents = await listExtents(context, { table: staging }, signal)
        return rowsOf(extents) >= entry.rows ? extents : undefined
      },
      { what: `the listing of ${entry.rows} rows`, timeoutMs: LISTING_MS, signal },
    )
  } catch (error) {
    if (error instanceof KustoNetworkError && error.code === 'KUSTO_POLL_TIMEOUT') return extents
    throw error
  }
}

async function move(
  context: SinkContext,
  { log, target, staging, signal }: Staged,
  extents: readonly ListedExtent[],
): Promise<void> {
  const place = await whereAre(context, { staging, extents, mayMerge: false }, signal)
  if (place.at === 'target') return
  const outcome = await moveExtents(context, {
    staging,
    extents,
    mayMerge: false,
    command: async (current) => {
      await log.verify(signal)
      const extentIds = current.map(({ id }) => id)
      return moveExtentsById({ from: staging, to: target, extentIds, window: windowOf(current) })
    },
    timeoutMs: MOVE_TIMEOUT_MS,
    signal,
  })
  if (outcome.kind !== 'moved') throw outcome.error
}

async function drop(context: SinkContext, staging: string, signal: AbortSignal): Promise<void> {
  await context.command(dropTable(staging), signal, { repeatable: true })
}

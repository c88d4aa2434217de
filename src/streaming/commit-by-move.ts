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
import type { MoveRecord } from './wal-records.ts'

export interface CommitByMoveRequest extends Omit<SubmitRequest, 'table'> {
  readonly target: string
  readonly move: MoveRecord | undefined
  readonly write: Pick<WriteSettings, 'creationTime' | 'stagingTimeoutMs'>
}

/** How long rows may be missing from the list of extents after their blob was reported as loaded. */
const LISTING_MS = 10_000
const MOVE_TIMEOUT_MS = 1_800_000
/** A table that got rows it should not have is dropped, and another one loaded, so often. */
const RELOADS = 1
/** Writers of one batch whose tables are looked for; each costs two commands. */
const EARLIER_WRITERS = 20

/**
 * Brings a staged batch into its table through a hidden table of its own. Only this batch is in it, so its rows can be counted; then
 * exactly the extents that were counted are written down and moved by one command, which moves all or none, and which of both
 * happened is told by what the hidden table still has. That table is never deleted by itself while it has rows, and by us only
 * after the move, so one that is gone has been emptied by the move. Every writer has a table of its own for a batch, and what is
 * written down first is what is moved: a writer that was shut out cannot touch what the next one loads. A message that comes
 * late finds no table, or brings rows that were not counted and are dropped with it.
 * @throws {KustoIngestError} KUSTO_INGESTION_FAILED, KUSTO_ROW_COUNT_MISMATCH; and what keeps the move from being told
 */
export async function commitByMove(
  context: SinkContext,
  request: CommitByMoveRequest,
): Promise<{ readonly evidence: string }> {
  const { log, entry, signal } = request
  let record = request.move
  if (record === undefined) {
    const { staging, extents } = await load(context, request, 0)
    const facts = extents.map(({ id, rows, createdFromMs, createdToMs }) => ({ id, rows, createdFromMs, createdToMs }))
    record = await log.intendMove(entry, { stagingTable: staging, extents: facts }, signal)
  }
  const { stagingTable: staging } = record
  await move(
    context,
    { ...request, staging },
    record.extents.map((extent) => ({ ...extent, tags: [] })),
  )
  const tables = new Set([staging, ...request.attempts.map(({ intent }) => intent.table), ...earlierTables(request)])
  for (const table of tables) await drop(context, table, signal)
  return { evidence: 'moved' }
}

interface Staged extends CommitByMoveRequest {
  readonly staging: string
}

/** A hidden table of ours, and its extents, which hold exactly the rows of the batch. */
async function load(
  context: SinkContext,
  request: CommitByMoveRequest,
  reloads: number,
): Promise<{ readonly staging: string; readonly extents: readonly ListedExtent[] }> {
  const { log, entry, target, tag, signal } = request
  const staging = stagingOf(request, log.epoch, reloads)
  const staged: Staged = { ...request, staging }
  await ensureTable(context, staged)
  await submitBatch(context, { ...request, attempts: [], table: staging })
  let extents = await counted(context, staged)
  if (rowsOf(extents) === entry.rows) {
    // What moves leaves no tag in the target.
    await context.command(dropExtentTags(staging, [`ingest-by:${tag}`]), signal, { repeatable: true })
    extents = await counted(context, staged)
    if (rowsOf(extents) === entry.rows) return { staging, extents }
  }
  await drop(context, staging, signal)
  if (reloads < RELOADS) return load(context, request, reloads + 1)
  throw new KustoIngestError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected the ${entry.rows} rows of batch ${entry.sequence} in its staging table, found ${rowsOf(extents)} again; none of them was moved`,
    { context: { table: target } },
  )
}

/** The name follows from batch and writer, so that the next writer knows it although this one had no time to write it down. */
function stagingOf({ tag, target, entry }: CommitByMoveRequest, epoch: number, reloads: number): string {
  const id = createHash('sha256').update(`${tag}/${epoch}/${reloads}`).digest('hex').slice(0, 12)
  return stagingName({ table: target, createdAtMs: Date.parse(entry.createdAt), id })
}

/** Tables that writers before this one may have left. */
function earlierTables(request: CommitByMoveRequest): readonly string[] {
  const { log, entry } = request
  const tables: string[] = []
  for (let epoch = Math.max(entry.epoch, log.epoch - EARLIER_WRITERS); epoch < log.epoch; epoch++) {
    for (let reloads = 0; reloads <= RELOADS; reloads++) tables.push(stagingOf(request, epoch, reloads))
  }
  return tables
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
  if (place.at === 'unknown' && (await fetchTableColumns(context, staging, signal)) === undefined) return
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
  if (outcome.kind === 'moved') return
  // Dropped by a writer that was shut out after it had moved them.
  if ((await fetchTableColumns(context, staging, signal)) === undefined) return
  throw outcome.error
}

async function drop(context: SinkContext, staging: string, signal: AbortSignal): Promise<void> {
  await context.command(dropTable(staging), signal, { repeatable: true })
}

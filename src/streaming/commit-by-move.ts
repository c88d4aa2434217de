import { createHash } from 'node:crypto'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { poll } from '../base/poll.ts'
import { KustoError, KustoIngestError, KustoNetworkError, KustoUsageError } from '../errors.ts'
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

export interface CommitByMoveRequest extends Omit<SubmitRequest, 'table' | 'write'> {
  readonly target: string
  readonly move: MoveRecord | undefined
  readonly write: SubmitRequest['write'] & Pick<WriteSettings, 'creationTime' | 'stagingTimeoutMs'>
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
 * happened is told by what the hidden table still has. Nothing deletes rows of that table, and the caller drops it only after the
 * log has the outcome, so one that is gone without an outcome tells nothing. Every writer has a table of its own for a batch, and
 * what is written down first is what is moved: a writer that was shut out cannot touch what the next one loads. A message that
 * comes late finds no table, or brings rows that were not counted and are dropped with it.
 * @returns what told it, and the tables to drop once the outcome is in the log
 * @throws {KustoIngestError} KUSTO_INGESTION_FAILED, KUSTO_ROW_COUNT_MISMATCH; and what keeps the move from being told
 * @throws {KustoError} KUSTO_IN_DOUBT when the rows were about to be moved and their hidden table is gone
 */
export async function commitByMove(
  context: SinkContext,
  request: CommitByMoveRequest,
): Promise<{ readonly evidence: string; readonly stagingTables: readonly string[] }> {
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
  return { evidence: 'moved', stagingTables: [...new Set([staging, ...tablesOf(request, log.epoch - 1)])] }
}

/** The hidden tables that any writer up to this one may have made for a batch. */
export function stagingTablesOf(request: StagedBatch): readonly string[] {
  return [...new Set(tablesOf(request, request.log.epoch))]
}

/** Comes only after the log has the outcome of their batch. */
export async function dropStaging(
  context: SinkContext,
  tables: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const table of tables) await drop(context, table, signal)
}

/** What the names of the hidden tables of a batch follow from. */
export type StagedBatch = Pick<CommitByMoveRequest, 'log' | 'entry' | 'attempts' | 'move' | 'tag' | 'target'>

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
function stagingOf({ tag, target, entry }: StagedBatch, epoch: number, reloads: number): string {
  const id = createHash('sha256').update(`${tag}/${epoch}/${reloads}`).digest('hex').slice(0, 12)
  return stagingName({ table: target, createdAtMs: Date.parse(entry.createdAt), id })
}

/** What writers up to an epoch may have left: tables that rows were sent to are in the log, those before that follow from it. */
function tablesOf(request: StagedBatch, lastEpoch: number): readonly string[] {
  const { log, entry, attempts, move } = request
  const tables = attempts.map(({ intent }) => intent.table)
  if (move !== undefined) tables.push(move.stagingTable)
  for (let epoch = Math.max(entry.epoch, log.epoch - EARLIER_WRITERS); epoch <= lastEpoch; epoch++) {
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

async function move(context: SinkContext, staged: Staged, extents: readonly ListedExtent[]): Promise<void> {
  const { log, target, staging, signal } = staged
  const place = await whereAre(context, { staging, extents, mayMerge: false }, signal)
  if (place.at === 'target') return
  if (place.at === 'unknown') await refuseMissing(context, staged)
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
  await refuseMissing(context, staged)
  throw outcome.error
}

/** Whoever moves notes it before the table is dropped, so somebody else has dropped this one, with or without its rows. */
async function refuseMissing(context: SinkContext, { log, entry, staging, target, signal }: Staged): Promise<void> {
  if ((await fetchTableColumns(context, staging, signal)) !== undefined) return
  // One that was shut out meanwhile misses what its successor has dropped.
  await log.verify(signal)
  throw new KustoError(
    'KUSTO_IN_DOUBT',
    `nobody can tell whether batch ${entry.sequence} of ${entry.rows} rows is in table ${target}: its staging table ${staging} is gone, and the log ` +
      'does not say that its rows were moved; look for them, then settle it with settleBatch',
    { context: { table: target } },
  )
}

async function drop(context: SinkContext, staging: string, signal: AbortSignal | undefined): Promise<void> {
  await context.command(dropTable(staging), signal, { repeatable: true })
}

import { deleteDirectory } from '../index.ts'
import type { DeletedDirectory, StagingTableInfo } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import { formatCount, formatDuration, formatNumberOf } from './quantities.ts'
import { STORAGE_KINDS } from './read-flags.ts'
import { storageOf } from './storage-of.ts'
import { terminalTable } from './terminal-table.ts'

const DAY_MS = 86_400_000

/** Looks for staging tables and exported blobs of a certain age, and deletes them when told to. */
export async function runClean(call: CliCall): Promise<number> {
  const { flags, screen, signal } = call
  const dryRun = !flags.on('yes')
  const olderThanMs = Math.max(1, flags.durationMs('older-than') ?? DAY_MS)
  await using connection = await openConnection(call, { storage: false })
  screen.progress.phase('looking for staging tables')
  const tables = await connection.kusto.dropStagingTables({ dryRun, olderThanMs, signal })
  const storage = storageOf(call, STORAGE_KINDS)
  let blobs: DeletedDirectory | undefined
  if (storage !== undefined) {
    screen.progress.phase('looking for exported blobs')
    const directory = flags.text('directory') ?? 'kusto-arrow'
    blobs = await deleteDirectory({ storage, directory, dryRun, olderThanMs, signal })
  }
  screen.progress.end()
  const { dropped, kept, failures } = tables
  const failed = failures.length + (blobs?.failures.length ?? 0)
  const document = {
    dryRun,
    dropped,
    kept,
    failures: failures.map(({ table, error }) => ({ table, message: messageOf(error) })),
    ...(blobs === undefined
      ? {}
      : { blobs: { found: blobs.found, removed: blobs.removed, failures: blobs.failures.length } }),
  }
  await screen.result(document, () => {
    const lines = [
      tableText(call, dropped, kept, dryRun),
      ...(blobs === undefined
        ? []
        : [
            dryRun
              ? `${formatNumberOf(blobs.found, 'exported blob')} would be deleted`
              : `deleted ${formatNumberOf(blobs.removed, 'exported blob')}`,
          ]),
      ...(dryRun && (dropped.length > 0 || (blobs?.found ?? 0) > 0) ? ['nothing was changed; --yes deletes'] : []),
    ]
    return `${lines.join('\n')}\n`
  })
  for (const { table, error } of failures) screen.warn(`${table} could not be dropped: ${messageOf(error)}`)
  for (const error of blobs?.failures ?? []) screen.warn(`a blob could not be deleted: ${messageOf(error)}`)
  return failed > 0 ? EXIT.part : EXIT.done
}

function tableText(
  { screen, io }: CliCall,
  dropped: readonly StagingTableInfo[],
  kept: readonly StagingTableInfo[],
  dryRun: boolean,
): string {
  if (dropped.length + kept.length === 0) return 'no staging tables of that age'
  return terminalTable(
    [{ name: 'Staging table' }, { name: 'For' }, { name: 'Age' }, { name: 'Rows', align: 'right' }, { name: '' }],
    [
      ...dropped.map((info) => row(info, dryRun ? 'would be dropped' : 'dropped')),
      ...kept.map((info) =>
        row(info, info.safe ? 'kept' : 'kept: its write may still be at work, or a later one needs it'),
      ),
    ],
    { paint: screen.paint, ...(io.stdout.isTTY === true ? { width: io.stdout.columns ?? 80 } : {}) },
  ).trimEnd()
}

function row(info: StagingTableInfo, verdict: string): readonly string[] {
  return [info.name, info.target ?? '', formatDuration(info.ageMs), formatCount(info.rows), verdict]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

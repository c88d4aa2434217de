import pLimit from 'p-limit'
import { badOption, checkNames } from '../base/check-options.ts'
import { dropTable, showTablesWithHidden } from '../kql/commands/table-commands.ts'
import { listExtents, rowsOf } from './extent-list.ts'
import type { SinkContext } from './sink-context.ts'
import { STAGING_PREFIX, stagingCreatedAt } from './staging-name.ts'
import { isMissingTable } from './table-schema.ts'

/** A staging table that a write made and that is still there. */
export interface StagingTableInfo {
  readonly name: string
  /** The table its rows were for; undefined when its documentation was changed. */
  readonly target: string | undefined
  /** ISO 8601. */
  readonly createdAt: string
  readonly ageMs: number
  /** Rows that were not moved. None of them is in the target, for a move takes all. */
  readonly rows: number
  readonly extents: number
  /**
   * Whether its write must have ended, so that dropping the table disturbs nobody. Never for a table of an exactly-once writer that
   * has rows: the next writer of the log moves them, and the source does not give them again.
   */
  readonly safe: boolean
}

export interface StagingTablesOptions {
  /** Only tables that are at least this old. Default 0. */
  readonly olderThanMs?: number
  readonly signal?: AbortSignal
}

export interface DropStagingTablesOptions extends StagingTablesOptions {
  /** Drop these, whether safe or not. Default: all that are safe. */
  readonly tables?: readonly string[]
  /** Tell what would be dropped, and drop nothing. Default false. */
  readonly dryRun?: boolean
}

export interface DroppedStagingTables {
  /** With `dryRun`: what would be dropped. */
  readonly dropped: readonly StagingTableInfo[]
  /** Those that are not safe to drop, or were not named. */
  readonly kept: readonly StagingTableInfo[]
  /** Those that could not be dropped. */
  readonly failures: readonly { readonly table: string; readonly error: unknown }[]
}

/** Commands under way at once. */
const CONCURRENCY = 4

/** The staging tables of this package's writes in the database, oldest first. */
export async function listStagingTables(
  context: SinkContext,
  options: StagingTablesOptions,
): Promise<readonly StagingTableInfo[]> {
  checkNames(options, ['olderThanMs', 'signal'])
  const olderThanMs = ageOf(options.olderThanMs)
  const { signal } = options
  const nowMs = Date.now()
  const rows = await context.command(showTablesWithHidden(), signal)
  const found = rows.flatMap((row) => {
    const name = row.text('TableName')
    const createdAtMs = stagingCreatedAt(name)
    if (createdAtMs === undefined || nowMs - createdAtMs < olderThanMs) return []
    return [{ name, createdAtMs, ...noteOf(row.text('DocString')) }]
  })
  const infos = await pLimit(CONCURRENCY).map(found, async (table): Promise<StagingTableInfo | undefined> => {
    const { name, target, createdAtMs, busyUntilMs, keepsRows } = table
    try {
      const extents = await listExtents(context, { table: name }, signal)
      return {
        name,
        target,
        createdAt: new Date(createdAtMs).toISOString(),
        ageMs: Math.max(0, nowMs - createdAtMs),
        rows: rowsOf(extents),
        extents: extents.length,
        safe: busyUntilMs !== undefined && nowMs > busyUntilMs && !(keepsRows && extents.length > 0),
      }
    } catch (error) {
      // Its write has dropped it meanwhile.
      if (isMissingTable(error)) return undefined
      throw error
    }
  })
  return infos.flatMap((info) => info ?? []).sort((a, b) => b.ageMs - a.ageMs)
}

/** Drops staging tables that are left over; what cannot be dropped is told. */
export async function dropStagingTables(
  context: SinkContext,
  { tables, dryRun = false, ...options }: DropStagingTablesOptions,
): Promise<DroppedStagingTables> {
  for (const name of tables ?? []) {
    if (stagingCreatedAt(name) === undefined) {
      throw badOption(`expected names of staging tables, which begin with ${STAGING_PREFIX}, found ${name}`)
    }
  }
  const found = await listStagingTables(context, options)
  const isWanted = ({ name, safe }: StagingTableInfo): boolean => tables?.includes(name) ?? safe
  const wanted = found.filter(isWanted)
  const kept = found.filter((table) => !isWanted(table))
  if (dryRun) return { dropped: wanted, kept, failures: [] }
  const dropped: StagingTableInfo[] = []
  const failures: { readonly table: string; readonly error: unknown }[] = []
  await pLimit(CONCURRENCY).map(wanted, async (table) => {
    try {
      await context.command(dropTable(table.name), options.signal, { repeatable: true })
      dropped.push(table)
    } catch (error) {
      options.signal?.throwIfAborted()
      failures.push({ table: table.name, error })
    }
  })
  return { dropped, kept, failures }
}

function ageOf(olderThanMs: number | undefined): number {
  if (olderThanMs === undefined) return 0
  if (Number.isFinite(olderThanMs) && olderThanMs >= 0) return olderThanMs
  throw badOption(`expected olderThanMs to be milliseconds from 0 on, found ${String(olderThanMs)}`)
}

interface FoundNote {
  readonly target: string | undefined
  readonly busyUntilMs: number | undefined
  readonly keepsRows: boolean
}

/** What the write said of itself. Anybody may have changed it. */
function noteOf(docString: string): FoundNote {
  const none = { target: undefined, busyUntilMs: undefined, keepsRows: false }
  try {
    const note: unknown = JSON.parse(docString)
    if (typeof note !== 'object' || note === null) return none
    const target = 'target' in note && typeof note.target === 'string' ? note.target : undefined
    const until = 'busyUntil' in note && typeof note.busyUntil === 'string' ? Date.parse(note.busyUntil) : Number.NaN
    const keepsRows = 'keepsRows' in note && note.keepsRows === true
    return { target, busyUntilMs: Number.isNaN(until) ? undefined : until, keepsRows }
  } catch {
    return none
  }
}

import { poll } from '../base/poll.ts'
import type { Sleep } from '../base/sleep.ts'
import type { CommandRow } from '../client/command-table.ts'
import { KustoIngestError, KustoNetworkError } from '../errors.ts'
import { clearDatabaseStreamingSchemaCache } from '../kql/commands/streaming-commands.ts'
import { clearStreamingSchemaCache as clearTableCommand } from '../kql/commands/table-commands.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import type { StreamingContext } from './streaming-context.ts'

export interface ClearSchemaCacheOptions {
  /** How long to go on until every node has confirmed. Default 300,000 (five minutes). */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** What the nodes answered last. */
export interface ClearedSchemaCache {
  /** Nodes that have forgotten the schema: all there are. */
  readonly nodes: number
  /** Commands it took. */
  readonly attempts: number
}

/** Within this time the nodes learn of a change by themselves, so that going on longer is of no use. */
const TIMEOUT_MS = 300_000

/** {@link clearSchemaCache} with checked options; writes of this connector try the table again at once. */
export async function clearStreamingSchemaCache(
  context: StreamingContext,
  table: string | undefined,
  options: ClearSchemaCacheOptions,
): Promise<ClearedSchemaCache> {
  checkNames(options, ['timeoutMs', 'signal'])
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, Number.MAX_SAFE_INTEGER)
  const { sink, sleep, now } = context
  const cleared = await clearSchemaCache(sink, table, { ...options, timeoutMs, sleep, now })
  context.tables.reset(table)
  return cleared
}

/**
 * Makes the nodes forget the schema of a table, or of all tables of the database, and repeats that until every node says
 * `Succeeded`: those that failed would go on taking rows by the old schema.
 * @throws {KustoIngestError} KUSTO_SCHEMA_CACHE_NOT_CLEARED naming the nodes that did not, when the time is over
 */
export async function clearSchemaCache(
  context: Pick<SinkContext, 'command' | 'database'>,
  table: string | undefined,
  options: ClearSchemaCacheOptions & { readonly sleep?: Sleep; readonly now?: () => number },
): Promise<ClearedSchemaCache> {
  const { timeoutMs = TIMEOUT_MS, signal, sleep, now } = options
  const command = table === undefined ? clearDatabaseStreamingSchemaCache() : clearTableCommand(table)
  let failed: readonly string[] = []
  try {
    return await poll(
      async (attempt) => {
        const rows = await context.command(command, signal)
        failed = rows.filter((row) => !isDone(row)).map((row) => row.text('NodeId'))
        return rows.length > 0 && failed.length === 0 ? { nodes: rows.length, attempts: attempt } : undefined
      },
      {
        what: 'clearing the schema cache',
        timeoutMs,
        ...(signal === undefined ? {} : { signal }),
        ...(sleep === undefined ? {} : { sleep }),
        ...(now === undefined ? {} : { now }),
      },
    )
  } catch (cause) {
    if (!(cause instanceof KustoNetworkError) || cause.code !== 'KUSTO_POLL_TIMEOUT') throw cause
    const which = failed.length === 0 ? 'no node answered' : `these nodes did not: ${failed.join(', ')}`
    throw new KustoIngestError(
      'KUSTO_SCHEMA_CACHE_NOT_CLEARED',
      `expected every node to forget the schema of ${table === undefined ? `database ${context.database}` : `table ${table}`} within ${timeoutMs} ms; ${which}`,
      { cause, context: { database: context.database, ...(table === undefined ? {} : { table }) } },
    )
  }
}

const isDone = (row: CommandRow): boolean => row.text('Status').toLowerCase() === 'succeeded'

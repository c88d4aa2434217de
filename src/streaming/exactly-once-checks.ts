import { KustoUsageError } from '../errors.ts'
import { showExtentsWithTagPrefix } from '../kql/commands/extent-commands.ts'
import { showTablePolicy } from '../kql/commands/policy-commands.ts'
import { kql } from '../kql/kql.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { isMissingTable } from '../sink/table-schema.ts'
import { unsafe } from './exactly-once-settings.ts'
import { streamTagPrefix } from './wal-records.ts'

/**
 * A log that was lost leaves its tags in the table.
 * @throws {KustoUsageError} KUSTO_LOG_LOST
 */
export async function refuseEarlierTags(
  context: SinkContext,
  { table, stream, place }: { readonly table: string; readonly stream: string; readonly place: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const prefix = `ingest-by:${streamTagPrefix(stream)}`
  try {
    const found = await context.command(kql`${showExtentsWithTagPrefix(table, prefix)} | take 1`, signal)
    if (found.length === 0) return
  } catch (error) {
    if (isMissingTable(error)) return
    throw error
  }
  throw new KustoUsageError(
    'KUSTO_LOG_LOST',
    `expected the log of stream ${stream} in ${place}, found none, while table ${table} has rows of such a log: ` +
      'bring it back, or begin a new one with reset: true after making sure where the source must go on',
    { context: { table } },
  )
}

/**
 * Where extents are not kept nothing tells whether a batch was there.
 * @throws {KustoUsageError} KUSTO_NOT_EXACTLY_ONCE
 */
export async function refuseForgetfulTable(
  context: SinkContext,
  table: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [row] = await context.command(showTablePolicy(table, 'retention'), signal)
  const policy = row?.text('Policy') ?? ''
  if (/"SoftDeletePeriod"\s*:\s*"(0?0:)*00:00:00(\.0+)?"/.test(policy)) {
    throw unsafe(
      `table ${table}, which keeps no rows (its soft delete period is zero)`,
      'its extents and their tags are gone at once',
    )
  }
}

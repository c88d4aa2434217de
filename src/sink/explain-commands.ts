import { showTablePolicy } from '../kql/commands/policy-commands.ts'
import { dropTable } from '../kql/commands/table-commands.ts'
import { name } from '../kql/kql.ts'
import { planStaging } from './plan-staging.ts'
import type { SchemaPlan } from './plan-schema.ts'
import { schemaCommands } from './prepare-table.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteSettings } from './write-settings.ts'

/** What stands for the name of a staging table, which is made when a write begins. */
const STAGING = '<staging table>'

/**
 * The text of the commands by which a write would change something, in their order. What only the write itself can
 * know, such as names of staging tables and ids of extents, stands in `<...>`.
 */
export async function explainCommands(
  context: SinkContext,
  { table, plan }: { readonly table: string; readonly plan: SchemaPlan },
  settings: WriteSettings,
): Promise<readonly string[]> {
  const schema = schemaCommands(table, plan).map((command) => command.text)
  if (settings.mode === 'queued') return schema
  const { stagingTable, creationTime, stagingTimeoutMs } = settings
  const from = stagingTable ?? STAGING
  const staging =
    stagingTable === undefined
      ? planStaging({
          name: STAGING,
          target: table,
          columns: plan.columns,
          creationTime,
          stagingTimeoutMs,
          nowMs: Date.now(),
          batching: plan.create === undefined ? await batchingPolicy(context, table, settings.signal) : undefined,
        })
      : []
  return [
    ...staging.map((command) => command.text),
    ...schema,
    swapText(from, table, settings),
    ...(stagingTable === undefined ? [dropTable(STAGING).text] : []),
  ]
}

function swapText(from: string, to: string, { mode, replaceTag }: WriteSettings): string {
  const [source, target] = [name(from).text, name(to).text]
  if (mode === 'transactional') {
    return `.move async extents from table ${source} to table ${target} with (<times>) (<extents of ${from}>)`
  }
  const gone = replaceTag === undefined ? `<extents of ${to}>` : `<extents of ${to} with tag drop-by:${replaceTag}>`
  return `.replace async extents in table ${target} with (<times>) <| {${gone}}, {<extents of ${from}>}`
}

async function batchingPolicy(
  context: SinkContext,
  table: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const [row] = await context.command(showTablePolicy(table, 'ingestionbatching'), signal)
  const policy = row?.text('Policy') ?? ''
  return policy === '' || policy === 'null' ? undefined : policy
}

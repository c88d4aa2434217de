import { AbortScope } from '../base/abort.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoIngestError } from '../errors.ts'
import { clearSchemaCache } from './schema-cache.ts'
import type { ClearedSchemaCache, ClearSchemaCacheOptions } from './schema-cache.ts'
import type { StreamingContext } from './streaming-context.ts'

const TIMEOUT_MS = 300_000

/**
 * Changes the schema of a table that is being streamed to: holds back this connector's requests to it, waits for those
 * under way, makes the change, has every node forget the old schema, and lets requests go on. Without this, requests may
 * meet the old schema for up to five minutes, and fail or be read by it. Other processes that write must pause themselves.
 *
 * Requests go on whatever happens.
 * @throws {KustoIngestError} KUSTO_SCHEMA_CACHE_NOT_CLEARED, or KUSTO_STREAMING_NOT_DRAINED, when `timeoutMs` is over
 */
export async function changeStreamingSchema(
  context: StreamingContext,
  { table, change }: { readonly table: string; readonly change: () => Promise<unknown> },
  options: ClearSchemaCacheOptions,
): Promise<ClearedSchemaCache> {
  checkNames(options, ['timeoutMs', 'signal'])
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, Number.MAX_SAFE_INTEGER)
  const state = context.tables.of(table)
  using scope = new AbortScope(options.signal)
  scope.limit(timeoutMs, () => notDrained(table, timeoutMs))
  const resume = await state.pause(scope.signal)
  try {
    await state.drained(scope.signal)
    scope.limit(Infinity, () => undefined)
    await change()
    const { sleep, now } = context
    const cleared = await clearSchemaCache(context.sink, table, { timeoutMs, signal: scope.signal, sleep, now })
    state.reset()
    return cleared
  } finally {
    resume()
  }
}

function notDrained(table: string, timeoutMs: number): KustoIngestError {
  return new KustoIngestError(
    'KUSTO_STREAMING_NOT_DRAINED',
    `expected the requests to table ${table} to end within ${timeoutMs} ms, found some under way; nothing was changed`,
    { context: { table } },
  )
}

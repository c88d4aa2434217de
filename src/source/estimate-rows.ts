import { DEFAULT_TYPE_SETTINGS } from '../arrow/scalar-types.ts'
import { AbortScope } from '../base/abort.ts'
import { KustoProtocolError } from '../errors.ts'
import { Kql, kql } from '../kql/kql.ts'
import { MIN_SERVER_TIMEOUT_MS } from '../protocol/request-properties.ts'
import { requestsOnly } from './read-events.ts'
import { openSingle } from './read-single.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

/** What a bounded count found. */
export type RowEstimate =
  | { readonly kind: 'counted'; readonly rows: number }
  /** There are more than this; the count stopped there. */
  | { readonly kind: 'more-than'; readonly rows: number }
  | { readonly kind: 'no-answer'; readonly timeoutMs: number }

/**
 * The rows of a query, counted by the service up to all of them. The answer is read to its end: what went wrong is told
 * behind the number.
 */
export async function countRows(context: SourceContext, source: SourceQuery, settings: ReadSettings): Promise<number> {
  const count = { query: source.query, operators: [...source.operators, kql`count`] }
  const { batches } = await openSingle(
    context,
    count,
    { ...settings, types: DEFAULT_TYPE_SETTINGS, onEvent: requestsOnly(settings.onEvent) },
    'count',
  )
  let rows: unknown
  for await (const batch of batches) rows ??= batch.getChildAt(0)?.get(0)
  if (typeof rows === 'bigint') return Number(rows)
  throw new KustoProtocolError('KUSTO_BAD_ANSWER', 'expected a number of rows from a count, found none')
}

/** Counts up to one row more than `exportAboveRows`, for at most `estimateTimeoutMs`; then the count is cancelled. */
export async function estimateRows(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<RowEstimate> {
  const { exportAboveRows, estimateTimeoutMs: timeoutMs, properties } = settings
  const take = kql`take ${Kql.raw(String(exportAboveRows + 1))}`
  const tooLate = new Error(`no count within ${timeoutMs} ms`)
  using scope = new AbortScope(settings.signal)
  scope.limit(timeoutMs, () => tooLate)
  try {
    const rows = await countRows(
      context,
      { query: source.query, operators: [...source.operators, take] },
      {
        ...settings,
        signal: scope.signal,
        properties: { ...properties, servertimeout: Math.max(MIN_SERVER_TIMEOUT_MS, timeoutMs) },
      },
    )
    return rows > exportAboveRows ? { kind: 'more-than', rows: exportAboveRows } : { kind: 'counted', rows }
  } catch (error) {
    if (error === tooLate) return { kind: 'no-answer', timeoutMs }
    throw error
  }
}

/** The estimate as a phrase for reasons. */
export function describeEstimate(estimate: RowEstimate): string {
  switch (estimate.kind) {
    case 'counted':
      return `a count found ${estimate.rows} rows`
    case 'more-than':
      return `a count found more than ${estimate.rows} rows`
    case 'no-answer':
      return `a count gave no answer within ${estimate.timeoutMs} ms`
  }
}

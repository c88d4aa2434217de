import { DEFAULT_TYPE_SETTINGS } from '../arrow/scalar-types.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoProtocolError } from '../errors.ts'
import { kql } from '../kql/kql.ts'
import type { Kql } from '../kql/kql.ts'
import { givenBounds, hashExports, partitionColumn, rangeExports } from './partition-by.ts'
import type { PartitionBy, PartitionExport } from './partition-by.ts'
import { equalWidthBounds, quantileBounds, statisticsOperator } from './range-bounds.ts'
import type { RangeStatistics } from './range-bounds.ts'
import { requestsOnly } from './read-events.ts'
import type { ReadSettings } from './read-settings.ts'
import { openSingle } from './read-single.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

export interface ExportPlan {
  readonly exports: readonly PartitionExport[]
  readonly partitions: number
  /** Rows that all exports together must have; undefined when nobody counted. */
  readonly expectedRows: number | undefined
}

/** Decides which exports make the caller's partitions, and counts the rows they must have together. */
export async function planExports(
  context: SourceContext,
  source: SourceQuery,
  options: { readonly by: PartitionBy; readonly columns: readonly KustoColumn[]; readonly settings: ReadSettings },
): Promise<ExportPlan> {
  const { by, columns, settings } = options
  const { verifyRows } = settings
  const column = partitionColumn(by, columns)
  if (by.kind === 'hash') {
    const { partitions } = settings
    const expectedRows = verifyRows
      ? (await fetchStatistics(context, source, settings, kql`summarize count()`)).rows
      : undefined
    return { exports: hashExports(column, partitions), partitions, expectedRows }
  }
  const { bounds = 'equal-width' } = by
  if (typeof bounds !== 'string') {
    const exports = rangeExports(column, givenBounds(bounds, column))
    const expectedRows = verifyRows
      ? (await fetchStatistics(context, source, settings, kql`summarize count()`)).rows
      : undefined
    return { exports, partitions: bounds.length + 1, expectedRows }
  }
  const { partitions } = settings
  const operator = statisticsOperator(column, bounds === 'quantiles' ? partitions - 1 : 0)
  const statistics = await fetchStatistics(context, source, settings, operator)
  const cuts =
    bounds === 'quantiles' ? quantileBounds(statistics, column) : equalWidthBounds(statistics, column, partitions)
  return { exports: rangeExports(column, cuts), partitions, expectedRows: verifyRows ? statistics.rows : undefined }
}

async function fetchStatistics(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
  operator: Kql,
): Promise<RangeStatistics> {
  const asked = { ...source, operators: [...source.operators, operator] }
  const { batches } = await openSingle(context, asked, {
    ...settings,
    types: DEFAULT_TYPE_SETTINGS,
    onEvent: requestsOnly(settings.onEvent),
  })
  let statistics: RangeStatistics | undefined
  // Read to the end: what went wrong is told behind the numbers.
  for await (const batch of batches) {
    const cell = (index: number): unknown => batch.getChildAt(index)?.get(0)
    const rows = cell(0)
    if (typeof rows !== 'bigint') continue
    statistics ??= {
      rows: Number(rows),
      low: numberOf(cell(1)),
      high: numberOf(cell(2)),
      quantiles: numbersOf(cell(3)),
    }
  }
  if (statistics !== undefined) return statistics
  throw new KustoProtocolError(
    'KUSTO_BAD_ANSWER',
    'expected a row count from the query that measures partitions, found none',
  )
}

function numberOf(cell: unknown): bigint | number | undefined {
  return typeof cell === 'bigint' || typeof cell === 'number' ? cell : undefined
}

/** A JSON array of numbers; null where there are no values. */
function numbersOf(cell: unknown): readonly number[] {
  if (typeof cell !== 'string' || cell === '') return []
  const parsed: unknown = JSON.parse(cell)
  return Array.isArray(parsed) ? parsed.filter((item) => typeof item === 'number') : []
}

import type { KustoColumn } from '../arrow/scalar-types.ts'
import { Kql, kql, type KustoScalar, name } from '../kql/kql.ts'
import { boundScalar } from './partition-by.ts'

/** What the statistics query says about a column; no values when all of them are null. */
export interface RangeStatistics {
  readonly rows: number
  readonly low: bigint | number | undefined
  readonly high: bigint | number | undefined
  /** Ascending; empty unless asked for. */
  readonly quantiles: readonly number[]
}

/** Counts the rows and measures the column: columns Rows, Low, High and, for quantiles, Quantiles. */
export function statisticsOperator(column: KustoColumn, quantiles: number): Kql {
  const value = measure(column)
  const ends = kql`summarize Rows=count(), Low=min(${value}), High=max(${value})`
  if (quantiles === 0) return ends
  const percents = Array.from({ length: quantiles }, (_, index) => String((100 * (index + 1)) / (quantiles + 1)))
  return kql`${ends}, Quantiles=tostring(percentiles_array(${value}, ${Kql.raw(percents.join(', '))}))`
}

/** Cuts between the least and the greatest value into ranges of the same width. */
export function equalWidthBounds(
  { low, high }: RangeStatistics,
  column: KustoColumn,
  partitions: number,
): readonly KustoScalar[] {
  if (low === undefined || high === undefined) return []
  return Array.from({ length: partitions - 1 }, (_, index) => {
    const step = index + 1
    // Fractions of both ends: the difference of two finite reals may be infinite.
    const bound =
      typeof low === 'bigint' && typeof high === 'bigint'
        ? low + ((high - low + 1n) * BigInt(step)) / BigInt(partitions)
        : Number(low) * (1 - step / partitions) + Number(high) * (step / partitions)
    return boundScalar(bound, column)
  })
}

/** Quantiles as bounds. They come as JSON numbers: 53 bits are enough for a cut, and rounding must not leave the type. */
export function quantileBounds({ quantiles, low, high }: RangeStatistics, column: KustoColumn): readonly KustoScalar[] {
  const ascending = [...quantiles].sort((a, b) => a - b)
  return ascending.map((quantile) => {
    if (typeof low !== 'bigint' || typeof high !== 'bigint') return boundScalar(quantile, column)
    const whole = BigInt(Math.round(quantile))
    return boundScalar(whole < low ? low : whole > high ? high : whole, column)
  })
}

/** The column as a long or a finite real. */
function measure({ name: columnName, type }: KustoColumn): Kql {
  const value = name(columnName)
  if (type === 'datetime' || type === 'int' || type === 'long') return kql`tolong(${value})`
  const real = type === 'real' ? value : kql`todouble(${value})`
  return kql`iff(isfinite(${real}), ${real}, ${Kql.raw('real(null)')})`
}

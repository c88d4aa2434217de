import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { ticksFromDate } from '../base/ticks.ts'
import { badOption, checkNames, oneOf } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import { Kql, kql, KustoScalar, literal, name } from '../kql/kql.ts'

/** A value between two ranges: a Date or ticks for a datetime column, a number or bigint for a column of numbers. */
export type RangeBound = number | bigint | Date

/** How the caller cuts a result into partitions, each of them exported by a command of its own. */
export type PartitionBy =
  /** By the hash of a column of any type but dynamic. */
  | { readonly kind: 'hash'; readonly column: string }
  /**
   * By ranges of a datetime or number column: `equal-width` (default) between its least and greatest value, `quantiles`
   * with about as many rows each, or cut before each of the given, ascending values. Nulls and NaN are in the first.
   */
  | {
      readonly kind: 'range'
      readonly column: string
      readonly bounds?: 'equal-width' | 'quantiles' | readonly RangeBound[]
    }

/** One export: the rows of one partition. */
export interface PartitionExport {
  readonly partition: number
  /** Undefined for all rows. */
  readonly predicate: Kql | undefined
}

const HASHED_AS_THEY_ARE: readonly ScalarName[] = ['string', 'int', 'long', 'datetime', 'timespan']
const RANGED: readonly ScalarName[] = ['datetime', 'int', 'long', 'real', 'decimal']

/**
 * Checks what can be checked without the query.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function checkedPartitionBy(by: PartitionBy, { partitions }: { readonly partitions?: number }): PartitionBy {
  oneOf('partitionBy.kind', by.kind, ['hash', 'range'])
  checkNames(by, by.kind === 'hash' ? ['kind', 'column'] : ['kind', 'column', 'bounds'])
  if (typeof by.column !== 'string' || by.column === '') throw badOption('expected partitionBy.column to name a column')
  if (by.kind === 'hash' || by.bounds === undefined) return by
  const { bounds } = by
  if (typeof bounds === 'string') oneOf('partitionBy.bounds', bounds, ['equal-width', 'quantiles'])
  else if (partitions !== undefined && partitions !== bounds.length + 1) {
    throw badOption(`expected ${partitions - 1} bounds for ${partitions} partitions, found ${bounds.length}`)
  }
  return by
}

/**
 * The column of the result that `by` names.
 * @throws {KustoUsageError} KUSTO_BAD_PARTITION_COLUMN when there is none, or its type cannot be cut that way
 */
export function partitionColumn(by: PartitionBy, columns: readonly KustoColumn[]): KustoColumn {
  const fits = ({ type }: KustoColumn): boolean => (by.kind === 'hash' ? type !== 'dynamic' : RANGED.includes(type))
  const column = columns.find((candidate) => candidate.name === by.column)
  if (column !== undefined && fits(column)) return column
  const found = column === undefined ? `no column ${by.column}` : `${by.column} of type ${column.type}`
  const choice = columns.filter(fits).map((candidate) => `${candidate.name} (${candidate.type})`)
  throw new KustoUsageError(
    'KUSTO_BAD_PARTITION_COLUMN',
    `expected partitionBy ${by.kind} to name one of the columns ${choice.join(', ') || '(none fits)'}, found ${found}`,
  )
}

/** One export per partition: a row's hash says to which it belongs, and a row without a hash belongs to the first. */
export function hashExports(column: KustoColumn, partitions: number): readonly PartitionExport[] {
  if (partitions === 1) return [{ partition: 0, predicate: undefined }]
  const value = name(column.name)
  const count = Kql.raw(String(partitions))
  const hash = HASHED_AS_THEY_ARE.includes(column.type)
    ? kql`hash(${value}, ${count})`
    : kql`hash(tostring(${value}), ${count})`
  const certain = column.type === 'string' ? hash : kql`coalesce(${hash}, ${Kql.raw('long(0)')})`
  return Array.from({ length: partitions }, (_, partition) => ({
    partition,
    predicate: kql`${certain} == ${Kql.raw(String(partition))}`,
  }))
}

/**
 * One export per range that can hold rows: `[bound, next bound)`, the first from the beginning and with nulls and NaN, the
 * last to the end. `bounds` never descend; between two equal ones there is nothing to export.
 */
export function rangeExports(column: KustoColumn, bounds: readonly KustoScalar[]): readonly PartitionExport[] {
  const value = name(column.name)
  const [first] = bounds
  if (first === undefined) return [{ partition: 0, predicate: undefined }]
  const noValue = column.type === 'real' ? kql`isnull(${value}) or isnan(${value})` : kql`isnull(${value})`
  const exports: PartitionExport[] = [{ partition: 0, predicate: kql`${noValue} or ${value} < ${literal(first)}` }]
  for (const [index, bound] of bounds.entries()) {
    const next = bounds[index + 1]
    if (next?.literal === bound.literal) continue
    const from = kql`${value} >= ${literal(bound)}`
    const predicate = next === undefined ? from : kql`${from} and ${value} < ${literal(next)}`
    exports.push({ partition: index + 1, predicate })
  }
  return exports
}

/**
 * The caller's bounds as values of the column's type.
 * @throws {KustoUsageError} KUSTO_BAD_PARTITION_BOUNDS when one is not of that type or they do not ascend
 */
export function givenBounds(bounds: readonly RangeBound[], column: KustoColumn): readonly KustoScalar[] {
  const values: (number | bigint)[] = []
  for (const [index, bound] of bounds.entries()) {
    const isNumber = !Number.isNaN(Number(bound))
    // Dates and ticks stand side by side.
    const value = bound instanceof Date && isNumber ? ticksFromDate(bound) : (bound as number | bigint)
    const previous = values.at(-1)
    values.push(value)
    if (!isNumber || !(previous === undefined || previous < value)) {
      throw badBounds(`expected bounds that ascend, found a wrong one at position ${index}`)
    }
    if (bound instanceof Date && column.type !== 'datetime') {
      throw badBounds(`expected numbers as bounds of ${column.name} of type ${column.type}, found a Date`)
    }
    if (typeof bound === 'number' && column.type === 'datetime') {
      throw badBounds(`expected Dates, or ticks as bigints, as bounds of ${column.name}, found a number`)
    }
  }
  return bounds.map((bound) => boundScalar(bound, column))
}

/** A bound in the column's type; numbers with a fraction compare with whole columns as reals. */
export function boundScalar(bound: RangeBound, { type }: KustoColumn): KustoScalar {
  if (type === 'datetime') return kql.datetime(bound instanceof Date ? ticksFromDate(bound) : BigInt(bound))
  const value = bound instanceof Date ? bound.getTime() : bound
  if (type === 'decimal') return kql.decimal(String(value))
  if (type === 'real' || (typeof value === 'number' && !isLong(value))) return kql.real(Number(value))
  // As a real a whole column would be compared with fewer digits, and a row near two bounds fall on both sides.
  return kql.long(BigInt(value))
}

function isLong(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63
}

function badBounds(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_PARTITION_BOUNDS', message)
}

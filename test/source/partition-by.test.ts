import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KustoColumn } from '../../src/arrow/scalar-types.ts'
import { kql } from '../../src/kql/kql.ts'
import {
  boundScalar,
  checkedPartitionBy,
  givenBounds,
  hashExports,
  partitionColumn,
  rangeExports,
} from '../../src/source/partition-by.ts'
import { equalWidthBounds, quantileBounds, statisticsOperator } from '../../src/source/range-bounds.ts'

const columns: readonly KustoColumn[] = [
  { name: 'id', type: 'long' },
  { name: 'at', type: 'datetime' },
  { name: "it's \\ odd", type: 'string' },
  { name: 'bag', type: 'dynamic' },
]
const texts = (exports: ReturnType<typeof rangeExports>): readonly (string | undefined)[] =>
  exports.map(({ predicate }) => predicate?.text)

describe('the column of a partitioning', () => {
  it('is one of the result, of a type that can be cut that way; the error names those', () => {
    expect(partitionColumn({ kind: 'hash', column: "it's \\ odd" }, columns).type).toBe('string')
    expect(() => partitionColumn({ kind: 'hash', column: 'ID' }, columns)).toThrow(
      "expected partitionBy hash to name one of the columns id (long), at (datetime), it's \\ odd (string), found no column ID",
    )
    expect(() => partitionColumn({ kind: 'hash', column: 'bag' }, columns)).toThrow(/found bag of type dynamic/)
    expect(() => partitionColumn({ kind: 'range', column: "it's \\ odd" }, columns)).toThrow(
      /one of the columns id \(long\), at \(datetime\), found it's .* of type string/,
    )
  })

  it('is checked before the query where that is possible', () => {
    const check = (by: unknown, partitions?: number): unknown =>
      checkedPartitionBy(by as never, partitions === undefined ? {} : { partitions })
    expect(() => check({ kind: 'list', column: 'a' })).toThrow(/hash, range.*found list/)
    expect(() => check({ kind: 'hash', column: '' })).toThrow(/name a column/)
    expect(() => check({ kind: 'hash', column: 'a', bounds: [] })).toThrow(/found bounds/)
    expect(() => check({ kind: 'range', column: 'a', bounds: 'halves' })).toThrow(/equal-width, quantiles/)
    expect(() => check({ kind: 'range', column: 'a', bounds: [1, 2] }, 4)).toThrow(/3 bounds for 4 partitions, found 2/)
    expect(check({ kind: 'range', column: 'a', bounds: [1, 2] }, 3)).toMatchObject({
      kind: 'range',
      column: 'a',
    })
  })
})

describe('hash partitions', () => {
  it('put rows without a hash into the first, and hash types with undocumented bytes as text', () => {
    expect(texts(hashExports({ name: 'n', type: 'long' }, 2))).toEqual([
      "coalesce(hash(['n'], 2), long(0)) == 0",
      "coalesce(hash(['n'], 2), long(0)) == 1",
    ])
    expect(texts(hashExports({ name: "it's", type: 'string' }, 2))[1]).toBe("hash(['it\\'s'], 2) == 1")
    expect(texts(hashExports({ name: 'g', type: 'guid' }, 2))[0]).toBe(
      "coalesce(hash(tostring(['g']), 2), long(0)) == 0",
    )
    expect(texts(hashExports({ name: 'g', type: 'guid' }, 1))).toEqual([undefined])
  })
})

describe('range partitions', () => {
  it('are half open, with nulls and NaN in the first', () => {
    const real = { name: 'r', type: 'real' } as const
    expect(texts(rangeExports(real, [kql.real(0.5), kql.real(1.5)]))).toEqual([
      "isnull(['r']) or isnan(['r']) or ['r'] < real(0.5)",
      "['r'] >= real(0.5) and ['r'] < real(1.5)",
      "['r'] >= real(1.5)",
    ])
    expect(texts(rangeExports(real, []))).toEqual([undefined])
  })

  it('leave out ranges between equal bounds', () => {
    const long = { name: 'n', type: 'long' } as const
    const exports = rangeExports(long, [kql.long(1), kql.long(1), kql.long(2)])
    expect(exports.map(({ partition }) => partition)).toEqual([0, 2, 3])
  })

  it('hold every value in exactly one range, for bounds of the same width and of quantiles', () => {
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    const column = { name: 'n', type: 'long' } as const
    fc.assert(
      fc.property(
        fc.array(int64, { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (all, count, width) => {
          const sorted = [...all].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
          const [low] = sorted
          const quantiles = Array.from({ length: count - 1 }, (_, i) =>
            Number(sorted[Math.floor((i * all.length) / count)]!),
          )
          const statistics = { rows: all.length, low, high: sorted.at(-1), quantiles }
          const bounds = (width ? equalWidthBounds(statistics, column, count) : quantileBounds(statistics, column)).map(
            ({ value }) => value as bigint,
          )
          expect(bounds).toHaveLength(count - 1)
          expect([...bounds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))).toEqual(bounds)
          const exports = rangeExports(
            column,
            bounds.map((bound) => kql.long(bound)),
          )
          for (const value of all) {
            const holding = exports.filter(({ predicate }) => holds(predicate?.text, value))
            expect(holding).toHaveLength(1)
          }
        },
      ),
    )
  })

  it('have about the same width and reach both ends, also where the difference overflows', () => {
    const column = { name: 'r', type: 'real' } as const
    const statistics = { rows: 2, low: -1.7e308, high: 1.7e308, quantiles: [] }
    expect(equalWidthBounds(statistics, column, 2).map(({ value }) => value)).toEqual([0])
    const none = { rows: 2, low: undefined, high: undefined, quantiles: [] }
    expect(equalWidthBounds(none, column, 4)).toEqual([])
    const days = { rows: 2, low: 0n, high: 3n, quantiles: [] }
    expect(equalWidthBounds(days, { name: 'n', type: 'long' }, 4).map(({ value }) => value)).toEqual([1n, 2n, 3n])
  })

  it('take the bounds of the caller in the type of the column, ascending', () => {
    const at = { name: 'at', type: 'datetime' } as const
    expect(givenBounds([new Date(0), new Date(1)], at).map(({ literal }) => literal)).toEqual([
      'datetime(1970-01-01T00:00:00.0000000Z)',
      'datetime(1970-01-01T00:00:00.0010000Z)',
    ])
    expect(boundScalar(1.5, { name: 'n', type: 'int' }).literal).toBe('real(1.5)')
    expect(boundScalar(2, { name: 'n', type: 'int' }).literal).toBe('long(2)')
    expect(boundScalar(2 ** 60, { name: 'n', type: 'long' }).literal).toBe('long(1152921504606846976)')
    expect(boundScalar(2 ** 63, { name: 'n', type: 'long' }).literal).toBe('real(9223372036854776000.0)')
    expect(boundScalar(2, { name: 'n', type: 'decimal' }).literal).toBe('decimal(2)')
    expect(() => givenBounds([2, 2], { name: 'n', type: 'long' })).toThrow(/ascend.*position 1/)
    expect(() => givenBounds([Number.NaN], { name: 'n', type: 'real' })).toThrow(/position 0/)
    expect(() => givenBounds([new Date(0)], { name: 'n', type: 'long' })).toThrow(/numbers as bounds of n/)
    expect(() => givenBounds([1], at)).toThrow(/expected Dates/)
    const ticksOf2020 = 637_134_336_000_000_000n
    expect(givenBounds([0n, new Date('2019-01-01'), ticksOf2020], at).map(({ value }) => value)).toHaveLength(3)
    expect(() => givenBounds([new Date('2021-01-01'), ticksOf2020], at)).toThrow(/ascend.*position 1/)
    expect(() => givenBounds([new Date(Number.NaN)], at)).toThrow(/position 0/)
  })

  it('are measured by one query that counts the rows as well', () => {
    expect(statisticsOperator({ name: 'at', type: 'datetime' }, 0).text).toBe(
      "summarize Rows=count(), Low=min(tolong(['at'])), High=max(tolong(['at']))",
    )
    expect(statisticsOperator({ name: 'n', type: 'int' }, 3).text).toMatch(
      /percentiles_array\(tolong\(\['n'\]\), 25, 50, 75\)/,
    )
  })
})

/** A naive reading of the predicates above for longs. */
function holds(predicate: string | undefined, value: bigint): boolean {
  if (predicate === undefined) return true
  const below = /< long\((-?\d+)\)/.exec(predicate)?.[1]
  const from = />= long\((-?\d+)\)/.exec(predicate)?.[1]
  return (below === undefined || value < BigInt(below)) && (from === undefined || value >= BigInt(from))
}

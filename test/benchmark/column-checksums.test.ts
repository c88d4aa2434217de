import {
  Bool,
  Decimal,
  Dictionary,
  Duration,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  TimeUnit,
  Utf8,
  makeData,
  tableFromArrays,
  vectorFromArray,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ColumnChecksums } from '../../src/benchmark/column-checksums.ts'
import type { RowsChecksum } from '../../src/benchmark/column-checksums.ts'
import { seededRandom, shuffled } from '../../src/benchmark/seeded-random.ts'

const cell = fc.record({
  n: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  i: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  s: fc.string({ unit: 'grapheme', maxLength: 12 }),
  b: fc.option(fc.boolean()),
  r: fc.option(fc.double({ noNaN: true })),
})
type Cell = { n: bigint | null; i: number | null; s: string; b: boolean | null; r: number | null }

function tableOf(rows: readonly Cell[]): Table {
  return new Table({
    n: vectorFromArray(
      rows.map(({ n }) => n),
      new Int64(),
    ),
    i: vectorFromArray(
      rows.map(({ i }) => i),
      new Int32(),
    ),
    s: vectorFromArray(
      rows.map(({ s }) => s),
      new Utf8(),
    ),
    b: vectorFromArray(
      rows.map(({ b }) => b),
      new Bool(),
    ),
    r: vectorFromArray(
      rows.map(({ r }) => r),
      new Float64(),
    ),
  })
}

function checksumOf(...tables: readonly Table[]): RowsChecksum {
  const sums = new ColumnChecksums()
  for (const table of tables) for (const batch of table.batches) sums.add(batch)
  return sums.result()
}

describe('ColumnChecksums', () => {
  it('is the same in any order and for any cut into batches', () => {
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 40 }), fc.nat(), (rows, seed) => {
        const whole = tableOf(rows)
        const mixed = tableOf(shuffled(rows, seededRandom(seed)))
        const cut = seed % rows.length
        expect(checksumOf(mixed)).toEqual(checksumOf(whole))
        expect(checksumOf(mixed.slice(0, cut), mixed.slice(cut))).toEqual(checksumOf(whole))
      }),
    )
  })

  it('changes in the column whose value changes, and in whole rows', () => {
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 20 }), fc.nat(), (rows, seed) => {
        const at = seed % rows.length
        const changed = rows.map((row, index) =>
          index === at ? { ...row, s: `${row.s}!`, n: (row.n ?? 0n) ^ 1n } : row,
        )
        const [before, after] = [checksumOf(tableOf(rows)), checksumOf(tableOf(changed))]
        expect(after.columns['s']).not.toBe(before.columns['s'])
        expect(after.columns['n']).not.toBe(before.columns['n'])
        expect(after.columns['i']).toBe(before.columns['i'])
        expect(after.wholeRows).not.toBe(before.wholeRows)
      }),
    )
  })

  it('sees values that were swapped between rows, though each column has the same ones', () => {
    const before = checksumOf(tableFromArrays({ a: ['x', 'y'], b: Int32Array.of(1, 2) }))
    const after = checksumOf(tableFromArrays({ a: ['x', 'y'], b: Int32Array.of(2, 1) }))
    expect(after.columns).toEqual(before.columns)
    expect(after.wholeRows).not.toBe(before.wholeRows)
  })

  it('tells null from zero and empty text, and a doubled row from two rows', () => {
    const texts = (values: readonly (string | null)[]): Table => new Table({ a: vectorFromArray(values, new Utf8()) })
    expect(checksumOf(texts([null]))).not.toEqual(checksumOf(texts([''])))
    const numbers = (values: readonly (number | null)[]): Table =>
      new Table({ a: vectorFromArray(values, new Int32()) })
    expect(checksumOf(numbers([null]))).not.toEqual(checksumOf(numbers([0])))
    expect(checksumOf(numbers([1, 1]))).not.toEqual(checksumOf(numbers([1, 2])))
  })

  it('hashes a dictionary as its texts', () => {
    const values = ['a', 'b', 'a', null, 'c']
    const plain = new Table({ a: vectorFromArray(values, new Utf8()) })
    const encoded = new Table({ a: vectorFromArray(values, new Dictionary(new Utf8(), new Int32())) })
    expect(checksumOf(encoded)).toEqual(checksumOf(plain))
  })

  it('hashes times, decimals and durations', () => {
    const table = new Table({
      t: vectorFromArray([1, 2, null], new TimestampMicrosecond()),
      d: vectorFromArray([1n, null, 3n], new Duration(TimeUnit.MICROSECOND)),
    })
    expect(checksumOf(table).rows).toBe(3)
    const words = Uint32Array.of(1, 0, 0, 0, 2, 0, 0, 0)
    const type = new Decimal(18, 38, 128)
    const data = makeData({ type, length: 2, nullCount: 0, data: words })
    const schema = new Schema([new Field('x', type)])
    const batch = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 2, children: [data] }))
    expect(checksumOf(new Table(schema, [batch])).columns['x']).toMatch(/^[0-9a-f]{16}$/)
  })

  it('names the column whose type it does not know', () => {
    const lists = vectorFromArray([[1], [2]], new List(new Field('item', new Int32())))
    expect(() => checksumOf(new Table({ many: lists }))).toThrow(/no checksum for column many/)
  })
})

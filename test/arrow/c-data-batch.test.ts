import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Int32,
  LargeList,
  List,
  makeData,
  Map_,
  Null,
  type RecordBatch,
  RecordBatchReader,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  Utf8View,
} from 'apache-arrow'
import * as fc from 'fast-check'
import * as parquet from 'parquet-wasm'
import { describe, expect, it } from 'vitest'
import { buffersOf, memoryOf } from '../../src/arrow/batch-transfer.ts'
import { cDataBatch, isCarriedByCData } from '../../src/arrow/c-data-batch.ts'
import { batchOf, bitmapOf, COLUMN_CASES, drawnBatches, flat, oneColumn, spans } from './any-columns.ts'

const carried = COLUMN_CASES.filter(({ type }) => isCarriedByCData(new Schema([new Field('c', type)])))
const integers = flat(new Int32(), (length) => new Int32Array(length))
const texts = spans(new Utf8())

type Lists = readonly (readonly unknown[] | null)[]

function lists(values: Lists, items: (values: readonly unknown[]) => Data, make: (item: Field) => DataType): Data {
  const child = items(values.flatMap((value) => value ?? []))
  const valueOffsets = new Int32Array(values.length + 1)
  for (const [index, value] of values.entries()) valueOffsets[index + 1] = valueOffsets[index]! + (value?.length ?? 0)
  const type = make(new Field('item', child.type, true))
  return makeData({ type, length: values.length, ...bitmapOf(values), valueOffsets, child } as never)
}

/** Lists, structs and maps, one in the other, with nulls at every level. */
function nested(rows: number): RecordBatch {
  const each = <T>(every: number, make: (row: number) => T): (T | null)[] =>
    Array.from({ length: rows }, (_, row) => (row % every === 3 ? null : make(row)))
  const words = (row: number): (string | null)[] => [`x${row}`, null, 'é"'].slice(0, row % 4)
  const asList = (item: Field): DataType => new List(item)
  const pairs = [integers(each(5, (row) => row)), lists(each(4, words), texts, asList)]
  const pair = new Struct([new Field('a', pairs[0]!.type, true), new Field('b', pairs[1]!.type, true)])
  const struct = makeData({ type: pair, length: rows, ...bitmapOf(each(7, (row) => row)), children: pairs } as never)
  const counts = each(6, (row) => Array.from({ length: row % 3 }, (_, i) => row + i))
  const entry = (values: readonly unknown[]): Data => {
    const children = [texts(values.map((value) => `k${String(value)}`)), integers(values)]
    const fields = [new Field('key', new Utf8(), false), new Field('value', new Int32(), true)]
    return makeData({ type: new Struct(fields), length: values.length, nullCount: 0, children } as never)
  }
  const asMap = (item: Field): DataType =>
    new Map_(new Field('entries', item.type as Struct<{ key: Utf8; value: Int32 }>, false))
  const couples = each(5, (row) => [row / 2, row / 3])
  const fixed = makeData({
    type: new FixedSizeList(2, new Field('item', new Int32(), true)),
    length: rows,
    ...bitmapOf(couples),
    child: integers(couples.flatMap((couple) => couple ?? [null, null])),
  } as never)
  const inner = (values: readonly unknown[]): Data => lists(values as Lists, integers, asList)
  const columns = {
    struct,
    map: lists(counts, entry, asMap),
    fixed,
    lists: lists(
      each(9, (row) => [[row], null, [], [row, null]].slice(row % 3)),
      inner,
      asList,
    ),
  }
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type, true))
  return batchOf(fields, Object.values(columns), rows)
}

interface Rows {
  readonly from: number
  readonly length: number
}

/** The rows through the memory of a decoder, by the C data interface and, for comparison, by IPC. */
function throughBoth(batch: RecordBatch, rows: Rows = { from: 0, length: batch.numRows }) {
  const table = parquet.Table.fromIPCStream(tableToIPC(new Table([batch]), 'stream'))
  const [whole] = table.recordBatches()
  if (whole === undefined) throw new Error('expected a batch')
  const sliced = whole.slice(rows.from, rows.length)
  const array = sliced.toFFI()
  const memory = parquet.wasmMemory().buffer
  const found = cDataBatch(batch.schema, memory, array.arrayAddr())
  array.free()
  const [expected] = [...RecordBatchReader.from(sliced.intoIPCStream())]
  whole.free()
  table.free()
  return { found, expected: expected! }
}

const big = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)
const cells = (batch: RecordBatch): unknown[][] =>
  batch.schema.fields.map((_, index) =>
    [...batch.getChildAt(index)!].map((value: unknown) =>
      typeof value === 'object' ? JSON.stringify(value, big) : value,
    ),
  )
const nulls = (batch: RecordBatch): number[] => batch.data.children.map(({ nullCount }) => nullCount)

describe('cDataBatch', () => {
  it('gives the cells that IPC gives, of every flat type, from whole arrays and from inside of them', () => {
    expect(carried.length).toBe(COLUMN_CASES.length - 3)
    fc.assert(
      fc.property(drawnBatches(carried), fc.nat(9), fc.nat(9), ({ batch }, skip, drop) => {
        const from = Math.min(skip, batch.numRows)
        const length = Math.max(0, batch.numRows - from - drop)
        const { found, expected } = throughBoth(batch, { from, length })
        expect(cells(found)).toEqual(cells(batch.slice(from, from + length)))
        expect(cells(found)).toEqual(cells(expected))
        expect(nulls(found)).toEqual(nulls(expected))
      }),
      { numRuns: 200 },
    )
  })

  it('gives nested columns, from whole arrays and from inside of them', () => {
    const batch = nested(100)
    for (const [from, length] of [
      [0, 100],
      [0, 9],
      [1, 1],
      [9, 10],
      [63, 37],
      [50, 0],
    ] as const) {
      const { found, expected } = throughBoth(batch, { from, length })
      expect(cells(found)).toEqual(cells(batch.slice(from, from + length)))
      expect(nulls(found)).toEqual(nulls(expected))
    }
  })

  it('gives columns of nulls, large lists and empty batches', () => {
    const valueOffsets = BigInt64Array.of(0n, 1n, 1n, 4n)
    const type = new LargeList(new Field('item', new Utf8(), true))
    const large = makeData({
      type,
      length: 3,
      nullCount: 0,
      valueOffsets,
      child: texts(['a', null, 'b', 'c']),
    } as never)
    const batches = [oneColumn(makeData({ type: new Null(), length: 3 })), oneColumn(large), nested(0)]
    for (const batch of batches) {
      const { found } = throughBoth(batch)
      expect(found.numRows).toBe(batch.numRows)
      expect(cells(found)).toEqual(cells(batch))
    }
    expect(cells(throughBoth(oneColumn(large), { from: 1, length: 2 }).found)).toEqual([['[]', '[null,"b","c"]']])
  })

  it('gives each batch one memory of its own, no larger than its rows', () => {
    const words = oneColumn(texts(Array.from({ length: 10_000 }, (_, row) => `row ${row}`)))
    const { found } = throughBoth(words, { from: 5000, length: 10 })
    const memory = memoryOf([buffersOf(found)])
    expect(memory.length).toBe(1)
    expect(memory[0]!.byteLength).toBeLessThan(200)
    structuredClone(memory, { transfer: [...memory] })
    expect(memory[0]!.byteLength).toBe(0)
  })
})

describe('isCarriedByCData', () => {
  it('refuses dictionaries and views, nested ones too', () => {
    const words = new Dictionary(new Utf8(), new Int32())
    const schemaOf = (type: Field['type']): Schema => new Schema([new Field('c', type, true)])
    expect(isCarriedByCData(schemaOf(words))).toBe(false)
    expect(isCarriedByCData(schemaOf(new List(new Field('item', words, true))))).toBe(false)
    expect(isCarriedByCData(schemaOf(new Utf8View()))).toBe(false)
    expect(isCarriedByCData(schemaOf(new List(new Field('item', new Int32(), true))))).toBe(true)
  })
})

import { Bool, Int32, makeData, Struct, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rowMeter, rowSlices } from '../../src/arrow/row-meter.ts'
import { batchOf, COLUMN_CASES, drawnBatches, oneColumn, spans } from './any-columns.ts'
import { nestedBatch } from './nested-columns.ts'

describe('rowMeter', () => {
  it('adds up: two parts of a batch are as large as both together, and a slice as large as its rows', () => {
    fc.assert(
      fc.property(fc.array(drawnBatches(COLUMN_CASES), { minLength: 1, maxLength: 1 }), fc.nat(20), ([drawn], at) => {
        const { batch } = drawn!
        const cut = Math.min(at, batch.numRows)
        const meter = rowMeter(batch)
        const [left, right] = [meter.bytes(0, cut), meter.bytes(cut, batch.numRows)]
        // Each answer is rounded up to a whole byte; bits of flags are not.
        expect(Math.abs(left + right - meter.bytes(0, batch.numRows))).toBeLessThanOrEqual(1)
        const slice = batch.slice(0, cut)
        // A slice without nulls has no flags for them: a bit for each value, of which a row has up to eight.
        const flagBytes = batch.schema.fields.length * (1 + cut)
        expect(Math.abs(rowMeter(slice).bytes(0, cut) - left)).toBeLessThanOrEqual(flagBytes)
      }),
      { numRuns: 100 },
    )
  })

  it('counts what a column takes in the layout of Arrow', () => {
    const size = (batch: ReturnType<typeof oneColumn>): number => rowMeter(batch).bytes(0, batch.numRows)
    expect(size(oneColumn(makeData({ type: new Int32(), length: 3, data: Int32Array.of(1, 2, 3) })))).toBe(12)
    expect(size(oneColumn(makeData({ type: new Bool(), length: 16, data: Uint8Array.of(1, 2) })))).toBe(2)
    expect(size(oneColumn(spans(new Utf8())(['abc', '', 'é'])))).toBe(3 * 4 + 5)
    expect(size(oneColumn(makeData({ type: new Struct([]), length: 3, nullCount: 0, children: [] })))).toBe(0)
  })

  it('is near the size of the batch in Arrow IPC for nested columns', () => {
    const { schema, data } = nestedBatch(1000)
    // IPC holds the words of a dictionary once, and the meter in every row.
    const others = schema.fields.flatMap(({ name }, index) => (name === 'word' ? [] : [index]))
    const fields = others.map((index) => schema.fields[index]!)
    const children = others.map((index) => data.children[index]!)
    const batch = batchOf(fields, children, 1000)
    const ipc = tableToIPC(new Table([batch])).length
    expect(rowMeter(batch).bytes(0, 1000) / ipc).toBeGreaterThan(0.9)
    expect(rowMeter(batch).bytes(0, 1000) / ipc).toBeLessThan(1)
  })

  it('names the widest column of a row', () => {
    const { batches } = new Table({
      n: vectorFromArray([1, 2], new Int32()),
      s: vectorFromArray(['short', 'x'.repeat(100)], new Utf8()),
      t: vectorFromArray(['x'.repeat(200), 'short'], new Utf8()),
    })
    expect(rowMeter(batches[0]!).widest(0)).toBe('t')
    expect(rowMeter(batches[0]!).widest(1)).toBe('s')
  })
})

describe('rowSlices', () => {
  it('cuts a batch into slices of as many rows, and keeps a small one', () => {
    const batch = batchOf(
      [...oneColumn(makeData({ type: new Int32(), length: 1000, data: new Int32Array(1000) })).schema.fields],
      [makeData({ type: new Int32(), length: 1000, data: new Int32Array(1000) })],
      1000,
    )
    expect([...rowSlices(batch, 1000)].map(({ numRows }) => numRows)).toEqual([250, 250, 250, 250])
    expect([...rowSlices(batch, 4000)]).toEqual([batch])
    expect([...rowSlices(batch, 1)]).toHaveLength(1000)
  })
})

import { Field, Int32, makeData, RecordBatch, Schema, Struct, Utf8, vectorFromArray } from 'apache-arrow'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { rowMeter } from '../../src/arrow/row-meter.ts'
import { BatchBuffer } from '../../src/streaming/batch-buffer.ts'
import type { SealedBatch } from '../../src/streaming/batch-buffer.ts'

const FIELDS = [new Field('n', new Int32()), new Field('text', new Utf8())]
const SCHEMA = new Schema(FIELDS)

function batchOf(rows: readonly { readonly n: number; readonly text: string }[]): RecordBatch {
  const children = [
    makeData({ type: new Int32(), data: Int32Array.from(rows, ({ n }) => n), length: rows.length }),
    vectorFromArray(
      rows.map(({ text }) => text),
      new Utf8(),
    ).data[0]!,
  ]
  return new RecordBatch(SCHEMA, makeData({ type: new Struct(FIELDS), length: rows.length, children }))
}

const numbered = (first: number, count: number, text = ''): RecordBatch =>
  batchOf(Array.from({ length: count }, (_, index) => ({ n: first + index, text })))

const numbersOf = (sealed: readonly SealedBatch<string>[]): readonly number[] =>
  sealed.flatMap(({ batches }) => batches.flatMap((batch) => [...(batch.getChildAt(0) ?? [])].map(Number)))

it('streaming:T19 ends a batch at exactly the most rows, one less and one more', () => {
  for (const [rows, sealed, left] of [
    [9, [], 9],
    [10, [10], 0],
    [11, [10], 1],
    [31, [10, 10, 10], 1],
  ] as const) {
    const buffer = new BatchBuffer<string>({ maxBatchRows: 10, maxBatchBytes: 1e9 })
    const given = buffer.add({ batch: numbered(0, rows), setup: 's', write: 0, isLast: true })
    expect(given.map((each) => [each.rows, each.reason])).toEqual(sealed.map((each) => [each, 'rows']))
    expect(buffer.rows).toBe(left)
  }
})

it('streaming:T19 ends a batch before the row that would exceed the bytes, in multi-byte text too', () => {
  const one = rowMeter(numbered(0, 1, '日本語🚀')).bytes(0, 1)
  for (const most of [one * 4 - 1, one * 4, one * 4 + 1]) {
    const buffer = new BatchBuffer<string>({ maxBatchRows: 1000, maxBatchBytes: most })
    const sealed = [...buffer.add({ batch: numbered(0, 9, '日本語🚀'), setup: 's', write: 0, isLast: true })]
    const fits = Math.floor(most / one)
    expect(sealed[0]).toMatchObject({ rows: fits, bytes: fits * one, reason: 'bytes' })
    const last = buffer.seal('flush')
    expect(numbersOf([...sealed, ...(last === undefined ? [] : [last])])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  }
})

it('streaming:C6 streaming:T20 sends a row larger than a batch alone, and never a batch without rows', () => {
  const buffer = new BatchBuffer<string>({ maxBatchRows: 100, maxBatchBytes: 50 })
  const sealed = [
    ...buffer.add({ batch: numbered(0, 1), setup: 's', write: 0, isLast: true }),
    ...buffer.add({ batch: numbered(1, 1, 'x'.repeat(1000)), setup: 's', write: 1, isLast: true }),
    ...buffer.add({ batch: numbered(2, 0), setup: 's', write: 2, isLast: true }),
  ]
  expect(sealed.map(({ rows }) => rows)).toEqual([1, 1])
  expect(buffer.seal('end')).toBeUndefined()
})

it('keeps every row once and in order, within the limits, and says which writes a batch completes', () => {
  const write = fc.array(fc.string({ maxLength: 20 }), { maxLength: 30 })
  const limits = fc.record({
    maxBatchRows: fc.integer({ min: 1, max: 12 }),
    maxBatchBytes: fc.integer({ min: 1, max: 300 }),
  })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(write, fc.constantFrom('a', 'a', 'a', 'b')), { maxLength: 12 }),
      limits,
      (writes, most) => {
        const buffer = new BatchBuffer<string>(most, 5)
        const sealed: SealedBatch<string>[] = []
        let first = 0
        const ends: number[] = []
        for (const [index, [texts, setup]] of writes.entries()) {
          const batch = batchOf(texts.map((text, at) => ({ n: first + at, text })))
          sealed.push(...buffer.add({ batch, setup, write: index, isLast: true }))
          first += texts.length
          ends.push(first)
        }
        const last = buffer.seal('end')
        if (last !== undefined) sealed.push(last)
        expect(numbersOf(sealed)).toEqual(Array.from({ length: first }, (_, index) => index))
        expect(sealed.map(({ sequence }) => sequence)).toEqual(sealed.map((_, index) => index + 5))
        let rows = 0
        for (const each of sealed) {
          rows += each.rows
          expect(each.rows).toBeGreaterThan(0)
          expect(each.rows).toBeLessThanOrEqual(most.maxBatchRows)
          if (each.rows > 1) expect(each.bytes).toBeLessThanOrEqual(most.maxBatchBytes)
          // Rows so far are those of all complete writes, and the part of the next.
          expect((ends[each.lastWrite] ?? 0) + each.partialRows).toBe(rows)
        }
      },
    ),
  )
})

import {
  Dictionary,
  Field,
  Float64,
  Int32,
  makeData,
  type RecordBatch,
  Table,
  Union,
  UnionMode,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchFrom, copiedBuffers, memoryOf, type SentDictionaries } from '../../src/arrow/batch-transfer.ts'
import { COLUMN_CASES, drawnBatches, oneColumn, spans } from './any-columns.ts'
import { nestedBatch } from './nested-columns.ts'

/** Through the same copy that `postMessage` makes of messages, with the memory moved. */
function sent(batches: readonly RecordBatch[], dictionaries: SentDictionaries = new Map()): RecordBatch[] {
  const buffers = copiedBuffers(batches, dictionaries)
  const arrived = structuredClone(buffers, { transfer: [...memoryOf(buffers)] })
  const kept = new Map()
  return arrived.map((buffer) => batchFrom(batches[0]!.schema, buffer, kept))
}

const cells = (batch: RecordBatch): unknown[][] =>
  batch.schema.fields.map((_, index) =>
    [...batch.getChildAt(index)!].map((value: unknown) =>
      typeof value === 'object' ? JSON.stringify(value, big) : value,
    ),
  )
const big = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

describe('copied buffers', () => {
  it('hold the same cells as the batches, of every type, from slices too', () => {
    fc.assert(
      fc.property(fc.array(drawnBatches(COLUMN_CASES), { minLength: 1, maxLength: 1 }), ([drawn]) => {
        const { batch } = drawn!
        expect(sent([batch]).map(cells)).toEqual([cells(batch)])
        // Nothing of the caller's was moved away.
        expect(cells(batch)).toEqual(sent([batch]).map(cells)[0])
      }),
      { numRuns: 100 },
    )
  })

  it('hold nested columns, slice by slice', () => {
    const batch = nestedBatch(100)
    const slices = [batch.slice(0, 9), batch.slice(9, 10), batch.slice(50, 99)]
    expect(sent(slices).map(cells)).toEqual(slices.map(cells))
  })

  it.each([UnionMode.Sparse, UnionMode.Dense])('hold unions, mode %s', (mode) => {
    const numbers = makeData({ type: new Int32(), length: 4, data: Int32Array.of(1, 2, 3, 4) })
    const texts = spans(new Utf8())(['a', 'b', 'c', 'd'])
    const type = new Union(mode, [0, 1], [new Field('n', new Int32()), new Field('s', new Utf8())])
    const typeIds = Int8Array.of(0, 1, 1, 0)
    const dense = mode === UnionMode.Dense ? { valueOffsets: Int32Array.of(2, 1, 0, 3) } : {}
    const data = makeData({ type, length: 4, typeIds, ...dense, children: [numbers, texts] } as never)
    const batch = oneColumn(data)
    expect(sent([batch]).map(cells)).toEqual([cells(batch)])
    expect(sent([batch.slice(1, 3)]).map(cells)).toEqual([cells(batch.slice(1, 3))])
  })

  it('are no larger than the rows of a slice', () => {
    const rows = 100_000
    const text = spans(new Utf8())(Array.from({ length: rows }, (_, row) => `row ${row}`))
    const batch = oneColumn(text)
    const [memory] = memoryOf(copiedBuffers([batch.slice(500, 510)], new Map()))
    expect(memory!.byteLength).toBeLessThan(200)
    const reals = new Table({ x: vectorFromArray(Array.from({ length: rows }, Math.random), new Float64()) })
      .batches[0]!
    expect(memoryOf(copiedBuffers([reals.slice(7, 17)], new Map()))[0]!.byteLength).toBeLessThan(100)
  })

  it('carry the values of a dictionary once, however many batches share it', () => {
    const words = Array.from({ length: 1000 }, (_, row) => `a rather long word ${row % 50}`)
    const batch = new Table({ w: vectorFromArray(words, new Dictionary(new Utf8(), new Int32())) }).batches[0]!
    const dictionaries: SentDictionaries = new Map()
    const first = copiedBuffers([batch.slice(0, 10), batch.slice(10, 20)], dictionaries)
    const second = copiedBuffers([batch.slice(20, 30)], dictionaries)
    expect(memoryOf(first)[0]!.byteLength).toBeGreaterThan(1000)
    expect(memoryOf(second)[0]!.byteLength).toBeLessThan(100)
    const kept = new Map()
    const arrived = [...first, ...second].map((buffers) => batchFrom(batch.schema, structuredClone(buffers), kept))
    expect(arrived.flatMap((part) => [...part.getChildAt(0)!] as string[])).toEqual(words.slice(0, 30))
  })
})

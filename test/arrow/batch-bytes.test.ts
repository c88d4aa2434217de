import {
  RecordBatch,
  tableFromArrays,
  vectorFromArray,
  Utf8,
  List,
  Field,
  Int32,
  Struct,
  makeData,
  Schema,
} from 'apache-arrow'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { batchBytes } from '../../src/arrow/batch-bytes.ts'

const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { minLength: 1, maxLength: 60 })

it('counts the rows of a slice and no others', () => {
  fc.assert(
    fc.property(texts, fc.nat(), fc.nat(), (values, a, b) => {
      const text = vectorFromArray(values, new Utf8())
      const numbers = vectorFromArray(
        values.map((value) => Array.from(value, () => 7)),
        new List(new Field('item', new Int32())),
      )
      const fields = [new Field('t', new Utf8()), new Field('n', numbers.type)]
      const children = [text.data[0]!, numbers.data[0]!]
      const batch = new RecordBatch(
        new Schema(fields),
        makeData({ type: new Struct(fields), length: values.length, children }),
      )
      const [from, to] = [a % values.length, b % values.length].sort((x, y) => x - y) as [number, number]
      const expected = values
        .slice(from, to)
        .reduce((sum, value) => sum + Buffer.byteLength(value) + 4 + 4 + 4 * Array.from(value).length, 0)
      expect(batchBytes(batch.slice(from, to))).toBe(expected)
    }),
  )
})

it('counts a dictionary as what its rows say', () => {
  const table = tableFromArrays({ word: Array.from({ length: 1000 }, () => 'x'.repeat(100)) })
  const bytes = batchBytes(table.batches[0]!)
  expect(bytes).toBeGreaterThan(100_000)
  expect(batchBytes(table.batches[0]!.slice(0, 10))).toBeLessThan(bytes / 50)
})

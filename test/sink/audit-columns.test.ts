import {
  Dictionary,
  Int32,
  RecordBatchReader,
  Table,
  tableFromArrays,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditColumns } from '../../src/sink/audit-columns.ts'

const numbers = (start: number, rows: number): Table =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) })

async function tableOf(batches: AsyncIterable<RecordBatch>): Promise<Table> {
  const all: RecordBatch[] = []
  for await (const batch of batches) all.push(batch)
  return new Table(all)
}

describe('auditColumns', () => {
  it('streaming:C53 numbers the rows on from the first one, however they are cut', async () => {
    const cuts = fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(cuts, fc.bigInt({ min: 0n, max: 2n ** 62n }), async (sizes, firstRow) => {
        let rows = 0
        const batches = sizes.flatMap((size) => numbers((rows += size) - size, size).batches)
        const table = await tableOf(auditColumns(batches, { stream: 'orders', firstRow }))
        const found = [...table].map((row) => [row['n'], row['_stream'], row['_row']])
        expect(found).toEqual(Array.from({ length: rows }, (_, i) => [i, 'orders', firstRow + BigInt(i)]))
      }),
    )
  })

  it('keeps slices, nulls and dictionaries of the data, also through IPC', async () => {
    const words = vectorFromArray(['a', null, 'b', 'a'], new Dictionary(new Utf8(), new Int32(), 7))
    const slice = new Table({ words, n: vectorFromArray([1, 2, null, 4], new Int32()) }).slice(1, 4)
    const table = await tableOf(auditColumns(slice, { stream: 's' }))
    const again = new Table(RecordBatchReader.from(tableToIPC(table)).readAll())
    for (const read of [table, again]) {
      expect([...read].map((row) => row.toArray())).toEqual([
        [null, 2, 's', 0n],
        ['b', null, 's', 1n],
        ['a', 4, 's', 2n],
      ])
    }
  })

  it('takes rows, and gives every call a name of its own', async () => {
    const rows = [{ n: 1 }, { n: 2 }]
    const [first, second] = [await tableOf(auditColumns(rows)), await tableOf(auditColumns(rows))]
    expect(first.numRows).toBe(2)
    expect(first.get(0)?.['_stream']).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.get(1)?.['_stream']).toBe(first.get(0)?.['_stream'])
    expect(second.get(0)?.['_stream']).not.toBe(first.get(0)?.['_stream'])
  })

  it('ends the input when its reader ends', async () => {
    let isEnded = false
    async function* source(): AsyncGenerator<Table> {
      try {
        for (let start = 0; ; start += 10) yield numbers(start, 10)
      } finally {
        isEnded = true
      }
    }
    for await (const batch of auditColumns(source())) {
      expect(batch.numRows).toBe(10)
      break
    }
    expect(isEnded).toBe(true)
  })

  it.each([
    [{ stream: '' }, /stream/],
    [{ firstRow: -1 }, /firstRow/],
    [{ firstRow: 1.5 }, /firstRow/],
    [{ rowColumn: '_stream' }, /rowColumn/],
    [{ streamColumn: '' }, /streamColumn/],
    [{ firstRow: 0, rows: 1 }, /rows/],
  ])('refuses %j', (options, message) => {
    expect(() => auditColumns(numbers(0, 1), options)).toThrow(message)
  })

  it('refuses data that have such a column', async () => {
    const table = tableFromArrays({ _row: Int32Array.of(1) })
    await expect(tableOf(auditColumns(table))).rejects.toMatchObject({ code: 'KUSTO_DUPLICATE_COLUMN' })
    expect((await tableOf(auditColumns(table, { rowColumn: 'number' }))).numRows).toBe(1)
  })
})

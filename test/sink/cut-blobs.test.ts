import {
  Binary,
  Bool,
  Dictionary,
  Field,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromArrays,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KustoDataError } from '../../src/errors.ts'
import { cutBlobs, MAX_RECORD_BYTES } from '../../src/sink/cut-blobs.ts'
import type { BlobCut } from '../../src/sink/cut-blobs.ts'
import { oneColumn, spans, views } from '../arrow/any-columns.ts'

async function* from(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  yield* batches
}

const settings = { maxBlobBytes: 4096, maxBufferedBytes: Number.MAX_SAFE_INTEGER, signal: undefined }

const batchOf = (start: number, rows: number): RecordBatch =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) }).batches[0]!

const textBatch = (lengths: readonly number[]): RecordBatch =>
  oneColumn(spans(new Utf8())(lengths.map((length) => 'x'.repeat(length))))

const collect = async (batches: readonly RecordBatch[], maxBlobBytes: number): Promise<readonly BlobCut[]> => {
  const cuts: BlobCut[] = []
  for await (const cut of cutBlobs(from(batches), { ...settings, maxBlobBytes })) cuts.push(cut)
  return cuts
}

describe('cutBlobs', () => {
  it('keeps every row, in order, whatever the blob size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 12 }),
        fc.integer({ min: 64, max: 5000 }),
        async (sizes, maxBytes) => {
          let start = 0
          const batches = sizes.map((rows) => {
            const batch = batchOf(start, rows)
            start += rows
            return batch
          })
          const cuts = await collect(batches, maxBytes)
          const values = cuts.flatMap((cut) =>
            cut.batches.flatMap((batch) => [...(batch.getChildAt(0)!.toArray() as Int32Array)]),
          )
          expect(values).toEqual(Array.from({ length: start }, (_, i) => i))
          expect(cuts.map((cut) => cut.rowOffset)).toEqual(
            cuts.map((_, i) => cuts.slice(0, i).reduce((sum, cut) => sum + cut.rows, 0)),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  it('spark:W14 makes no blob larger than asked, however uneven the rows are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(900), { maxLength: 40 }), { maxLength: 6 }),
        fc.integer({ min: 1000, max: 5000 }),
        async (lengths, maxBytes) => {
          const cuts = await collect(lengths.map(textBatch), maxBytes)
          expect(cuts.every((cut) => cut.arrowBytes <= maxBytes)).toBe(true)
          const found = cuts.flatMap((cut) => cut.batches.flatMap((batch) => [...batch.getChildAt(0)!]))
          expect(found.map((text: string) => text.length)).toEqual(lengths.flat())
        },
      ),
      { numRuns: 100 },
    )
  })

  it('cuts a batch before the row that would be too much', async () => {
    const cuts = await collect([textBatch([10, 3000, 1500, 2000])], 4096)
    expect(cuts.map((cut) => cut.rows)).toEqual([2, 2])
  })

  it.each([
    ['text', oneColumn(spans(new Utf8())(['a', 'b', 'x'.repeat(5000)]))],
    ['binary', oneColumn(spans(new Binary())(['a', 'b', new Uint8Array(5000)]))],
    ['views', oneColumn(views(new Utf8View())(['a', 'b', 'x'.repeat(5000)]))],
    [
      'dictionary values',
      new Table({ c: vectorFromArray(['a', 'a', 'x'.repeat(5000)], new Dictionary(new Utf8(), new Int32())) })
        .batches[0]!,
    ],
    [
      'nested values',
      new Table({
        c: vectorFromArray(
          [[], [1], Array.from({ length: 2000 }, (_, i) => i)],
          new List(new Field('item', new Int32())),
        ),
      }).batches[0]!,
    ],
  ])('spark:W14 names row and widest column of a row that is larger than a blob: %s', async (_, batch) => {
    const schema = new Schema([new Field('id', new Int32()), batch.schema.fields[0]!])
    const ids = new Table({ id: vectorFromArray([1, 2, 3], new Int32()) }).getChild('id')!
    const wide = new Table(schema, { id: ids, c: new Table([batch]).getChild('c')! }).batches[0]!
    const small = wide.slice(0, 2)
    const failure: unknown = await collect([small, wide], 4096).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KustoDataError)
    expect(failure).toMatchObject({ code: 'KUSTO_RECORD_TOO_LARGE', row: 4, column: 'c' })
    expect((failure as Error).message).not.toMatch(/xx/)
  })

  it('refuses a row over 64 MiB however large a blob may be, since the service takes none', async () => {
    const batch = textBatch([1, MAX_RECORD_BYTES])
    await expect(collect([batch], 6 * 2 ** 30)).rejects.toMatchObject({ code: 'KUSTO_RECORD_TOO_LARGE', row: 1 })
  })

  it('spark:W14 counts bytes beyond 32 bits', async () => {
    // One memory of 48 MiB seen 60 times is 2.8 GiB of rows.
    const part = oneColumn(spans(new Utf8())(['x'.repeat(48 * 2 ** 20)]))
    const cuts = await collect(
      Array.from({ length: 120 }, () => part),
      3 * 2 ** 30,
    )
    expect(cuts.map((cut) => cut.rows)).toEqual([63, 57])
    expect(cuts[0]!.arrowBytes).toBeGreaterThan(2 ** 31)
  })

  it('makes no blob when there are no rows', async () => {
    expect(await collect([batchOf(0, 1).slice(0, 0)], 4096)).toEqual([])
  })
})

describe('the budget of a write', () => {
  /** 400 bytes a batch, blobs of 800. */
  const tenBatches = Array.from({ length: 10 }, (_, i) => batchOf(i * 100, 100))
  const counted = (maxBufferedBytes: number): { cuts: AsyncGenerator<BlobCut>; pulled: () => number } => {
    let pulled = 0
    async function* source(): AsyncGenerator<RecordBatch> {
      for (const batch of tenBatches) {
        pulled++
        yield batch
      }
    }
    return { cuts: cutBlobs(source(), { ...settings, maxBlobBytes: 800, maxBufferedBytes }), pulled: () => pulled }
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('stops the source while blobs that were cut hold all of it', async () => {
    const { cuts, pulled } = counted(1600)
    const first = (await cuts.next()).value as BlobCut
    const second = (await cuts.next()).value as BlobCut
    // The third blob is asked for, and its first batch is already there: it showed that the second was full.
    const third = cuts.next()
    await turn()
    expect(pulled()).toBe(5)
    first.release(700)
    await turn()
    expect(pulled()).toBe(5)
    first.release()
    expect(((await third).value as BlobCut).rows).toBe(200)
    expect(pulled()).toBe(7)
    second.release()
  })

  it('lets a blob that is larger than all of it pass alone', async () => {
    const { cuts } = counted(100)
    let rows = 0
    for await (const cut of cuts) {
      rows += cut.rows
      cut.release()
    }
    expect(rows).toBe(1000)
  })

  it('makes one blob of everything where one is asked for, of a batch over 64 MiB too', async () => {
    const rows = 12_000_001
    const bits = Field.new({ name: 'b', type: new Bool() })
    const numbers = Field.new({ name: 'n', type: new Int32() })
    const children = [
      makeData({ type: bits.type, length: rows, data: new Uint8Array(Math.ceil(rows / 8)) }),
      makeData({ type: numbers.type, length: rows, data: new Int32Array(rows) }),
      makeData({ type: numbers.type, length: rows, data: new Int32Array(rows) }),
    ]
    const fields = [bits, numbers, Field.new({ name: 'm', type: new Int32() })]
    const large = new RecordBatch(
      new Schema(fields),
      makeData({ type: new Struct(fields), length: rows, nullCount: 0, children }),
    )
    const cuts: number[] = []
    for await (const cut of cutBlobs(from([batchOf(0, 10), large]), {
      maxBlobBytes: Infinity,
      maxBufferedBytes: 1000,
      signal: undefined,
    })) {
      cuts.push(cut.rows)
      cut.release()
    }
    expect(cuts).toEqual([rows + 10])
  })

  it('tells of a second blob where there must be none, before it waits for memory', async () => {
    const several = cutBlobs(from([batchOf(0, 1000), batchOf(1000, 1000)]), {
      maxBlobBytes: 4096,
      maxBufferedBytes: 5000,
      signal: undefined,
      severalBlobs: () => new Error('two'),
    })
    await expect(several.next()).rejects.toThrow('two')
    const one = cutBlobs(from([batchOf(0, 500), batchOf(500, 500)]), {
      maxBlobBytes: 4096,
      maxBufferedBytes: 5000,
      signal: undefined,
      severalBlobs: () => new Error('two'),
    })
    expect((await one.next()).value).toMatchObject({ rows: 1000 })
    expect((await one.next()).done).toBe(true)
  })

  it('gives no rows of a blob that was released', async () => {
    const [cut] = await collect([batchOf(0, 10)], 4096)
    cut!.release(10)
    expect(() => cut!.batches).toThrow(/released/)
  })

  it('ends the wait on abort and closes the source', async () => {
    const stop = new AbortController()
    let closed = false
    async function* source(): AsyncGenerator<RecordBatch> {
      try {
        yield* tenBatches
      } finally {
        closed = true
      }
    }
    const cuts = cutBlobs(source(), { maxBlobBytes: 800, maxBufferedBytes: 800, signal: stop.signal })
    await cuts.next()
    const waiting = cuts.next()
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(closed).toBe(true)
  })
})

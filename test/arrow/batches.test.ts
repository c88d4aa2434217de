import {
  Dictionary,
  Field,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchReader,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { type BatchInput, readBatches, type ReadBatchesOptions } from '../../src/arrow/batches.ts'
import { KustoUsageError } from '../../src/errors.ts'
import { batchOf, flat, oneColumn, spans } from './any-columns.ts'

const ints = flat(new Int32(), (n) => new Int32Array(n))
const batch = (values: readonly (number | null)[]): RecordBatch => oneColumn(ints(values))
const two = (): RecordBatch[] => [batch([1, 2]), batch([3, null])]
const table = (): Table => new Table(two())

const words = (): RecordBatch =>
  new Table({ c: vectorFromArray(['a', 'b'], new Dictionary(new Utf8(), new Int32())) }).batches[0]!

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield item
}

async function columns(
  input: BatchInput,
  options?: ReadBatchesOptions,
): Promise<{ names: string[]; values: unknown[]; sizes: number[] }> {
  const { schema, batches } = await readBatches(input, options)
  const values: unknown[] = []
  const sizes: number[] = []
  for await (const item of batches) {
    sizes.push(item.numRows)
    values.push(...item.getChildAt(0)!)
  }
  return { names: schema.names.map(String), values, sizes }
}

const chunked = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))

describe('readBatches', () => {
  const stream = tableToIPC(table(), 'stream')
  const inputs: readonly [string, () => BatchInput | Promise<BatchInput>][] = [
    ['a table', table],
    ['a reader', () => RecordBatchReader.from(stream)],
    ['an asynchronous reader', async () => RecordBatchReader.from(later([stream]))],
    ['IPC stream bytes', () => stream],
    ['IPC file bytes', () => tableToIPC(table(), 'file')],
    ['an ArrayBuffer', () => new Uint8Array(stream).buffer],
    ['an iterable of ArrayBuffers', () => [new Uint8Array(stream).buffer] as never],
    ['IPC streams, each an element', () => two().map((item) => tableToIPC(new Table(item), 'stream'))],
    ['IPC streams in one piece', () => Buffer.concat(two().map((item) => tableToIPC(new Table(item), 'stream')))],
    [
      'IPC streams cut anywhere',
      () => chunked(Buffer.concat(two().map((item) => tableToIPC(new Table(item), 'stream'))), 13),
    ],
    ['chunks of an IPC file', () => later(chunked(tableToIPC(table(), 'file'), 17))],
    ['an array of batches', two],
    ['a generator of batches', () => later(two())],
    ['an iterable of tables', () => [table()]],
    [
      'a ReadableStream of batches',
      () =>
        new ReadableStream({
          start: (to) => {
            for (const item of two()) to.enqueue(item)
            to.close()
          },
        }),
    ],
    ['chunks of IPC bytes', () => chunked(stream, 7)],
    [
      'a ReadableStream of bytes',
      () =>
        new ReadableStream({
          start: (to) => {
            for (const item of chunked(stream, 11)) to.enqueue(item)
            to.close()
          },
        }),
    ],
    ['rows', () => [{ c: 1 }, { c: 2 }, { c: 3 }, {}]],
    ['a generator of rows', () => later([{ c: 1 }, { c: 2 }, { c: 3 }, { c: null }])],
  ]
  it.each(inputs)('reads %s', async (name, make) => {
    const { names, values } = await columns(await make())
    expect(names).toEqual(['c'])
    expect(values.map((value) => (value === null ? null : Number(value)))).toEqual([1, 2, 3, null])
    expect(typeof values[0]).toBe(name.includes('rows') ? 'bigint' : 'number')
  })

  it('reads a single batch and a slice of one', async () => {
    expect((await columns(batch([1, 2, 3]).slice(1))).values).toEqual([2, 3])
  })

  it('has no columns and no batches for an empty input', async () => {
    expect(await columns([])).toEqual({ names: [], values: [], sizes: [] })
    expect(await columns(new ReadableStream({ start: (to) => to.close() }))).toEqual({
      names: [],
      values: [],
      sizes: [],
    })
  })

  it('keeps the schema of an input without rows and leaves empty batches out', async () => {
    expect(await columns(new Table(batch([]).schema))).toEqual({ names: ['c'], values: [], sizes: [] })
    expect((await columns([batch([]), batch([5])])).sizes).toEqual([1])
  })

  it('refuses rows without columns, because Kusto has no such table', async () => {
    const none = new RecordBatch(new Schema([]), makeData({ type: new Struct([]), length: 3, children: [] }))
    await expect(columns(none)).rejects.toMatchObject({ code: 'KUSTO_NO_COLUMNS' })
  })

  it('names the batch and the column where a schema drifts', async () => {
    const drift = [batch([1]), batch([2]), oneColumn(flat(new Int64(), (n) => new BigInt64Array(n))([3n]))]
    const error: unknown = await columns(drift).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_SCHEMA_DRIFT' })
    expect(String(error)).toContain('batch 2: expected column 0 to be c: Int32, found c: Int64')
    const more = batchOf(
      [new Field('c', new Int32(), true), new Field('d', new Int32(), true)],
      [ints([1]), ints([1])],
      1,
    )
    await expect(columns([batch([1]), more])).rejects.toThrow('found also d: Int32')
    await expect(columns([more, batch([1])])).rejects.toThrow('found none')
    const marked = oneColumn(ints([1]), { 'kusto:type': 'real' })
    await expect(columns([batch([1]), marked])).rejects.toMatchObject({ code: 'KUSTO_SCHEMA_DRIFT' })
  })

  it('does not take nullability or dictionary ids for drift', async () => {
    const required = batchOf([new Field('c', new Int32(), false)], [ints([7])], 1)
    expect((await columns([batch([1]), required])).values).toEqual([1, 7])
    expect((await columns([words(), words()])).values).toEqual(['a', 'b', 'a', 'b'])
  })

  it('refuses what is no data, before reading it', async () => {
    for (const input of ['text', 5, null, {}, [[1, 2]], [new Map([['a', 1]])], [batch([1]), { c: 1 }]]) {
      const error: unknown = await columns(input as never).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(KustoUsageError)
      expect(error).toMatchObject({ code: 'KUSTO_BAD_INPUT' })
    }
  })

  it('does not take a truncated IPC stream for a short one', async () => {
    await expect(columns(stream.subarray(0, stream.length - 40))).rejects.toThrow()
  })

  it('loses nothing that follows IPC bytes: what cannot be read is an error', async () => {
    const file = tableToIPC(table(), 'file')
    const bad: readonly BatchInput[] = [
      Buffer.from('no Arrow at all, but a text'),
      Buffer.concat([stream, Buffer.from('more than a few bytes')]),
      [stream, table()],
      [stream, file],
      [file, file],
      [file, stream],
    ]
    for (const [index, input] of bad.entries()) {
      const error: unknown = await columns(input).catch((reason: unknown) => reason)
      expect(error, String(index)).toMatchObject({ code: 'KUSTO_BAD_INPUT' })
    }
    const drift = tableToIPC(new Table({ c: vectorFromArray(['a'], new Utf8()) }), 'stream')
    await expect(columns([stream, drift])).rejects.toMatchObject({ code: 'KUSTO_SCHEMA_DRIFT' })
  })

  it('passes the failure of a source of IPC bytes on as it is', async () => {
    for (const parts of [0, 1, 2]) {
      const failure = new Error('the disk is gone')
      const source = (async function* () {
        yield* chunked(stream, 64).slice(0, parts)
        throw failure
      })()
      expect(await columns(source).catch((reason: unknown) => reason)).toBe(failure)
    }
  })

  it('cuts rows into batches of the asked size', async () => {
    const rows = Array.from({ length: 10 }, (_, c) => ({ c }))
    const { values, sizes } = await columns(later(rows), { inferRows: 3, batchRows: 4 })
    expect(sizes).toEqual([4, 4, 2])
    expect(values.map(Number)).toEqual(rows.map(({ c }) => c))
  })

  it('cuts large rows into smaller batches', async () => {
    const text = 'x'.repeat(10 * 1024 * 1024)
    const rows = Array.from({ length: 9 }, (_, at) => ({ c: at, s: text, bag: { more: at % 2 === 0 ? text : '' } }))
    const { values, sizes } = await columns(later(rows))
    expect(sizes).toEqual([3, 3, 3])
    expect(values.map(Number)).toEqual(rows.map(({ c }) => c))
  })

  it('reads no more of its input than asked for, and ends it when the reader leaves', async () => {
    let pulled = 0
    let ended = false
    const source = (function* () {
      try {
        for (;;) {
          pulled++
          yield { c: 1 }
        }
      } finally {
        ended = true
      }
    })()
    const { batches } = await readBatches(source, { inferRows: 2, batchRows: 5 })
    for await (const item of batches) {
      expect(item.numRows).toBe(5)
      break
    }
    expect([pulled, ended]).toEqual([5, true])
  })

  it('stops between batches with the reason of its signal', async () => {
    const stop = new AbortController()
    const { batches } = await readBatches(later(two()), { signal: stop.signal })
    const reading = (async () => {
      for await (const item of batches) stop.abort(new Error(`after ${item.numRows} rows`))
    })()
    await expect(reading).rejects.toThrow('after 2 rows')
  })

  it('keeps the rows of a vector with several dictionaries', async () => {
    const chunked = new Vector([spans(new Utf8())(['x']), spans(new Utf8())(['y'])])
    expect((await columns(new Table({ c: chunked }))).values).toEqual(['x', 'y'])
  })
})

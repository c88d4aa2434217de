import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  Dictionary,
  Field,
  Float64,
  Int32,
  LargeUtf8,
  List,
  Null,
  RecordBatchReader,
  Schema,
  Table,
  Utf8,
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
} from 'apache-arrow'
import type { Vector } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, kql } from '../../src/index.ts'
import type { BatchInput, WriteOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import type { Canonical } from './canonical.ts'

const FORMATS = ['csv', 'parquet'] as const

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto({ database: 'my data base' })
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

let made = 0
const newTable = (): string => `T${made++}`

async function load(table: string, data: BatchInput, options: WriteOptions = {}): Promise<void> {
  const receipt = await kusto.write(table, data, { create: 'CreateIfNotExist', flushImmediately: true, ...options })
  await receipt.completed({ timeoutMs: 60_000 })
}

const content = async (table: string): Promise<Readonly<Record<string, readonly Canonical[]>>> =>
  canonicalTable(await kusto.read(table, { mode: 'single' }).table())

describe('names', () => {
  it.each(FORMATS)('of columns may be anything the service takes, %s', async (format) => {
    const names = ['a.b', 'a-b', 'a b', 'where', 'größe', '列', '_id', '1st', 'toString', '__proto__', 'constructor']
    const table = newTable()
    const columns = names.map((name, at) => [name, vectorFromArray([at], new Int32())] as const)
    await load(table, new Table(Object.fromEntries(columns)), { format })
    const read = await kusto.read(table, { mode: 'single' }).table()
    expect(read.schema.fields.map((field, at) => [field.name, read.getChildAt(at)?.get(0)])).toEqual(
      [...names.entries()].map(([at, name]) => [name, at]),
    )
  })

  it.each(['count()', "it's", 'say "hi"', 'back\\slash', 'a,b', '$left', ''])(
    'of columns that the service does not take are refused: %s',
    async (name) => {
      const data = new Table({ [name]: vectorFromArray([7], new Int32()) })
      await expect(load(newTable(), data)).rejects.toThrow(/valid column name|expected a name for column 0/)
    },
  )

  it.each(FORMATS)('that differ in case only are two columns, %s', async (format) => {
    const table = newTable()
    await load(table, tableFromArrays({ id: Int32Array.of(1), ID: Int32Array.of(2), Id: ['three'] }), { format })
    expect(await content(table)).toEqual({ id: ['1'], ID: ['2'], Id: ['three'] })
  })

  it.each(['T/../../x', 'a%20b', "it's", 'x?y=1#z', ''])(
    'of a table that the service does not take are refused: %s',
    async (table) => {
      await expect(load(table, tableFromArrays({ n: Int32Array.of(1) }))).rejects.toThrow(
        /valid table name|name of 1 to/,
      )
    },
  )

  it.each(['my.table', 'my-table', 'my table', 'where', 'Größe', '表'])('of a table: %s', async (table) => {
    for (const format of FORMATS) await load(table, tableFromArrays({ n: Int32Array.of(1) }), { format })
    expect(
      (await kusto.command(kql`.show tables | project TableName`).rows()).rows.map((row) => row.text('TableName')),
    ).toContain(table)
  })

  it('that are twins are two tables', async () => {
    await load('Twin', tableFromArrays({ n: Int32Array.of(1) }))
    await load('twin', tableFromArrays({ m: Int32Array.of(2) }))
    expect([await content('Twin'), await content('twin')]).toEqual([{ n: ['1'] }, { m: ['2'] }])
  })
})

describe('width', () => {
  const wide = (columns: number, reversed = false): Table => {
    const names = Array.from({ length: columns }, (_, i) => `column_with_a_long_name_${i}`)
    if (reversed) names.reverse()
    return tableFromArrays(Object.fromEntries(names.map((name) => [name, Int32Array.of(Number(name.slice(24)), 0)])))
  }

  it('of 1,000 columns goes through, in another order too', { timeout: 120_000 }, async () => {
    await using queue = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'queue' })
    const table = newTable()
    await load(table, wide(1000), { format: 'csv' })
    await load(table, wide(1000, true), { format: 'parquet' })
    const receipt = await queue.write(table, wide(1000), { flushImmediately: true, format: 'csv' })
    await receipt.completed({ timeoutMs: 60_000 })
    const read = await kusto.read(table, { mode: 'single' }).table()
    expect([read.numRows, read.numCols]).toEqual([6, 1000])
    for (const at of [1, 500, 999]) {
      expect([...read.getChildAt(at)!].filter((value) => value !== 0)).toEqual([at, at, at])
    }
    // The mapping that the reversed order needs does not fit into a message of the storage queue.
    const reversed = queue.write(table, wide(1000, true), { format: 'csv' })
    await expect(reversed).rejects.toMatchObject({ code: 'KUSTO_MESSAGE_TOO_LARGE' })
  })

  it('of no columns is refused', async () => {
    await expect(kusto.write(newTable(), tableFromArrays({}), { create: 'CreateIfNotExist' })).rejects.toMatchObject({
      code: 'KUSTO_NO_COLUMNS',
    })
  })
})

describe('columns of a table that exists', () => {
  const data = new Table({ b: vectorFromArray(['x', 'y'], new Utf8()), a: vectorFromArray([1, 2], new Int32()) })

  it.each(FORMATS)('are met as adjustSchema says, %s', async (format) => {
    const make = async (columns: string): Promise<string> => {
      const table = newTable()
      await kusto.command(`.create table ${table} (${columns})`).rows()
      return table
    }
    const extra = await make('a:long, z:real, b:string')
    await load(extra, data, { format })
    expect(await content(extra)).toEqual({ a: ['1', '2'], z: [null, null], b: ['x', 'y'] })
    const missing = await make('a:int')
    await expect(load(missing, data, { format })).rejects.toMatchObject({ code: 'KUSTO_SCHEMA_MISMATCH' })
    await load(missing, data, { format, adjustSchema: 'AddColumns' })
    expect(await content(missing)).toEqual({ a: ['1', '2'], b: ['x', 'y'] })
    const position = await make('p:string, q:long, r:guid')
    await load(position, data, { format, adjustSchema: 'NoAdjustment' })
    expect(await content(position)).toEqual({ p: ['x', 'y'], q: ['1', '2'], r: [null, null] })
    const exact = await make('b:string, a:int')
    await load(exact, data, { format, adjustSchema: 'FailIfNotMatch' })
    expect(await content(exact)).toEqual({ b: ['x', 'y'], a: ['1', '2'] })
    await expect(load(position, data, { format, adjustSchema: 'FailIfNotMatch' })).rejects.toMatchObject({
      code: 'KUSTO_SCHEMA_MISMATCH',
    })
  })

  it('are mapped for CSV under the name of the Spark connector', async () => {
    const table = newTable()
    await kusto.command(`.create table ${table} (a:int, c:string, b:string)`).rows()
    await load(table, data, { adjustSchema: 'GenerateDynamicCsvMapping' })
    expect(await content(table)).toEqual({ a: ['1', '2'], c: ['', ''], b: ['x', 'y'] })
  })

  it.each(FORMATS)('take nulls whatever their type, %s', async (format) => {
    const table = newTable()
    await kusto
      .command(
        `.create table ${table} (n:int, b:bool, i:int, l:long, r:real, d:decimal, s:string, t:datetime, y:dynamic)`,
      )
      .rows()
    const none = (): Vector<Null> => vectorFromArray([null, null], new Null())
    const names = ['b', 'i', 'l', 'r', 'd', 's', 't', 'y']
    const nulls = new Table<Record<string, Int32 | Null>>({
      n: vectorFromArray([1, 2], new Int32()),
      ...Object.fromEntries(names.map((name) => [name, none()])),
    })
    await load(table, nulls, { format })
    const read = await content(table)
    expect(read).toEqual({
      n: ['1', '2'],
      ...Object.fromEntries(names.map((name) => [name, name === 's' ? ['', ''] : [null, null]])),
    })
  })

  it('take numbers of rows where each fits', async () => {
    const table = newTable()
    await kusto.command(`.create table ${table} (i:int, l:long, r:real, d:decimal)`).rows()
    for (const format of [undefined, 'csv'] as const) {
      await load(table, [{ i: 1, l: 2, r: 3, d: 4 }], format === undefined ? {} : { format })
      await load(table, [{ i: 1, l: 2, r: 3.5, d: 4.5 }, { i: -1 }], format === undefined ? {} : { format })
      for (const row of [{ i: 2 ** 31 }, { i: 1.5 }, { l: 1.5 }, { r: 2n ** 60n + 1n }, { d: NaN }]) {
        const [column] = Object.keys(row)
        await expect(load(table, [{ i: 1 }, row], format === undefined ? {} : { format })).rejects.toMatchObject({
          name: 'KustoDataError',
          column,
          row: 1,
        })
      }
    }
    expect((await content(table))['r']).toEqual(['3', '3.5', null, '3', '3.5', null])
  })

  it('of two writers that both create the table are all there', async () => {
    const table = newTable()
    await Promise.all([
      load(table, tableFromArrays({ a: Int32Array.of(1), b: ['x'] })),
      load(table, tableFromArrays({ c: Float64Array.of(0.5), a: Int32Array.of(2) })),
      load(table, tableFromArrays({ a: Int32Array.of(3), b: ['z'] }), { format: 'csv' }),
    ])
    const read = await kusto.query(`${table} | sort by a asc | project a, b, c`).table()
    expect(canonicalTable(read)).toEqual({ a: ['1', '2', '3'], b: ['x', '', 'z'], c: [null, '0.5', null] })
  })
})

describe('values', () => {
  it.each(FORMATS)('that Kusto cannot hold are named by column and row, %s', async (format) => {
    const column = (name: string, type: Float64): Field =>
      new Field(name, type, true, new Map([['kusto:type', 'decimal']]))
    const nan = new Table(new Schema([column('v', new Float64())]), { v: vectorFromArray([1, NaN], new Float64()) })
    await expect(load(newTable(), nan, { format })).rejects.toMatchObject({
      code: format === 'csv' ? 'KUSTO_DECIMAL_RANGE' : 'KUSTO_FORMAT_CANNOT_CARRY',
    })
  })

  it.each(FORMATS)('of dictionaries, large text and lists arrive, with empty batches between, %s', async (format) => {
    const table = newTable()
    const of = (words: readonly (string | null)[]): Table =>
      new Table({
        d: vectorFromArray(words, new Dictionary(new Utf8(), new Int32())),
        l: vectorFromArray(words, new LargeUtf8()),
        a: vectorFromArray(
          words.map((word) => (word === null ? null : [word, 'x'])),
          new List(new Field('item', new Utf8(), true)),
        ),
      })
    const empty = of(['q']).slice(0, 0)
    await load(table, [empty, of(['a', null, 'b']), empty, of(['c', 'a']), empty], { format })
    const read = canonicalTable(await kusto.query(`${table} | extend a = tostring(a) | sort by l asc, a asc`).table())
    expect(read).toEqual({
      d: ['', 'a', 'a', 'b', 'c'],
      l: ['', 'a', 'a', 'b', 'c'],
      a: ['', '["a","x"]', '["a","x"]', '["b","x"]', '["c","x"]'],
    })
  })

  it('over a megabyte are told of', async () => {
    for (const format of FORMATS) {
      const events: unknown[] = []
      await load(newTable(), tableFromArrays({ s: ['x'.repeat(1_100_000), 'y'] }), {
        format,
        onEvent: (event) => events.push(event),
      })
      expect(events).toContainEqual({ kind: 'values-at-risk', oversizeCells: 1, cutTimes: 0 })
    }
  })

  it('over the size of a record are refused', async () => {
    const huge = tableFromArrays({ n: Int32Array.of(1, 2), s: ['small', 'x'.repeat(65 * 1024 * 1024)] })
    await expect(load(newTable(), huge, { format: 'csv' })).rejects.toMatchObject({
      code: 'KUSTO_RECORD_TOO_LARGE',
      row: 1,
    })
  })
})

describe('sources', () => {
  const table = new Table({
    n: vectorFromArray([1, 2, 3], new Int32()),
    s: vectorFromArray(['a', 'b', null], new Utf8()),
  })
  const expected = { n: ['1', '2', '3'], s: ['a', 'b', ''] }
  const stream = tableToIPC(table, 'stream')
  const file = tableToIPC(table, 'file')
  const kinds: Readonly<Record<string, () => BatchInput>> = {
    'a table': () => table,
    'a record batch': () => table.batches[0]!,
    'a reader': () => RecordBatchReader.from(stream),
    'bytes of a stream': () => stream,
    'bytes of a file': () => file,
    'an ArrayBuffer': () => stream.slice().buffer,
    'a Readable of bytes': () =>
      Readable.from([Buffer.from(stream.subarray(0, 100)), Buffer.from(stream.subarray(100))]),
    'a Readable of the bytes of a file': () =>
      Readable.from([Buffer.from(file.subarray(0, 100)), Buffer.from(file.subarray(100))]),
    'a Readable of rows': () => Readable.from(table.toArray().map((row) => row.toJSON())),
    'a Web stream of batches': () =>
      new ReadableStream({
        start(c) {
          for (const batch of table.batches) c.enqueue(batch)
          c.close()
        },
      }),
    'a Web stream of rows': () =>
      new ReadableStream({
        start(c) {
          for (const row of table.toArray()) c.enqueue(row.toJSON())
          c.close()
        },
      }),
    'rows with missing keys': () => [
      { n: 1, s: 'a' },
      { s: 'b', n: 2 },
      { n: 3, s: undefined },
    ],
    'an async generator of tables': async function* tables() {
      yield table.slice(0, 1)
      yield table.slice(1)
    },
  }

  it.each(Object.entries(kinds))('%s', async (_name, source) => {
    const name = newTable()
    await load(name, source())
    expect(await content(name)).toEqual(expected)
  })

  it('cut off in the middle of a batch are an error', async () => {
    const big = tableToIPC(tableFromArrays({ n: Int32Array.from({ length: 5000 }, (_, i) => i) }), 'stream')
    for (const keep of [big.length - 9000, big.length - 100, 300]) {
      const cut = big.slice(0, keep)
      await expect(load(newTable(), cut), `bytes ${keep}`).rejects.toThrow()
      await expect(load(newTable(), Readable.from([Buffer.from(cut)])), `stream ${keep}`).rejects.toThrow()
    }
    const folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-'))
    try {
      await writeFile(join(folder, 'x.arrow'), big)
      const name = newTable()
      await load(name, createReadStream(join(folder, 'x.arrow')))
      expect(await kusto.read(name).count()).toBe(5000)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('without an element write nothing to a table that exists', async () => {
    const name = newTable()
    await load(name, table)
    const receipt = await kusto.write(name, [])
    await receipt.completed()
    expect([receipt.rows, receipt.blobs]).toEqual([0, []])
  })
})

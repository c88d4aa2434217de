import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBBlobValue, type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import {
  type Data,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Null,
  makeData,
  type RecordBatch,
  Schema,
  Timestamp,
  TimeUnit,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { kustoColumns } from '../../src/arrow/kusto-columns.ts'
import { parquetVerdict } from '../../src/arrow/parquet-columns.ts'
import { encodeParquet, parquetParts } from '../../src/arrow/parquet-encode.ts'
import { columnEncoding } from '../../src/arrow/parquet-properties.ts'
import type { ScalarName } from '../../src/arrow/scalar-types.ts'
import { batchOf, COLUMN_CASES, drawnBatches, flat, iso, oneColumn, spans, views, words } from './any-columns.ts'

const schemaOf = (name: string): Schema => {
  const found = COLUMN_CASES.find((item) => item.name === name)!
  return new Schema([new Field('c', found.type, true, new Map(found.metadata))])
}
const carried = COLUMN_CASES.filter(({ name }) => {
  const schema = schemaOf(name)
  return parquetVerdict(kustoColumns(schema), schema.fields).ok
})

/** How DuckDB shows a Parquet column exactly, and how that becomes the text our model expects. */
const VIEWS: Record<ScalarName, [sql: (name: string) => string, text: (value: never) => string]> = {
  bool: [(name) => name, String],
  int: [(name) => name, String],
  long: [(name) => name, String],
  real: [(name) => `${name}::double`, (value: number) => (Object.is(value, -0) ? '-0' : String(value))],
  decimal: [(name) => `${name}::varchar`, String],
  string: [(name) => `encode(${name})`, (value: DuckDBBlobValue) => Buffer.from(value.bytes).toString()],
  datetime: [(name) => `epoch_us(${name})`, (value: bigint) => iso(value * 10n)],
  timespan: [(name) => name, String],
  guid: [(name) => name, String],
  dynamic: [(name) => `encode(${name})`, (value: DuckDBBlobValue) => Buffer.from(value.bytes).toString()],
}

/** How pages were encoded, by the names of Parquet: levels are RLE and dictionaries PLAIN besides. */
const encodingIn = (names: string): string =>
  /DICTIONARY/.test(names) ? 'dictionary' : /DELTA_BINARY_PACKED/.test(names) ? 'delta' : 'plain'

describe('encodeParquet', () => {
  let connection: DuckDBConnection
  let folder: string
  let path = ''
  let files = 0
  const query = async (sql: string): Promise<unknown[][]> => (await connection.runAndReadAll(sql)).getRows()
  const read = async (bytes: Uint8Array, select: string): Promise<unknown[][]> => {
    // DuckDB remembers the footer of a path it has seen.
    path = join(folder, `${++files}.parquet`)
    await writeFile(path, bytes)
    return query(`select ${select} from '${path}'`)
  }
  beforeAll(async () => {
    connection = await (await DuckDBInstance.create()).connect()
    folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-parquet-'))
  })
  afterAll(async () => {
    connection.closeSync()
    await rm(folder, { recursive: true })
  })

  it('carries every type that the verdict lets through', () => {
    expect(carried.map(({ name }) => name)).toEqual(
      COLUMN_CASES.map(({ name }) => name).filter(
        (name) => !/^(uuid|Duration|Time_|Interval|Timestamp 1000000000)/.test(name),
      ),
    )
  })

  // Slices of a byte go through the encoder's stream, one row at a time; larger ones through its one call.
  it.each([1, undefined])(
    'spark:T1 spark:T2 is read by DuckDB cell by cell as the same values as the CSV, slices of %s bytes',
    async (sliceBytes) => {
      await fc.assert(
        fc.asyncProperty(fc.array(drawnBatches(carried), { minLength: 1, maxLength: 1 }), async ([drawn]) => {
          const { batch, texts } = drawn!
          const columns = kustoColumns(batch.schema)
          const { bytes, rows } = await encodeParquet(
            batch.schema,
            [batch],
            sliceBytes === undefined ? {} : { sliceBytes },
          )
          expect(rows).toBe(texts.length)
          const select = columns.map(({ name, type }) => VIEWS[type][0](`"${name}"`)).join(', ')
          const found = (await read(bytes, select)).map((row) =>
            row.map((cell, index) => (cell === null ? null : VIEWS[columns[index]!.type][1](cell as never))),
          )
          expect(found).toEqual(texts)
        }),
        { numRuns: 100 },
      )
    },
  )

  it('joins batches, keeps their order and cuts row groups', async () => {
    const build = flat(new Int32(), (n) => new Int32Array(n))
    const batches = [oneColumn(build([1, 2, 3])), oneColumn(build([4, 5])).slice(1)]
    const { bytes } = await encodeParquet(batches[0]!.schema, batches, { rowGroupRows: 2 })
    expect(await read(bytes, 'c')).toEqual([[1], [2], [3], [5]])
    const groups = await query(`select num_row_groups::int from parquet_file_metadata('${path}')`)
    expect(groups).toEqual([[2]])
  })

  it('makes a readable file of no rows', async () => {
    const { bytes, rows } = await encodeParquet(schemaOf('Utf8'), [])
    expect(rows).toBe(0)
    expect(await read(bytes, 'count(*)::int')).toEqual([[0]])
  })

  it('compresses with every codec, and leaves out the dictionary of a column that does not repeat', async () => {
    const build = flat(new Int64(), (n) => new BigInt64Array(n))
    const values = Array.from({ length: 5000 }, (_, index) => BigInt(index))
    const fields = [new Field('id', new Int64(), true), new Field('few', new Int64(), true)]
    const batch = batchOf(fields, [build(values), build(values.map((value) => value % 3n))], values.length)
    for (const [compression, codec] of [
      ['zstd', 'ZSTD'],
      ['snappy', 'SNAPPY'],
      ['gzip', 'GZIP'],
      ['none', 'UNCOMPRESSED'],
    ] as const) {
      const { bytes } = await encodeParquet(batch.schema, [batch], { compression })
      expect(await read(bytes, 'sum(id)::bigint, sum(few)::bigint')).toEqual([[12_497_500n, 4999n]])
      const pages = await query(`select compression, encodings from parquet_metadata('${path}')`)
      expect(pages.map(([found]) => found)).toEqual([codec, codec])
      expect(pages.map(([, encodings]) => String(encodings).includes('DICTIONARY'))).toEqual([false, true])
    }
  })

  it('lays out each column by how its values repeat, and keeps what it was given', async () => {
    const rows = 10_000
    const longs = flat(new Int64(), (n) => new BigInt64Array(n))
    const reals = flat(new Float64(), (n) => new Float64Array(n))
    const each = <T>(make: (row: number) => T): T[] => Array.from({ length: rows }, (_, row) => make(row))
    const columns = {
      'few numbers': [longs(each((row) => BigInt(row % 50))), 'dictionary'],
      'many numbers': [longs(each((row) => BigInt(row % 500) * 7n)), 'delta'],
      'rising numbers': [longs(each((row) => BigInt(row))), 'delta'],
      'few reals': [reals(each((row) => (row % 100) / 3)), 'dictionary'],
      'many reals': [reals(each((row) => row / 3)), 'plain'],
      'few words': [spans(new Utf8())(each((row) => `word ${row % 1000}`)), 'dictionary'],
      'a.dotted "name"': [spans(new Utf8())(each((row) => `word ${row}`)), 'plain'],
    } as const
    const fields = Object.entries(columns).map(([name, [data]]) => new Field(name, data.type, true))
    const children = Object.values(columns).map(([data]) => data)
    expect(children.map(columnEncoding)).toEqual(Object.values(columns).map(([, encoding]) => encoding))
    const batch = batchOf(fields, children, rows)
    for (const sliceBytes of [350_000, 10_000_000]) {
      const { bytes } = await encodeParquet(batch.schema, [batch], { sliceBytes, rowGroupRows: 3000 })
      const all = fields.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ')
      const found = await read(bytes, all)
      const expected = each((row) =>
        batch.schema.fields.map((_, index) => batch.getChildAt(index)!.get(row) as unknown),
      )
      expect(found).toEqual(expected)
      const pages = await query(
        `select path_in_schema, encodings, num_values::int from parquet_metadata('${path}') where row_group_id = 1`,
      )
      expect(pages.map(([, encodings, values]) => [encodingIn(String(encodings)), values])).toEqual(
        Object.values(columns).map(([, encoding]) => [encoding, 3000]),
      )
    }
  })

  it('spark:W14 writes more rows than fit one slice and one row group, from a source that is read as it goes', async () => {
    const build = flat(new Float64(), (n) => new Float64Array(n))
    // Digits that no codec makes smaller, so that every row group is more than what the encoder holds back.
    const value = (row: number): number => Math.sin(row)
    let pulled = 0
    async function* source(): AsyncGenerator<RecordBatch> {
      for (let part = 0; part < 20; part++) {
        pulled++
        yield oneColumn(build(Array.from({ length: 1000 }, (_, row) => value(part * 1000 + row))))
      }
    }
    const { schema } = oneColumn(build([1]))
    const { chunks, measured } = parquetParts(schema, source(), { sliceBytes: 8000, rowGroupRows: 2000 })
    const parts: Uint8Array[] = []
    const pulledAt: number[] = []
    for await (const chunk of chunks) {
      parts.push(chunk)
      pulledAt.push(pulled)
    }
    expect(pulledAt[0]).toBeLessThan(20)
    expect(measured()).toMatchObject({ rows: 20_000, rawBytes: 160_000 })
    expect(await read(Buffer.concat(parts), 'c')).toEqual(Array.from({ length: 20_000 }, (_, row) => [value(row)]))
    expect(await query(`select num_row_groups::int from parquet_file_metadata('${path}')`)).toEqual([[10]])
  })

  it('lets timers and sockets of its thread have their turn between slices', async () => {
    const batch = oneColumn(flat(new Int32(), (length) => new Int32Array(length))(Array.from({ length: 64 }, () => 1)))
    const { chunks } = parquetParts(batch.schema, [batch], { sliceBytes: 64 })
    let turns = 0
    const turn = (): void => {
      turns++
      next = setImmediate(turn)
    }
    let next = setImmediate(turn)
    for await (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0)
    clearImmediate(next)
    expect(turns).toBeGreaterThanOrEqual(4)
  })

  it('passes on what its source throws, after rows were written too, and leaves a source that nobody reads on', async () => {
    const build = flat(new Float64(), (n) => new Float64Array(n))
    const part = oneColumn(build(Array.from({ length: 1000 }, (_, row) => Math.sin(row))))
    const ended: string[] = []
    async function* source(name: string, failsAt: number): AsyncGenerator<RecordBatch> {
      try {
        for (let at = 0; at < 50; at++) {
          if (at === failsAt) throw new Error('disk on fire')
          yield part
        }
        ended.push(`${name} to its end`)
      } finally {
        ended.push(name)
      }
    }
    for (const failsAt of [0, 1, 2, 30]) {
      const options = { sliceBytes: 1000, rowGroupRows: 2000 }
      await expect(encodeParquet(part.schema, source('failing', failsAt), options)).rejects.toThrow('disk on fire')
    }
    for await (const chunk of parquetParts(part.schema, source('left', -1), { sliceBytes: 1000, rowGroupRows: 2000 })
      .chunks) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(ended).toEqual(['failing', 'failing', 'failing', 'failing', 'left'])
  })

  it('takes microseconds as they are, to the first and last that Kusto has', async () => {
    const type = new Timestamp(TimeUnit.MICROSECOND, null)
    const build = flat(type, (n) => new BigInt64Array(n))
    const good = [-62_135_596_800_000_000n, -1n, 0n, 253_402_300_799_999_999n]
    const batch = oneColumn(build(good))
    expect(await read((await encodeParquet(batch.schema, [batch])).bytes, 'epoch_us(c)')).toEqual(
      good.map((us) => [us]),
    )
    for (const bad of [good[0]! - 1n, good[3]! + 1n, 2n ** 62n]) {
      const wrong = oneColumn(build([0n, bad]))
      await expect(encodeParquet(wrong.schema, [wrong])).rejects.toMatchObject({ code: 'KUSTO_DATETIME_RANGE', row: 1 })
    }
  })

  it('writes nested values as the same JSON text as CSV, and counts what is over 1 MiB', async () => {
    const list = vectorFromArray([[1, null], null], new List(new Field('item', new Int32(), true))).data[0]!
    const batch = batchOf(
      [new Field('l', list.type, true), new Field('s', new Utf8(), true)],
      [list, spans(new Utf8())(['x'.repeat(1_048_577), ''])],
      2,
    )
    const { bytes, oversizeCells } = await encodeParquet(batch.schema, [batch])
    expect(await read(bytes, 'l, length(s)::int')).toEqual([
      ['[1,null]', 1_048_577],
      [null, 0],
    ])
    expect([oversizeCells, encodeCsv(batch).oversizeCells]).toEqual([1, 1])
  })

  it('spark:T3 has U+FFFD in the place of bytes that are not UTF-8, in every layout and inside of nested values', async () => {
    const cells = [
      Uint8Array.of(97, 0xff, 98),
      null,
      Uint8Array.of(0xed, 0xa0, 0x80),
      // A character that is cut by the border of two cells.
      Uint8Array.of(0xc3),
      Uint8Array.of(0xa9),
      Buffer.from('é'),
      Buffer.from('ascii'),
    ]
    const texts = ['a\ufffdb', null, '\ufffd\ufffd\ufffd', '\ufffd', '\ufffd', 'é', 'ascii']
    const inLists = (child: Data): Data =>
      makeData({
        type: new List(new Field('item', child.type, true)),
        length: cells.length,
        nullCount: 0,
        valueOffsets: Int32Array.from({ length: cells.length + 1 }, (_, index) => index),
        child,
      })
    const utf8 = spans(new Utf8())(cells)
    const columns: readonly [Data, readonly unknown[]][] = [
      [utf8, texts],
      [spans(new LargeUtf8(), true)(cells), texts],
      [views(new Utf8View())(cells), texts],
      [inLists(utf8), texts.map((text) => JSON.stringify([text]))],
    ]
    for (const [data, expected] of columns) {
      // The slices of a file are of one type, whether a cell of theirs was mended or not.
      for (const sliceBytes of [1, 1024 * 1024]) {
        const batch = oneColumn(data)
        const { bytes } = await encodeParquet(batch.schema, [batch], { sliceBytes })
        expect((await read(bytes, 'c')).flat()).toEqual(expected)
        const part = batch.slice(2, 6)
        const cut = await encodeParquet(part.schema, [part], { sliceBytes })
        expect((await read(cut.bytes, 'c')).flat()).toEqual(expected.slice(2, 6))
      }
    }
  })

  it('types an all-null column by its target', async () => {
    const batch = oneColumn(makeData({ type: new Null(), length: 2 }))
    const { bytes } = await encodeParquet(batch.schema, [batch], { columns: [{ name: 'c', type: 'datetime' }] })
    expect(await read(bytes, 'c, typeof(c)')).toEqual([
      [null, 'TIMESTAMP WITH TIME ZONE'],
      [null, 'TIMESTAMP WITH TIME ZONE'],
    ])
  })

  it('writes nanoseconds and ticks that are whole microseconds, and names the row of one that is not', async () => {
    const schema = new Schema([new Field('c', new Timestamp(TimeUnit.NANOSECOND), true)])
    expect(parquetVerdict(kustoColumns(schema), schema.fields)).toMatchObject({ ok: false, valuesMayFit: true })
    const build = flat(new Timestamp(TimeUnit.NANOSECOND), (n) => new BigInt64Array(n))
    const good = oneColumn(build([1_000n, -2_000n]))
    expect(await read((await encodeParquet(schema, [good])).bytes, 'epoch_us(c)')).toEqual([[1n], [-2n]])
    await expect(encodeParquet(schema, [good, oneColumn(build([0n, 100n]))])).rejects.toMatchObject({
      code: 'KUSTO_PARQUET_PRECISION',
      column: 'c',
      row: 3,
    })
    const ticks = oneColumn(flat(new Int64(), (n) => new BigInt64Array(n))([621_355_968_000_000_010n]))
    const columns = [{ name: 'c', type: 'datetime' as const }]
    expect(await read((await encodeParquet(ticks.schema, [ticks], { columns })).bytes, 'epoch_us(c)')).toEqual([[1n]])
  })

  it('refuses, with the column and the reason, what Parquet cannot feed', async () => {
    await expect(encodeParquet(schemaOf('uuid'), [])).rejects.toMatchObject({ code: 'KUSTO_PARQUET_UNSUPPORTED' })
    const text = oneColumn(spans(new Utf8())(['2020-01-01']))
    for (const type of ['datetime', 'timespan', 'guid', 'bool'] as const) {
      expect(parquetVerdict([{ name: 'c', type }], text.schema.fields)).toMatchObject({ ok: false, column: 'c' })
    }
  })

  it('checks decimals and integers value by value', async () => {
    const decimals = oneColumn(
      flat(new Decimal(2, 76, 256), (n) => new Uint32Array(n), 8)([words(-(10n ** 34n) - 1n, 8)]),
    )
    await expect(encodeParquet(decimals.schema, [decimals])).rejects.toMatchObject({
      code: 'KUSTO_DECIMAL_DIGITS',
      row: 0,
    })
    const longs = oneColumn(flat(new Int64(), (n) => new BigInt64Array(n))([1n, 2n ** 40n]))
    await expect(encodeParquet(longs.schema, [longs], { columns: [{ name: 'c', type: 'int' }] })).rejects.toMatchObject(
      { code: 'KUSTO_INTEGER_RANGE', row: 1 },
    )
  })
})

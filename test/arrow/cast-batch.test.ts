import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import {
  Int32,
  Int64,
  makeData,
  Null,
  type RecordBatch,
  type Schema,
  Timestamp,
  TimeUnit,
  Utf8,
  util,
} from 'apache-arrow'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { castBatch } from '../../src/arrow/cast-batch.ts'
import { openParquet } from '../../src/arrow/parquet-decode.ts'
import {
  arrowSchema,
  type KustoColumn,
  type ScalarName,
  type TypeOptions,
  typeSettings,
} from '../../src/arrow/scalar-types.ts'
import { flat, oneColumn, spans, words } from './any-columns.ts'

const schemaFor = (columns: readonly KustoColumn[], options: TypeOptions = {}) =>
  arrowSchema(columns, typeSettings(options))
const castOne = (batch: RecordBatch, type: ScalarName, options: TypeOptions = {}) =>
  castBatch(batch, schemaFor([{ name: 'c', type }], options))
const raw = (batch: RecordBatch): unknown[] => [...(batch.data.children[0]!.values as BigInt64Array)]
const longs = flat(new Int64(), (n) => new BigInt64Array(n))
const EPOCH = 621_355_968_000_000_000n

const shown = ({ fields }: Schema): unknown =>
  fields.map((field) => [field.toString(), field.nullable, [...field.metadata]])

describe('castBatch', () => {
  let connection: DuckDBConnection
  let folder: string
  let files = 0
  const exported = async (select: string): Promise<RecordBatch> => {
    const path = join(folder, `${++files}.parquet`)
    await connection.run(`copy (${select}) to '${path}' (format parquet)`)
    const file = await openParquet(new Uint8Array(await readFile(path)))
    for await (const batch of file.batches()) return batch
    throw new Error('no batch')
  }
  beforeAll(async () => {
    connection = await (await DuckDBInstance.create()).connect()
    folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-cast-'))
  })
  afterAll(async () => {
    connection.closeSync()
    await rm(folder, { recursive: true })
  })

  it('turns the columns of an export into the schema of the query, by name, with nulls kept and null strings empty', async () => {
    const batch = await exported(`select * from (values
      ('74be27de-1e4e-49d9-b579-fe0b331d3642', timestamp '2020-01-02 03:04:05.678901', 863999999999::bigint, 1.5::decimal(9,2), '{"a":1}', 's', true, 1::int, 2::bigint, 0.5::double),
      (null, null, null, null, null, null, null, null, null, null)) t(g, d, t, m, j, s, b, i, l, r)`)
    const columns: KustoColumn[] = [
      { name: 's', type: 'string' },
      { name: 'g', type: 'guid' },
      { name: 'd', type: 'datetime' },
      { name: 't', type: 'timespan' },
      { name: 'm', type: 'decimal' },
      { name: 'j', type: 'dynamic' },
      { name: 'b', type: 'bool' },
      { name: 'i', type: 'int' },
      { name: 'l', type: 'long' },
      { name: 'r', type: 'real' },
    ]
    const schema = schemaFor(columns)
    const { batch: cast, lostTicks } = castBatch(batch, schema)
    expect(shown(cast.schema)).toEqual(shown(schema))
    for (const [index, child] of cast.data.children.entries()) {
      expect(util.compareTypes(child.type, schema.fields[index]!.type)).toBe(true)
      expect([child.length, child.nullCount]).toEqual([2, index === 0 ? 0 : 1])
    }
    const child = (name: string) => cast.data.children[schema.names.indexOf(name)]!
    expect([...cast.getChild('s')!]).toEqual(['s', ''])
    expect(cast.getChild('g')!.get(0)).toBe('74be27de-1e4e-49d9-b579-fe0b331d3642')
    expect((child('d').values as BigInt64Array)[0]).toBe(1_577_934_245_678_901n)
    expect((child('t').values as BigInt64Array)[0]).toBe(86_399_999_999n)
    expect([...(child('m').values as Uint32Array).subarray(0, 4)]).toEqual(words(15n * 10n ** 17n, 4))
    expect(['j', 'b', 'i', 'r'].map((name) => cast.getChild(name)!.get(0))).toEqual(['{"a":1}', true, 1, 0.5])
    expect(lostTicks).toEqual(columns.map(({ name }) => (name === 't' ? 1 : 0)))
  })

  it('casts datetimes between every unit exactly, cutting towards the past and counting it', () => {
    const units = [
      [TimeUnit.SECOND, 1n],
      [TimeUnit.MILLISECOND, 1000n],
      [TimeUnit.MICROSECOND, 1_000_000n],
    ] as const
    fc.assert(
      fc.property(
        fc.constantFrom(...units),
        fc.bigInt(-62_135_596_800n, 253_402_300_799n),
        ([unit, perSecond], seconds) => {
          const value = seconds * perSecond + (perSecond - 1n)
          const batch = oneColumn(flat(new Timestamp(unit), (n) => new BigInt64Array(n))([value, null]))
          expect(raw(castOne(batch, 'datetime').batch)[0]).toBe(value * (1_000_000n / perSecond))
          expect(raw(castOne(batch, 'datetime', { datetime: 'ticks' }).batch)[0]).toBe(
            value * (10_000_000n / perSecond) + EPOCH,
          )
        },
      ),
    )
    const ticks = oneColumn(longs([EPOCH - 1n, EPOCH + 19n, 0n, null]))
    const { batch, lostTicks } = castOne(ticks, 'datetime')
    expect(raw(batch).slice(0, 3)).toEqual([-1n, 1n, -62_135_596_800_000_000n])
    expect([lostTicks[0], batch.data.children[0]!.nullCount]).toEqual([2, 1])
    expect(raw(castOne(oneColumn(longs([EPOCH - 1n])), 'datetime', { datetime: 'ns' }).batch)).toEqual([-100n])
    expect(raw(castOne(ticks, 'datetime', { datetime: 'ticks' }).batch)[0]).toBe(EPOCH - 1n)
  })

  it('names the row of a time that nanoseconds cannot hold', () => {
    const batch = oneColumn(longs([EPOCH, 3_155_378_975_999_999_999n]))
    expect(() => castOne(batch, 'datetime', { datetime: 'ns' })).toThrow(
      expect.objectContaining({ code: 'KUSTO_TIME_RANGE', column: 'c', row: 1, type: 'datetime' }),
    )
  })

  it('casts int64 timespans of ticks, cutting towards zero', () => {
    const batch = oneColumn(longs([-19n, 19n, -(2n ** 63n)]))
    const { batch: cast, lostTicks } = castOne(batch, 'timespan')
    expect(raw(cast)).toEqual([-1n, 1n, -922_337_203_685_477_580n])
    expect(lostTicks).toEqual([3])
    expect(raw(castOne(oneColumn(longs([-19n])), 'timespan', { timespan: 'ns' }).batch)).toEqual([-1900n])
    expect(raw(castOne(batch, 'timespan', { timespan: 'ticks' }).batch)).toEqual([-19n, 19n, -(2n ** 63n)])
  })

  it('rescales decimals of any width exactly and refuses what (38, 18) cannot hold', async () => {
    const batch = await exported(
      `select * from (values (1.25::decimal(4,2), -7::decimal(18,0), 0.1234567890123456789::decimal(38,19))) t(a, b, d)`,
    )
    const wanted = schemaFor([
      { name: 'a', type: 'decimal' },
      { name: 'b', type: 'decimal' },
    ])
    const { batch: cast } = castBatch(batch, wanted)
    const value = (index: number): bigint =>
      BigInt.asIntN(
        128,
        [...(cast.data.children[index]!.values as Uint32Array)].reduce(
          (sum, word, at) => sum + (BigInt(word) << BigInt(at * 32)),
          0n,
        ),
      )
    expect([value(0), value(1)]).toEqual([1_250_000_000_000_000_000n, -7_000_000_000_000_000_000n])
    expect(() => castBatch(batch, schemaFor([{ name: 'd', type: 'decimal' }]))).toThrow(
      expect.objectContaining({ code: 'KUSTO_DECIMAL_RANGE', column: 'd', row: 0 }),
    )
  })

  it('turns guid text into bytes and bytes into text', async () => {
    const text = '74be27de-1e4e-49d9-b579-fe0b331d3642'
    const batch = await exported(`select '${text}' as c`)
    const bytes = castOne(batch, 'guid', { guid: 'uuid' }).batch
    expect(Buffer.from(bytes.data.children[0]!.values as Uint8Array).toString('hex')).toBe(text.replaceAll('-', ''))
    expect(castOne(bytes, 'guid').batch.getChildAt(0)!.get(0)).toBe(text)
    expect(
      castOne(await exported(`select uuid '${text}' as c`), 'guid')
        .batch.getChildAt(0)!
        .get(0),
    ).toBe(text)
    expect(() => castOne(oneColumn(spans(new Utf8())(['nope'])), 'guid', { guid: 'uuid' })).toThrow(
      expect.objectContaining({ code: 'KUSTO_BAD_GUID', row: 0 }),
    )
  })

  it('widens and narrows integers with a check', () => {
    const ints = oneColumn(flat(new Int32(), (n) => new Int32Array(n))([5, null, -1]))
    expect(raw(castOne(ints, 'long').batch)).toEqual([5n, 0n, -1n])
    expect(() => castOne(oneColumn(longs([0n, 2n ** 31n])), 'int')).toThrow(
      expect.objectContaining({ code: 'KUSTO_INTEGER_RANGE', row: 1, type: 'int' }),
    )
  })

  it('fills every type of column from one of nulls', () => {
    const nulls = oneColumn(makeData({ type: new Null(), length: 3 }))
    for (const type of ['bool', 'int', 'long', 'real', 'decimal', 'datetime', 'timespan', 'guid', 'dynamic'] as const) {
      expect([...castOne(nulls, type).batch.getChildAt(0)!]).toEqual([null, null, null])
    }
    expect([...castOne(nulls, 'string').batch.getChildAt(0)!]).toEqual(['', '', ''])
  })

  it('pairs columns by position when asked, also where names repeat', () => {
    const batch = oneColumn(longs([1n]))
    const schema = schemaFor([{ name: 'other', type: 'long' }])
    expect(raw(castBatch(batch, schema, { match: 'position' }).batch)).toEqual([1n])
    expect(() => castBatch(batch, schema)).toThrow(expect.objectContaining({ code: 'KUSTO_COLUMN_MISMATCH' }))
    const two = schemaFor([
      { name: 'a', type: 'long' },
      { name: 'b', type: 'long' },
    ])
    expect(() => castBatch(batch, two, { match: 'position' })).toThrow(
      expect.objectContaining({ code: 'KUSTO_COLUMN_MISMATCH' }),
    )
    expect(() => castOne(batch, 'guid', { guid: 'uuid' })).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_GUID' }))
  })

  it('reads sliced batches from their first row', () => {
    const batch = oneColumn(spans(new Utf8())(['a', null, 'b', 'c'])).slice(1, 3)
    expect([...castOne(batch, 'string').batch.getChildAt(0)!]).toEqual(['', 'b'])
    const times = oneColumn(longs([0n, null, EPOCH])).slice(1, 3)
    expect([...castOne(times, 'datetime', { datetime: 'ticks' }).batch.getChildAt(0)!]).toEqual([null, EPOCH])
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as arrow from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Duck, type DuckSession, openDuck } from '../../../src/local/engine/duck.ts'
import { PARQUET_FEEDS } from '../../../src/local/ingest/load-parquet.ts'
import type { ParquetKind } from '../../../src/local/ingest/parquet-schema.ts'
import { readParquetFields } from '../../../src/local/ingest/parquet-schema.ts'
import { load, type LoadCase, loadFile } from './loading.ts'

let duck: Duck
let session: DuckSession
let folder: string
let files = 0
beforeAll(async () => {
  duck = await openDuck()
  session = await duck.connect()
  folder = await mkdtemp(join(tmpdir(), 'parquet-test-'))
})
afterAll(async () => {
  await duck.close()
  await rm(folder, { recursive: true, force: true })
})

const write = async (select: string): Promise<string> => {
  const file = join(folder, `${files++}.parquet`)
  await session.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`)
  return file
}
const through = async (select: string, schema: string, options: LoadCase = {}): Promise<unknown[][]> =>
  loadFile(session, schema, await write(select), folder, { format: 'parquet', ...options })

const SCALARS = ['bool', 'int', 'long', 'real', 'decimal', 'datetime', 'timespan', 'string', 'guid', 'dynamic']

describe('the type table', () => {
  // One row per kind of field, in the order of SCALARS, copied from the documentation.
  const table: readonly (readonly [string, ParquetKind, string])[] = [
    ['1::TINYINT', 'integer', 'yyyyy--y--'],
    ['1::BIGINT', 'integer', 'yyyyy--y--'],
    ['1::UINTEGER', 'integer', 'yyyyy--y--'],
    ['1::UBIGINT', 'uint64', 'yyy-y--y--'],
    ['1.0::FLOAT', 'float', 'yyyyy--y--'],
    ['1.0::DOUBLE', 'float', 'yyyyy--y--'],
    ['true', 'boolean', 'y---y--y--'],
    ['1::DECIMAL(9,2)', 'decimal-int', 'yyyyy--y--'],
    ['1::DECIMAL(18,2)', 'decimal-int', 'yyyyy--y--'],
    ['1::DECIMAL(38,18)', 'decimal-flba', '--yyy--y--'],
    ["TIMESTAMP '2020-01-01'", 'timestamp', '-----y-y--'],
    ["TIMESTAMP_NS '2020-01-01 00:00:00'", 'timestamp', '-----y-y--'],
    ["TIMESTAMPTZ '2020-01-01 00:00:00+00'", 'timestamp', '-----y-y--'],
    ["DATE '2020-01-01'", 'timestamp', '-----y-y--'],
    ["'1'", 'string', '-yyyy--y-y'],
    ["'74be27de-1e4e-49d9-b579-fe0b331d3642'::UUID", 'uuid', '-------yy-'],
    ["'1'::JSON", 'json', '-------y-y'],
    ['[1]', 'list', '---------y'],
    ["MAP {'a': 1}", 'map', '---------y'],
    ["{'a': 1}", 'struct', '---------y'],
    ["TIME '10:00:00'", 'other', '----------'],
    ["'a'::BLOB", 'other', '----------'],
  ]

  it.each(table)('%s (%s) feeds %s', async (value, kind, feeds) => {
    const file = await write(`SELECT ${value} AS a`)
    expect((await readParquetFields(session, file))[0]?.kind).toBe(kind)
    let accepted = ''
    for (const type of SCALARS) {
      const outcome = await loadFile(session, `a:${type}`, file, folder, { format: 'parquet' }).then(
        ([row]) => (row?.[0] === null ? 'null' : 'y'),
        (error: unknown) =>
          error instanceof Error && 'code' in error && error.code === 'BadRequest_InvalidMapping' ? '-' : String(error),
      )
      accepted += outcome
    }
    expect(accepted).toBe(feeds)
  })

  it('has a row for every kind', () => {
    expect(new Set([...table.map(([, kind]) => kind), 'decimal-binary'])).toEqual(new Set(Object.keys(PARQUET_FEEDS)))
  })
})

describe('values from parquet', () => {
  it('are exact', async () => {
    expect(
      await through(
        `SELECT 9223372036854775807 AS l, 0.1::DOUBLE AS r, 'nan'::DOUBLE AS n, -0.000000000000000001::DECIMAL(38,18) AS d, 'é"' AS s,
         TIMESTAMP '9999-12-31 23:59:59.999999' AS t, TIMESTAMP_NS '2020-01-01 00:00:00.123456789' AS ns, DATE '0001-01-01' AS dt, TIMESTAMPTZ '2020-01-01 02:00:00+02' AS tz`,
        'l:long,r:real,n:real,d:decimal,s:string,t:datetime,ns:datetime,dt:datetime,tz:datetime',
      ),
    ).toEqual([
      [
        '9223372036854775807',
        '0.1',
        'nan',
        '-0.000000000000000001',
        'é"',
        '3155378975999999990',
        '637134336001234567',
        '0',
        '637134336000000000',
      ],
    ])
  })

  it('become null where the number does not fit, and null stays null', async () => {
    expect(
      await through(
        'SELECT 3000000000 AS a, 1.5::DOUBLE AS b, 18446744073709551615::UBIGINT AS c, NULL::INTEGER AS d, NULL::VARCHAR AS e, NULL::VARCHAR AS f',
        'a:int,b:long,c:long,d:int,e:string,f:dynamic',
      ),
    ).toEqual([[null, null, null, null, '', null]])
  })

  it('print in a string column as Kusto prints them', async () => {
    expect(
      await through(
        "SELECT 1::INTEGER AS a, 1.0::DOUBLE AS b, true AS c, TIMESTAMP '2020-01-01 00:00:00.5' AS d, NULL::INTEGER AS e",
        'a:string,b:string,c:string,d:string,e:string',
      ),
    ).toEqual([['1', '1.0', 'true', '2020-01-01T00:00:00.5000000Z', '']])
  })

  it('become JSON from lists, maps and structs', async () => {
    expect(
      await through(
        "SELECT [1, NULL] AS a, MAP {'k': 'v'} AS b, {'x': {'y': 'q\"'}} AS c, NULL::INTEGER[] AS d, '{ \"z\": 1 }' AS e",
        'a:dynamic,b:dynamic,c:dynamic,d:dynamic,e:dynamic',
      ),
    ).toEqual([['[1,null]', '{"k":"v"}', '{"x":{"y":"q\\""}}', null, '{"z":1}']])
  })
})

describe('columns of parquet', () => {
  it('match by exact name; missing ones are null and extra ones are dropped', async () => {
    expect(await through('SELECT 1 AS "Id", 2 AS extra, \'x\' AS "a b"', 'id:int,Id:int,a b:string,s:string')).toEqual([
      [null, '1', 'x', ''],
    ])
  })

  it('map by field, path, constant and transform', async () => {
    const mapping = [
      { column: 'a', Properties: { Field: 'x.y' } },
      { column: 'b', Properties: { Path: "$.s['in ner'].l[1]" } },
      { column: 'c', Properties: { ConstValue: '00:00:01' } },
      { column: 't', Properties: { Path: '$.e', Transform: 'DateTimeFromUnixNanoseconds' } },
      { column: 'm', Properties: { Path: '$.nowhere.z' } },
    ]
    expect(
      await through(
        `SELECT 1 AS "x.y", {'in ner': {'l': [5, 6]}} AS s, 1600000000123456789 AS e`,
        'a:int,b:long,c:timespan,t:datetime,m:int',
        { mapping },
      ),
    ).toEqual([['1', '6', '10000000', '637355968001234567', null]])
  })

  it('refuses what is no parquet, and a file without rows', async () => {
    await expect(load(session, 'a:int', 'a,b\n', { format: 'parquet' })).rejects.toMatchObject({
      code: 'BadRequest_InvalidBlob',
    })
    await expect(through('SELECT 1 AS a WHERE false', 'a:int')).rejects.toMatchObject({
      code: 'BadRequest_NoRecordsOrWrongFormat',
    })
  })
})

describe('files of another writer', () => {
  // The build of parquet-wasm for Node, which needs no start-up.
  const wasm = createRequire(import.meta.url)('parquet-wasm') as typeof import('parquet-wasm')
  const writeArrow = async (columns: Record<string, arrow.Vector>): Promise<string> => {
    const file = join(folder, `${files++}.parquet`)
    const stream = arrow.tableToIPC(new arrow.Table(columns), 'stream')
    await writeFile(file, wasm.writeParquet(wasm.Table.fromIPCStream(stream)))
    return file
  }

  it('are read with the same types', async () => {
    const file = await writeArrow({
      b: arrow.vectorFromArray([true, null], new arrow.Bool()),
      i: arrow.vectorFromArray([1, null], new arrow.Int16()),
      l: arrow.vectorFromArray([9007199254740993n, null], new arrow.Int64()),
      s: arrow.vectorFromArray(['x', null], new arrow.Utf8()),
      t: arrow.vectorFromArray([1000, null], new arrow.TimestampMicrosecond('UTC')),
      n: arrow.vectorFromArray([1000, null], new arrow.TimestampNanosecond()),
      y: arrow.vectorFromArray([[1, 2], null], new arrow.List(new arrow.Field('item', new arrow.Int32()))),
    })
    const rows = await loadFile(session, 'b:bool,i:int,l:long,s:string,t:datetime,n:datetime,y:dynamic', file, folder, {
      format: 'parquet',
    })
    expect(rows).toEqual([
      ['true', '1', '9007199254740993', 'x', '621355968010000000', '621355968010000000', '[1,2]'],
      [null, null, null, '', null, null, null],
    ])
  })

  it('are refused where they would lose digits', async () => {
    const file = await writeArrow({ t: arrow.vectorFromArray([1000], new arrow.TimestampNanosecond('UTC')) })
    await expect(loadFile(session, 't:datetime', file, folder, { format: 'parquet' })).rejects.toMatchObject({
      code: 'BadRequest_NotSupportedByEmulator',
    })
  })
})

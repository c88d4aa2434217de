import { Int32, Int64, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { BatchInput, WriteOptions, WriteReceipt } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import type { Canonical } from './canonical.ts'
import { startRecordingProxy } from './recording-proxy.ts'

let local: LocalKusto
let kusto: KustoConnector
let queue: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'rest' })
  queue = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'queue' })
})

afterAll(async () => {
  await kusto.close()
  await queue.close()
  await local.close()
})

let made = 0
async function newTable(columns: string): Promise<string> {
  const table = `Mapped${made++}`
  if (columns !== '') await kusto.command(`.create table ${table} (${columns})`).rows()
  return table
}

const data = (): Table =>
  new Table({ a: vectorFromArray([1, 2], new Int32()), b: vectorFromArray(['x', null], new Utf8()) })

async function load(table: string, rows: BatchInput, options: WriteOptions, by = kusto): Promise<WriteReceipt> {
  const receipt = await by.write(table, rows, { flushImmediately: true, ...options })
  return receipt.completed({ timeoutMs: 60_000 })
}

const content = async (table: string): Promise<Readonly<Record<string, readonly Canonical[]>>> =>
  canonicalTable(await kusto.read(table, { mode: 'single' }).table())

const CSV = [
  { column: 'text', ordinal: 1 },
  { column: 'number', ordinal: 0 },
  { column: 'where', constValue: 'here' },
]
const PARQUET = [
  { column: 'text', path: "$['b']" },
  { column: 'number', field: 'a' },
  { column: 'where', constValue: 'here' },
]
const EXPECTED = { number: ['1', '2'], other: [null, null], text: ['x', ''], where: ['here', 'here'] }

describe('a mapping', () => {
  it.each([
    ['csv', CSV],
    ['parquet', PARQUET],
  ] as const)('spark:W9 that goes along says what reaches which column, %s', async (format, ingestionMapping) => {
    for (const by of [kusto, queue]) {
      const table = await newTable("number:long, other:datetime, text:string, ['where']:string")
      const receipt = await load(table, data(), { ingestionMapping }, by)
      expect(receipt.format).toBe(format)
      expect(await content(table)).toEqual(EXPECTED)
    }
  })

  it('spark:W9 in the text of the commands, nested or flat, is the same mapping', async () => {
    for (const text of [
      '[{"Column":"text","DataType":"string","Properties":{"Ordinal":"1"}},{"column":"number","Properties":{"ordinal":0}}]',
      '[{"Name":"text","Ordinal":1},{"name":"number","CslDataType":"long","ordinal":"0"}]',
    ]) {
      const table = await newTable('number:long, text:string')
      await load(table, data(), { ingestionMapping: text })
      expect(await content(table)).toEqual({ number: ['1', '2'], text: ['x', ''] })
    }
  })

  it('spark:W9 of the table or of the database is found by its name, and used', async () => {
    const table = await newTable("number:long, other:datetime, text:string, ['where']:string")
    const json = JSON.stringify(CSV.map(({ column, ...properties }) => ({ column, properties })))
    await kusto.command(`.create table ${table} ingestion csv mapping "by ordinal" '${json}'`).rows()
    await load(table, data(), { ingestionMappingReference: 'by ordinal' })
    expect(await content(table)).toEqual(EXPECTED)
    await load(table, data(), { ingestionMappingReference: 'by ordinal' }, queue)
    expect((await content(table))['where']).toEqual(['here', 'here', 'here', 'here'])
    await kusto.command(`.create-or-alter database ${local.database} ingestion csv mapping "shared" '${json}'`).rows()
    const other = await newTable("number:long, other:datetime, text:string, ['where']:string")
    await load(other, data(), { ingestionMappingReference: 'shared' })
    expect(await content(other)).toEqual(EXPECTED)
  })

  it('spark:W9 spark:W16 by its name serves a transactional write, whose staging table has none', async () => {
    const table = await newTable("number:long, other:datetime, text:string, ['where']:string")
    const json = JSON.stringify(CSV.map(({ column, ...properties }) => ({ column, properties })))
    await kusto.command(`.create table ${table} ingestion csv mapping "M" '${json}'`).rows()
    const receipt = await kusto.write(table, data(), {
      mode: 'transactional',
      ingestionMappingReference: 'M',
      dropByTags: ['kept'],
    })
    expect(receipt.rows).toBe(2)
    expect(await content(table)).toEqual(EXPECTED)
  })

  it('spark:W9 that nobody stored is an error before the upload, with the names that exist', async () => {
    const table = await newTable('number:long, text:string')
    const proxy = await startRecordingProxy(local.cluster)
    const watched = new KustoConnector({ cluster: proxy.url, database: local.database })
    try {
      await kusto
        .command(`.create table ${table} ingestion csv mapping "First" '[{"column":"text","Ordinal":1}]'`)
        .rows()
      await kusto
        .command(`.create table ${table} ingestion parquet mapping "Second" '[{"column":"text","Path":"$.b"}]'`)
        .rows()
      await expect(
        watched.write(table, data(), { ingestionMappingReference: 'first', create: 'CreateIfNotExist' }),
      ).rejects.toMatchObject({
        name: 'KustoUsageError',
        code: 'KUSTO_MAPPING_NOT_FOUND',
        message: expect.stringMatching(/First \(csv\).*Second \(parquet\)/) as string,
      })
      await expect(
        watched.write(table, data(), { ingestionMappingReference: 'First', format: 'parquet' }),
      ).rejects.toMatchObject({ code: 'KUSTO_MAPPING_NOT_FOUND' })
      expect(proxy.seen.map(({ csl }) => csl).filter((csl) => !csl.startsWith('.show'))).toEqual([])
    } finally {
      await watched.close()
      await proxy.close()
    }
  })

  it.each<[string, WriteOptions, string, RegExp]>([
    ['a column the table lacks', { ingestionMapping: [{ column: 'c', ordinal: 0 }] }, 'KUSTO_BAD_MAPPING', /column c/],
    ['an ordinal the data lack', { ingestionMapping: [{ column: 'n', ordinal: 2 }] }, 'KUSTO_BAD_MAPPING', /ordinal 2/],
    ['a field the data lack', { ingestionMapping: [{ column: 'n', field: 'c' }] }, 'KUSTO_BAD_MAPPING', /reads c/],
    ['a path into a value', { ingestionMapping: [{ column: 'n', path: '$.b.c' }] }, 'KUSTO_BAD_MAPPING', /one step/],
    ['a type that does not fit', { ingestionMapping: [{ column: 'n', ordinal: 1 }] }, 'KUSTO_SCHEMA_MISMATCH', /long/],
    [
      'a constant that is none of its column',
      {
        ingestionMapping: [
          { column: 'n', ordinal: 0 },
          { column: 'r', constValue: 'nightly' },
        ],
      },
      'KUSTO_BAD_MAPPING',
      /column r: expected a constant of type real, found "nightly"/,
    ],
    [
      'two types at once',
      {
        ingestionMapping: [
          { column: 'n', ordinal: 0 },
          { column: 'r', ordinal: 0 },
        ],
      },
      'KUSTO_BAD_MAPPING',
      /long and real/,
    ],
    [
      'another format',
      { ingestionMapping: [{ column: 'n', ordinal: 0 }], format: 'parquet' },
      'KUSTO_BAD_MAPPING',
      /for parquet/,
    ],
    ['text that is no JSON', { ingestionMapping: '[' }, 'KUSTO_BAD_MAPPING', /not JSON/],
    ['nothing', { ingestionMapping: [] }, 'KUSTO_BAD_MAPPING', /at least one/],
    ['no source', { ingestionMapping: [{ column: 'n' }] }, 'KUSTO_BAD_MAPPING', /found none/],
    ['two sources', { ingestionMapping: [{ column: 'n', ordinal: 0, field: 'a' }] }, 'KUSTO_BAD_MAPPING', /one of/],
    ['an unknown key', { ingestionMapping: '[{"column":"n","ordnal":0}]' }, 'KUSTO_BAD_MAPPING', /ordnal/],
    [
      'a name too',
      { ingestionMapping: [{ column: 'n', ordinal: 0 }], ingestionMappingReference: 'M' },
      'KUSTO_TWO_MAPPINGS',
      /both/,
    ],
    [
      'another way to meet columns',
      { ingestionMapping: [{ column: 'n', ordinal: 0 }], adjustSchema: 'ByName' },
      'KUSTO_BAD_OPTION',
      /adjustSchema/,
    ],
  ])('with %s is refused', async (_what, options, code, message) => {
    const table = await newTable('n:long, r:real')
    await expect(kusto.write(table, data(), options)).rejects.toMatchObject({
      name: 'KustoUsageError',
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it('makes the columns of a new table', async () => {
    const table = await newTable('')
    const seconds = new Table({
      t: vectorFromArray([1_700_000_000n], new Int64()),
      x: vectorFromArray([7], new Int32()),
    })
    await load(table, seconds, {
      create: 'CreateIfNotExist',
      ingestionMapping: [
        { column: 'at', ordinal: 0, transform: 'DateTimeFromUnixSeconds' },
        { column: 'wide', datatype: 'long', ordinal: 1 },
        { column: 'origin', constValue: 'test' },
      ],
    })
    expect(await content(table)).toEqual({ at: [String(1_700_000_000_000_000n)], wide: ['7'], origin: ['test'] })
  })

  it('gives rows of plain objects the types of its columns', async () => {
    const table = await newTable('id:guid, took:timespan')
    const rows = [{ took: '1.02:03:04.0000005', id: '74BE27DE1E4E49D9B579FE0B331D3642' }]
    await load(table, rows, {
      ingestionMapping: [
        { column: 'took', ordinal: 0 },
        { column: 'id', ordinal: 1 },
      ],
    })
    expect(
      await kusto.query(`${table} | project id = tostring(id), took = tostring(took)`).table().then(canonicalTable),
    ).toEqual({
      id: ['74be27de-1e4e-49d9-b579-fe0b331d3642'],
      took: ['1.02:03:04.0000005'],
    })
  })
})

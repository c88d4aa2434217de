import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { WriteOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import type { Canonical } from './canonical.ts'

type Row = Readonly<Record<string, unknown>>

let local: LocalKusto
let rest: KustoConnector
let queue: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  rest = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'rest' })
  queue = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'queue' })
})

afterAll(async () => {
  await rest.close()
  await queue.close()
  await local.close()
})

let made = 0
async function newTable(columns: string): Promise<string> {
  const table = `Rows${made++}`
  await rest.command(`.create table ${table} (${columns})`).rows()
  return table
}

async function load(table: string, rows: readonly Row[], options: WriteOptions = {}, by = rest): Promise<void> {
  const receipt = await by.write(table, rows, { flushImmediately: true, ...options })
  await receipt.completed({ timeoutMs: 60_000 })
}

type Content = Readonly<Record<string, readonly Canonical[]>>

/** Every column as the service's own text of it. */
async function texts(table: string, columns: readonly string[], sort: string): Promise<Content> {
  const list = columns.map((name) => `${name} = tostring(${name})`).join(', ')
  return canonicalTable(await rest.query(`${table} | sort by ${sort} asc | project ${list}`).table())
}

const ALL = 'n:int, b:bool, l:long, r:real, d:decimal, s:string, t:datetime, p:timespan, g:guid, y:dynamic'
const NAMES = ['b', 'l', 'r', 'd', 's', 't', 'p', 'g', 'y']

describe('rows of text', () => {
  it('spark:T1 spark:T7 become the types of the table they are written to, by REST and by queue', async () => {
    const table = await newTable(ALL)
    const row = {
      b: 'TRUE',
      l: '-9223372036854775808',
      r: '1.5e3',
      d: '-1234567890123456.123456789012345678',
      s: 'text',
      t: '2024-02-29T23:59:59.1234567+02:00',
      p: '-12.23:59:59.9999999',
      g: '{74BE27DE-1E4E-49D9-B579-FE0B331D3642}'.slice(1, -1),
      y: '{"a": [1, 2.50], "b": null}',
    }
    // Parquet carries neither text into datetime nor guids nor timespans, so these rows go as CSV.
    await load(table, [{ n: '1', ...row }])
    await load(table, [{ n: 2, ...row }], {}, queue)
    const once = {
      b: 'true',
      l: '-9223372036854775808',
      r: '1500.0',
      d: '-1234567890123456.123456789012345678',
      s: 'text',
      t: '2024-02-29T21:59:59.1234567Z',
      p: '-12.23:59:59.9999999',
      g: '74be27de-1e4e-49d9-b579-fe0b331d3642',
      y: '{"a":[1,2.50],"b":null}',
    }
    expect(await texts(table, NAMES, 'n')).toEqual(
      Object.fromEntries(Object.entries(once).map(([name, text]) => [name, [text, text]])),
    )
  })

  it('spark:T2 with nulls of each type, missing properties and empty strings', async () => {
    const table = await newTable(ALL)
    await load(table, [
      { n: 1, ...Object.fromEntries(NAMES.map((name) => [name, null])) },
      { n: 2 },
      { n: 3, s: '', y: '""', g: undefined },
    ])
    const nothing = (name: string): readonly Canonical[] => (name === 's' ? ['', '', ''] : [null, null, null])
    const read = canonicalTable(await rest.query(`${table} | sort by n asc | project-away n`).table())
    expect(read).toEqual(Object.fromEntries(NAMES.map((name) => [name, nothing(name)])))
  })

  it('spark:T2 of one column keep a null row', async () => {
    const table = await newTable('s:string')
    await load(table, [{ s: 'a' }, { s: null }, {}, { s: 'b' }], { format: 'csv' })
    expect(canonicalTable(await rest.query(`${table} | sort by s asc`).table())).toEqual({ s: ['', '', 'a', 'b'] })
  })

  it('spark:T4 and of every other kind fit a dynamic column, side by side', async () => {
    const table = await newTable('n:int, y:dynamic')
    const values = [
      1,
      2n ** 60n,
      1.5,
      true,
      'plain',
      '[1,{"a":null}]',
      '7',
      { deep: [{ x: new Date(0) }] },
      [NaN],
      new Date(0),
    ]
    await load(
      table,
      values.map((y, n) => ({ n, y })),
    )
    expect((await texts(table, ['y'], 'n'))['y']).toEqual([
      '1',
      '1152921504606846976',
      '1.5',
      'true',
      'plain',
      '[1,{"a":null}]',
      '7',
      '{"deep":[{"x":"1970-01-01T00:00:00.000Z"}]}',
      '["NaN"]',
      '1970-01-01T00:00:00.000Z',
    ])
  })

  it('spark:T5 at both ends of time, as text and as Dates', async () => {
    const table = await newTable('n:int, t:datetime')
    await load(table, [
      { n: 1, t: '0001-01-01' },
      { n: 2, t: '9999-12-31T23:59:59.9999999Z' },
      { n: 3, t: new Date('0001-01-01T00:00:00Z') },
      { n: 4, t: new Date('9999-12-31T23:59:59.999Z') },
    ])
    expect((await texts(table, ['t'], 'n'))['t']).toEqual([
      '0001-01-01T00:00:00.0000000Z',
      '9999-12-31T23:59:59.9999999Z',
      '0001-01-01T00:00:00.0000000Z',
      '9999-12-31T23:59:59.9990000Z',
    ])
  })

  it('spark:T6 and numbers become decimals digit by digit, by position too', async () => {
    const table = await newTable('n:int, d:decimal')
    const values = ['0.000000000000000001', 1e-7, 12345678901234567000, -0.1, '1E+3', '.5', 7n, '-0']
    await load(
      table,
      values.map((value, index) => ({ first: index, second: value })),
      { adjustSchema: 'NoAdjustment' },
    )
    const read = canonicalTable(await rest.query(`${table} | where n != 2 | sort by n asc | project d`).table())
    expect(read['d']).toEqual([
      '1',
      '100000000000',
      '-100000000000000000',
      '1000000000000000000000',
      '500000000000000000',
      '7000000000000000000',
      '0',
    ])
  })

  it('take the first values as they come and later ones of another kind, where the table knows the type', async () => {
    const table = await newTable('n:int, l:long, t:datetime, g:guid')
    const rows: Row[] = Array.from({ length: 30 }, (_, n) => ({ n, l: n, t: new Date(n), g: null }))
    rows.push({ n: 30, l: '30', t: '1970-01-01T00:00:00.030Z', g: '74be27de1e4e49d9b579fe0b331d3642' })
    await load(table, rows, { inferRows: 10 })
    const read = canonicalTable(
      await rest.query(`${table} | where n == l and t == datetime(1970-01-01) + n * 1ms | count`).table(),
    )
    expect(read).toEqual({ Count: ['31'] })
    await expect(
      load(table, [...rows.slice(0, 20), { n: 20, t: '1970-01-01T00:00:00.0000001Z' }], { inferRows: 10 }),
    ).rejects.toMatchObject({ code: 'KUSTO_ROW_VALUE', column: 't', row: 20 })
  })
})

describe('a value that is none of its column', () => {
  const WRONG: readonly (readonly [string, unknown, string])[] = [
    ['b', 'yes', 'KUSTO_ROW_VALUE'],
    ['n', '2147483648', 'KUSTO_INTEGER_RANGE'],
    ['n', '1.5', 'KUSTO_ROW_VALUE'],
    ['l', '9223372036854775808', 'KUSTO_INTEGER_RANGE'],
    ['l', '', 'KUSTO_ROW_VALUE'],
    ['r', '1,5', 'KUSTO_ROW_VALUE'],
    ['r', '1e999', 'KUSTO_ROW_VALUE'],
    ['d', 'NaN', 'KUSTO_ROW_VALUE'],
    ['d', '1'.repeat(35), 'KUSTO_DECIMAL_DIGITS'],
    ['t', '2023-02-29', 'KUSTO_BAD_DATETIME'],
    ['t', 'yesterday', 'KUSTO_BAD_DATETIME'],
    ['p', '25:00:00', 'KUSTO_BAD_TIMESPAN'],
    ['p', '1h', 'KUSTO_BAD_TIMESPAN'],
    ['g', '74be27de-1e4e-49d9-b579', 'KUSTO_BAD_GUID'],
    ['g', new Uint8Array(15), 'KUSTO_BAD_GUID'],
    ['y', '{"a":', 'KUSTO_ROW_VALUE'],
  ]

  it('is an error with column and row, without the value, and nothing is written', async () => {
    const table = await newTable(ALL)
    const good: Row = {
      n: 1,
      b: 'true',
      l: '1',
      r: '1',
      d: '1',
      t: '2020-01-01',
      p: '00:00:01',
      g: '74be27de1e4e49d9b579fe0b331d3642',
      y: '1',
    }
    for (const [column, value, code] of WRONG) {
      const failure = load(table, [good, { ...good, [column]: value }])
      await expect(failure, `${column} ${String(value)}`).rejects.toMatchObject({
        name: 'KustoDataError',
        code,
        column,
        row: 1,
        message: expect.not.stringContaining(
          value instanceof Uint8Array || value === '' ? '\u0000' : String(value),
        ) as string,
      })
    }
    expect(await rest.read(table).count()).toBe(0)
  })

  it('is a mismatch of schemas when no value of that kind could be one', async () => {
    const table = await newTable('n:int, g:guid, s:string')
    for (const row of [{ g: 5 }, { n: true }, { s: 1 }, { s: new Date(0) }, { g: {} }]) {
      await expect(load(table, [row])).rejects.toMatchObject({ code: 'KUSTO_SCHEMA_MISMATCH' })
    }
  })
})

describe('columns', () => {
  it('spark:W4 of rows make a table of the types that Kusto has for them, and fail where there is none', async () => {
    const row = { b: true, l: 1, big: 2n, r: 0.5, s: 'x', t: new Date(0), y: [1], x: new Uint8Array([1]), none: null }
    await expect(load('Absent', [row])).rejects.toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
    const table = `Rows${made++}`
    await load(table, [row], { create: 'CreateIfNotExist' })
    const { rows } = await rest.command(`.show table ${table} cslschema`).rows()
    expect(rows[0]!.text('Schema')).toBe(
      'b:bool,l:long,big:long,r:real,s:string,t:datetime,y:dynamic,x:string,none:string',
    )
  })

  it('spark:W6 meet by position, whatever their names', async () => {
    const table = await newTable('p:string, q:long')
    await load(table, [{ z: 'a', a: 1 }], { adjustSchema: 'NoAdjustment' })
    expect(canonicalTable(await rest.read(table).table())).toEqual({ p: ['a'], q: ['1'] })
  })

  it('spark:W7 must be the same names in the same order, with the same types', async () => {
    const table = await newTable('a:long, g:guid')
    const g = '74be27de1e4e49d9b579fe0b331d3642'
    await load(table, [{ a: 1, g }], { adjustSchema: 'FailIfNotMatch' })
    for (const [row, message] of [
      [{ g, a: 1 }, /column 0: expected a:long, found g:guid/],
      [{ a: 1, G: g }, /column 1: expected g:guid, found G:string/],
      [{ a: 1 }, /expected 2 columns, found 1/],
      [{ a: true, g }, /column 0: expected a:long, found a:bool/],
    ] as const) {
      await expect(load(table, [row], { adjustSchema: 'FailIfNotMatch' })).rejects.toMatchObject({
        code: 'KUSTO_SCHEMA_MISMATCH',
        message: expect.stringMatching(message) as string,
      })
    }
  })

  it('spark:W8 meet by name under a generated mapping; more of them than the table has are an error', async () => {
    const table = await newTable('a:long, z:real, g:guid')
    const generated = { adjustSchema: 'GenerateDynamicCsvMapping', create: 'CreateIfNotExist' } as const
    await load(table, [{ g: '74be27de1e4e49d9b579fe0b331d3642', a: 1 }], generated)
    expect(await texts(table, ['a', 'z', 'g'], 'a')).toEqual({
      a: ['1'],
      z: [''],
      g: ['74be27de-1e4e-49d9-b579-fe0b331d3642'],
    })
    await expect(load(table, [{ a: 1, more: 2 }], generated)).rejects.toMatchObject({ code: 'KUSTO_SCHEMA_MISMATCH' })
    await load(table, [{ a: 2, more: 2 }], { adjustSchema: 'AddColumns' })
    expect(await texts(table, ['more'], 'a')).toEqual({ more: ['', '2'] })
  })
})

describe('any rows', () => {
  const word = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom('', '"', ',', '\r\n', '\0', '😀', 'null', '{"a":1}'),
  )
  const row = fc.record({
    b: fc.option(fc.boolean()),
    i: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    l: fc.option(fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger())),
    r: fc.option(fc.double()),
    d: fc.option(
      fc
        .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.nat(10 ** 9))
        .map(([whole, part]) => `${whole}.${part}`),
    ),
    s: fc.option(word),
    t: fc.option(fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })),
    y: fc.option(fc.oneof(fc.json(), fc.record({ a: word, b: fc.array(fc.integer(), { maxLength: 3 }) }))),
  })

  it('make the same table as CSV and as Parquet, by REST and by queue', { timeout: 240_000 }, async () => {
    const columns = 'n:int, b:bool, i:int, l:long, r:real, d:decimal, s:string, t:datetime, y:dynamic'
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (generated) => {
        const rows = generated.map((values, n) => ({ n, ...values }))
        const contents: Content[] = []
        for (const [format, by] of [
          ['csv', rest],
          ['parquet', rest],
          ['csv', queue],
          ['parquet', queue],
        ] as const) {
          const table = await newTable(columns)
          await load(table, rows, { format }, by)
          contents.push(canonicalTable(await rest.query(`${table} | sort by n asc`).table()))
          await rest.command(`.drop table ${table}`).rows()
        }
        const [first, ...others] = contents
        for (const other of others) expect(other).toEqual(first)
        // What does not depend on the format is what was given.
        expect(first!['s']).toEqual(rows.map(({ s }) => s ?? ''))
        expect(first!['l']).toEqual(rows.map(({ l }) => (l === null ? null : String(l))))
        expect(first!['t']).toEqual(rows.map(({ t }) => (t === null ? null : String(BigInt(t.getTime()) * 1000n))))
      }),
      { numRuns: 6 },
    )
  })
})

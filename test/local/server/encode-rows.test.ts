import { DuckDBBlobVector, DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Column } from '../../../src/local/lang/syntax.ts'
import { ByteBuffer } from '../../../src/local/server/byte-buffer.ts'
import { encodeCells, RowEncoder, type WireVersion } from '../../../src/local/server/encode-rows.ts'
import { MemoryReader } from '../../../src/local/server/vector-reader.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
})

afterAll(() => {
  connection.closeSync()
  instance.closeSync()
})

async function encode(sql: string, columns: readonly Column[], version: WireVersion = 'v2'): Promise<string> {
  const encoder = new RowEncoder(columns, version, new MemoryReader(DuckDBBlobVector))
  const out = new ByteBuffer(16)
  const parts: string[] = []
  const result = await connection.stream(sql)
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    encoder.encode(chunk, chunk.rowCount, out)
    parts.push(out.take().toString('utf8'))
  }
  return parts.join(',')
}

const column = (type: Column['type']): readonly Column[] => [{ name: 'c', type }]

describe('long', () => {
  test.each([
    '0',
    '-1',
    '9',
    '10',
    '2147483647',
    '2147483648',
    '-2147483649',
    '9007199254740991',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
  ])('writes %s digit by digit', async (digits) => {
    expect(await encode(`select (${digits})::bigint`, column('long'))).toBe(`[${digits}]`)
  })

  test('agrees with BigInt on values of every magnitude', async () => {
    const values = Array.from({ length: 64 }, (_, bit) => [1n << BigInt(bit), -(1n << BigInt(bit)) + 3n])
      .flat()
      .map((value) => BigInt.asIntN(64, value))
    const sql = `select unnest([${values.map((value) => `${value}::hugeint`).join(',')}])::bigint`
    expect(await encode(sql, column('long'))).toBe(values.map((value) => `[${value}]`).join(','))
  })
})

test('writes reals so that they read back, with NaN and infinities as text', async () => {
  const text = await encode(
    `select unnest([1.0, '-0'::double, 0.1, 1e21, 5e-324, 1.7976931348623157e308, 'nan', 'inf', '-inf', 123456789.125, null]::double[])`,
    column('real'),
  )
  expect(text).toBe(
    '[1.0],[-0.0],[0.1],[1e+21],[5e-324],[1.7976931348623157e+308],["NaN"],["Infinity"],["-Infinity"],[123456789.125],[null]',
  )
})

test('writes the same digits as JavaScript for reals of all sizes', async () => {
  const values = Array.from({ length: 4000 }, (_, index) => {
    const value = (index * 7919) / 10 ** (index % 9)
    return index % 2 === 0 ? value : -value
  })
  const text = await encode(`select unnest([${values.map((value) => `'${value}'`).join(',')}])::double`, column('real'))
  const expected = values.map(
    (value) => `[${Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : value}]`,
  )
  expect(text).toBe(expected.join(','))
})

test('writes decimals as text without trailing zeros', async () => {
  const text = await encode(
    `select unnest(['3.140', '-0.000000000000000001', '5', '12345678901234567890.123456789012345678', null]::decimal(38,18)[])`,
    column('decimal'),
  )
  expect(text).toBe('["3.14"],["-0.000000000000000001"],["5"],["12345678901234567890.123456789012345678"],[null]')
})

test('writes datetimes from year 1 to 9999 with seven digits', async () => {
  const ticks = [0n, 3155378975999999999n, 630822816000000001n, 638447616000000000n, 637134336000000000n]
  const text = await encode(`select unnest([${ticks.join(',')}]::bigint[])`, column('datetime'))
  expect(text).toBe(
    '["0001-01-01T00:00:00.0000000Z"],["9999-12-31T23:59:59.9999999Z"],["2000-01-01T00:00:00.0000001Z"],' +
      '["2024-02-29T00:00:00.0000000Z"],["2020-01-01T00:00:00.0000000Z"]',
  )
})

test('writes every day of four centuries as the calendar has it', async () => {
  const firstDay = 730_119 // 2000-01-01
  const days = Array.from({ length: 146_100 }, (_, index) => firstDay + index)
  const text = await encode(
    `select (${firstDay} + i)::bigint * 864000000000 from range(146100) r(i) order by i`,
    column('datetime'),
  )
  const expected = days.map((day) => {
    const iso = new Date(Date.UTC(2000, 0, 1 + day - firstDay)).toISOString().slice(0, 10)
    return `["${iso}T00:00:00.0000000Z"]`
  })
  expect(text).toBe(expected.join(','))
})

test('writes timespans with days, sign and fraction only when there are any', async () => {
  const text = await encode(
    `select unnest([0, 1, -1, 36000000000, 864000000000, -1835110000006, 9223372036854775807, -9223372036854775808, null]::bigint[])`,
    column('timespan'),
  )
  expect(text).toBe(
    '["00:00:00"],["00:00:00.0000001"],["-00:00:00.0000001"],["01:00:00"],["1.00:00:00"],["-2.02:58:31.0000006"],' +
      '["10675199.02:48:05.4775807"],["-10675199.02:48:05.4775808"],[null]',
  )
})

test('writes guids in lower case', async () => {
  const text = await encode(
    `select unnest(['74BE27DE-1E4E-49D9-B579-FE0B331D3642', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000']::uuid[])`,
    column('guid'),
  )
  expect(text).toBe(
    '["74be27de-1e4e-49d9-b579-fe0b331d3642"],["ffffffff-ffff-ffff-ffff-ffffffffffff"],["00000000-0000-0000-0000-000000000000"]',
  )
})

test('writes bool as JSON in v2 and as 0 and 1 in v1', async () => {
  const sql = 'select unnest([true, false, null]::boolean[])'
  expect(await encode(sql, column('bool'))).toBe('[true],[false],[null]')
  expect(await encode(sql, column('bool'), 'v1')).toBe('[1],[0],[null]')
})

test('writes dynamic as JSON on one line in v2 and as text in v1', async () => {
  const sql = `select unnest(['{"a":\n [1,2]}', '"x"', '9007199254740993', null])`
  expect(await encode(sql, column('dynamic'))).toBe('[{"a":  [1,2]}],["x"],[9007199254740993],[null]')
  expect(await encode(sql, column('dynamic'), 'v1')).toBe(
    '["{\\"a\\":\\n [1,2]}"],["\\"x\\""],["9007199254740993"],[null]',
  )
})

test('never writes a null for a string', async () => {
  expect(await encode(`select unnest(['', null, 'a'])`, column('string'))).toBe('[""],[""],["a"]')
})

test('escapes strings as JSON does, whatever their length and order in memory', async () => {
  const samples = [
    '',
    'short',
    'exactly12byt',
    'thirteen byte',
    'quote " and \\ and /',
    'tab\tline\nfeed\u0001\u001f',
    'żółć 😀 漢字',
    'x'.repeat(5000),
  ]
  const values = Array.from({ length: 6000 }, (_, index) => `${samples[index % samples.length]}${index % 7}`)
  await connection.run('create or replace table s (i integer, v varchar)')
  const appender = await connection.createAppender('s')
  for (const [index, value] of values.entries()) {
    appender.appendInteger(index)
    appender.appendVarchar(value)
    appender.endRow()
  }
  appender.closeSync()
  for (const [sql, expected] of [
    ['select v from s order by i', values],
    ['select v from s order by i desc', values.toReversed()],
    ['select case when i % 3 = 0 then null else v end from s order by i', values.map((v, i) => (i % 3 === 0 ? '' : v))],
    ['select v || v from s where i < 3000 order by hash(i)', undefined],
  ] as const) {
    const rows = JSON.parse(`[${await encode(sql, column('string'))}]`) as [string][]
    const oracle = expected ?? (await (await connection.run(sql)).getRows()).map(([value]) => String(value))
    expect(rows.map(([value]) => value)).toEqual(oracle)
  }
})

test('refuses a column whose SQL type is not the representation of its Kusto type', async () => {
  await expect(encode('select 1::hugeint', column('long'))).rejects.toThrow(
    'column c of type long was computed as HUGEINT',
  )
})

test('encodes cells in JavaScript like the same values from DuckDB', async () => {
  const columns: Column[] = [
    { name: 'a', type: 'bool' },
    { name: 'b', type: 'int' },
    { name: 'c', type: 'long' },
    { name: 'd', type: 'real' },
    { name: 'e', type: 'decimal' },
    { name: 'f', type: 'datetime' },
    { name: 'g', type: 'timespan' },
    { name: 'h', type: 'guid' },
    { name: 'i', type: 'string' },
    { name: 'j', type: 'dynamic' },
  ]
  const guid = '74be27de-1e4e-49d9-b579-fe0b331d3642'
  const sql = `select true, 7::integer, 9007199254740993::bigint, 2.0::double, 1.5::decimal(38,18), 638449344000000001::bigint, -1::bigint, '${guid}'::uuid, 'a"b', '{"k":[1]}'`
  const cells = [true, 7, 9007199254740993n, 2, '1.5', 638449344000000001n, -1n, guid, 'a"b', '{"k":[1]}']
  for (const version of ['v1', 'v2'] as const) {
    expect(encodeCells(cells, columns, version)).toBe(await encode(sql, columns, version))
  }
})

import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { checkSize, MAX_BUILT } from '../../../src/local/kql/udf-definition.ts'
import { registerUdfs } from '../../../src/local/kql/udf.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  const first = await instance.connect()
  registerUdfs(first)
  first.closeSync()
  connection = await instance.connect()
})

afterAll(() => {
  connection.closeSync()
  instance.closeSync()
})

async function column(sql: string): Promise<readonly unknown[]> {
  return (await connection.runAndReadAll(sql)).getRows().map(([cell]) => cell)
}

describe('user functions', () => {
  it('stay registered for connections opened after the one that registered them', async () => {
    expect(await column("SELECT k_hash_text('World')")).toEqual([1_846_988_464_401_551_951n])
  })

  it('give null for a null argument, row by row', async () => {
    expect(await column("SELECT k_reverse(s) FROM (VALUES ('ab'), (NULL), ('cd')) t(s)")).toEqual(['ba', null, 'dc'])
  })

  it('see nulls where their parameter admits them', async () => {
    expect(await column('SELECT k_repeat(NULL, 2)')).toEqual(['[null,null]'])
  })

  it('turn an exception into an error of the statement, and the next statement runs', async () => {
    await expect(column("SELECT k_format_datetime(0::BIGINT, 'QQ')")).rejects.toThrow(/not supported/)
    expect(await column("SELECT k_reverse('ab')")).toEqual(['ba'])
  })

  it('compute every row of a table larger than one chunk', async () => {
    const [sum] = await column('SELECT count(DISTINCT k_hash_long(i)) FROM range(10000) t(i)')
    expect(sum).toBe(10_000n)
  })

  it.each(['k_range', 'k_repeat'])('%s is bounded', async (name) => {
    const call =
      name === 'k_range' ? "k_range('long', 0::BIGINT, 9e18::BIGINT, 1::BIGINT)" : "k_repeat('1', 9e18::BIGINT)"
    if (name === 'k_repeat') await expect(column(`SELECT ${call}`)).rejects.toThrow(/not supported/)
    else expect(await column(`SELECT json_array_length(${call})`)).toEqual([1_048_576n])
  })

  it('do not let compressed input grow without bound', async () => {
    const { gzipSync } = await import('node:zlib')
    const bomb = gzipSync(Buffer.alloc(MAX_BUILT + 1)).toString('base64')
    await expect(column(`SELECT k_gzip_decompress('${bomb}')`)).rejects.toThrow(/not supported/)
  })

  it('refuse a size beyond the limit', () => {
    expect(() => checkSize(MAX_BUILT + 1, 'f')).toThrow(/beyond/)
    expect(() => checkSize(MAX_BUILT, 'f')).not.toThrow()
  })
})

describe('user functions on large values', () => {
  it('take time in proportion to what they read', async () => {
    const array = `'[' || array_to_string(list_transform(range(200000), lambda i: '{"k":' || i || '}'), ',') || ']'`
    const started = performance.now()
    expect(await column(`SELECT k_build_schema(${array})`)).toEqual(['{"k":"long"}'])
    expect(await column(`SELECT length(k_array_concat(${array}, ${array})) > 1000000`)).toEqual([true])
    expect(performance.now() - started).toBeLessThan(30_000)
  })

  it('refuse texts for which their algorithm would take too long', async () => {
    await expect(column("SELECT k_punycode_encode(repeat('é', 10001))")).rejects.toThrow(/not supported/)
  })
})

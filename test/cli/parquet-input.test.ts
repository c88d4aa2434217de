import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parquetInput } from '../../src/cli/parquet-input.ts'
import { run } from './memory-io.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-input-'))
const file = path.join(folder, 'rows.parquet')

beforeAll(async () => {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(
    `COPY (SELECT i AS n, 'text ' || i AS s FROM range(100000) t(i)) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 40960)`,
  )
  connection.closeSync()
  instance.closeSync()
})

afterAll(() => rmSync(folder, { recursive: true }))

it('gives all rows of all row groups in order, in small batches', async () => {
  const { rows, batches } = await parquetInput(file)
  let next = 0
  let largest = 0
  for await (const batch of batches()) {
    largest = Math.max(largest, batch.numRows)
    for (const row of batch) {
      const { n, s } = row.toJSON() as { readonly n: bigint; readonly s: string }
      if (n !== BigInt(next) || s !== `text ${next}`) expect([n, s]).toEqual([BigInt(next), `text ${next}`])
      next++
    }
  }
  expect([rows, next, largest]).toEqual([100_000, 100_000, 16_384])
})

it('has columns where a file has no rows', async () => {
  const empty = path.join(folder, 'empty.parquet')
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(`COPY (SELECT 1::BIGINT AS n, 'x' AS s WHERE false) TO '${empty}' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
  const found: unknown[] = []
  for await (const { numRows, schema } of (await parquetInput(empty)).batches()) found.push([numRows, schema.names])
  expect(found).toEqual([[0, ['n', 's']]])
})

it('can be left early', async () => {
  const { batches } = await parquetInput(file)
  for await (const batch of batches()) {
    expect(batch.numRows).toBeGreaterThan(0)
    break
  }
})

it('tells damaged bytes from whole ones, whatever they do to the decoder', async () => {
  // In a process of its own: some of them trap, which is an uncaught exception that this one must not have.
  const script = `
    import { readFileSync, writeFileSync } from 'node:fs'
    import { parquetInput } from ${JSON.stringify(new URL('../../dist/cli/parquet-input.js', import.meta.url).href)}
    const whole = readFileSync(${JSON.stringify(file)})
    const found = new Set()
    for (let flip = 0; flip < 40; flip++) {
      const bytes = Buffer.from(whole)
      const at = Math.floor((flip * whole.length) / 40)
      bytes[at] ^= 1 << (flip % 8)
      const damaged = ${JSON.stringify(path.join(folder, 'damaged.parquet'))}
      writeFileSync(damaged, flip === 0 ? whole.subarray(0, -9) : bytes)
      try {
        const { batches } = await parquetInput(damaged)
        for await (const batch of batches()) batch.numRows
        found.add('read')
      } catch (error) {
        found.add(error.cause?.name === 'RuntimeError' ? error.code + ' by RuntimeError' : error.code)
      }
    }
    console.log(JSON.stringify([...found].sort()))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  expect(JSON.parse(stdout)).toEqual(['KUSTO_BAD_PARQUET', 'KUSTO_BAD_PARQUET by RuntimeError', 'read'])
})

it('names the file that is damaged', async () => {
  const damaged = path.join(folder, 'short.parquet')
  writeFileSync(damaged, readFileSync(file).subarray(0, -9))
  const { code, err } = await run(['write', 'T', damaged, '--local', '--create'])
  expect([code, err]).toEqual([6, expect.stringContaining(`${damaged}: expected a whole Parquet file`)])
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parquetInput } from '../../src/cli/parquet-input.ts'

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

it('can be left early', async () => {
  const { batches } = await parquetInput(file)
  for await (const batch of batches()) {
    expect(batch.numRows).toBeGreaterThan(0)
    break
  }
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { openCommandBench, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
  await bench.run('.create table T (a:long)')
})
afterAll(async () => {
  await bench.services.queuedIngestion.close()
  await bench.close()
})

/** Blobs on a port where nobody listens. */
function submit(count: number): string {
  const blobs = Array.from({ length: count }, (_, index) => ({ url: `http://127.0.0.1:1/account/c/b${index}.csv;key` }))
  return bench.services.queuedIngestion.submit('db1', 'T', {
    blobs,
    properties: { format: 'csv', enableTracking: true },
  }).ingestionOperationId
}

it('shows and cancels queued ingestion', async () => {
  const id = submit(12)
  const [canceled] = await bench.rows(`.cancel queued ingestion operation "${id}"`)
  // Four are under way at once; the rest had not begun.
  expect(canceled).toMatchObject({
    IngestionOperationId: id,
    Discovered: 12n,
    Canceled: 8n,
    Database: 'db1',
    Table: 'T',
  })
  const other = submit(1)
  const shown = await bench.rows(`.show queued ingestion operations "${other}", "${id}", "no-such-operation"`)
  expect(shown.map((row) => row['IngestionOperationId'])).toEqual([other, id])
  const details = await bench.rows(`.show queued ingestion operations '${id}' , "${other}" details`)
  expect(details).toHaveLength(13)
  expect(Object.keys(details[0]!)).toEqual([
    'IngestionOperationId',
    'BlobUrl',
    'IngestionStatus',
    'StartedAt',
    'CompletedAt',
    'FailedReason',
  ])
  expect(details.filter((row) => row['IngestionStatus'] === 'Canceled')).toHaveLength(8)
})

it('pipes the operations on', async () => {
  const id = submit(2)
  const { rows } = await bench.run(`.show queued ingestion operations "${id}" details | count`)
  expect(rows).toEqual([[2n]])
})

it('knows nothing about an id it never gave', async () => {
  expect((await bench.run('.show queued ingestion operations "x"')).rows).toEqual([])
  expect((await bench.run('.show queued ingestion operations "x" details')).rows).toEqual([])
  expect((await bench.run('.cancel queued ingestion operation "x"')).rows).toEqual([])
})

it.each([
  '.show queued ingestion operations',
  '.show queued ingestion operations ""',
  '.show queued ingestion operations "x" all',
  '.show queued ingestion operations "x" "y"',
  '.cancel queued ingestion operation',
  '.cancel queued ingestion operation "x", "y"',
])('refuses %s', async (text) => {
  await expect(bench.run(text)).rejects.toMatchObject({ status: 400, code: 'BadRequest_SyntaxError' })
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAzurite, type LocalStorage } from '../../../src/local/storage/azurite.ts'
import { openCommandBench, operationEnd, type CommandBench } from './command-bench.ts'

let storage: LocalStorage
let bench: CommandBench
beforeAll(async () => {
  storage = await startAzurite()
  bench = await openCommandBench(storage)
  await bench.run('.create table T (a:long, b:string)')
})
afterAll(async () => {
  await bench.close()
  await storage.close()
})

it('takes inline data literally: comments, bars, arrows and quotes are data', async () => {
  const { columns, rows } = await bench.run(".ingest inline into table T <|\n1,a // no comment\n2,x | count <| 'y\n")
  expect(columns).toEqual([{ name: 'ExtentId', type: 'guid' }])
  expect(rows).toHaveLength(1)
  expect(await bench.stored('T')).toEqual([
    [1n, 'a // no comment'],
    [2n, "x | count <| 'y"],
  ])
  await bench.run(".ingest inline into table T with (format='psv', tags='[\"drop-by:p\"]') [3|c] [4|d]")
  expect(await bench.stored('T')).toHaveLength(4)
  expect(await bench.rows(".show table T extents where tags has 'drop-by:p'")).toMatchObject([{ RowCount: 2n }])
})

it('exports in the background, and ingests what was exported', async () => {
  const [container] = (await bench.run('.show export containers')).rows
  const [url, signature] = String(container?.[0]).split('?')
  const started = await bench.run(
    `.export async compressed to parquet ("${url}?" h@"${signature}") with (namePrefix="x/part", distribution="single") <| T | where a <= 3`,
  )
  expect(started.columns).toEqual([{ name: 'OperationId', type: 'guid' }])
  expect(await operationEnd(bench, started)).toMatchObject({
    State: 'Completed',
    Operation: 'DataExportToFile',
    Status: '',
  })
  const details = await bench.rows(`.show operation ${String(started.rows[0]?.[0])} details`)
  expect(details).toMatchObject([{ Path: expect.stringContaining('x/part'), NumRecords: 3n }])

  await bench.run('.create table Back (a:long, b:string)')
  const [loaded] = await bench.rows(
    `.ingest into table Back (h'${String(details[0]?.['Path'])}?${signature}') with (format='parquet', tags='["t"]')`,
  )
  expect(loaded).toMatchObject({ ItemLoaded: details[0]?.['Path'], HasErrors: false })
  expect(await bench.stored('Back')).toEqual((await bench.stored('T')).slice(0, 3))
})

it('refuses properties it does not know, in every command about data', async () => {
  const refused = { status: 400, code: 'BadRequest_NotSupportedByEmulator' }
  await expect(bench.run('.ingest inline into table T with (nope=1) <| 1,x')).rejects.toMatchObject(refused)
  await expect(
    bench.run('.export to csv (h"https://a.blob.core.windows.net/c;k") with (nope=1) <| T'),
  ).rejects.toMatchObject({
    status: 400,
  })
  await expect(bench.run(".ingest into table T ('https://a/c/b.csv') with (nope=1)")).rejects.toMatchObject(refused)
})

it('lists the resources that ingestion clients ask for', async () => {
  const kinds = (await bench.run('.get ingestion resources')).rows.map(([kind]) => kind)
  expect(kinds).toContain('SecuredReadyForAggregationQueue')
  expect((await bench.run('.create tempstorage')).rows).toHaveLength(1)
})

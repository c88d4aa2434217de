import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLocalKusto, type LocalKusto } from '../../../src/local/index.ts'
import { errorOf, framesOf, post, primaryRows } from './rest-client.ts'

let local: LocalKusto

async function command(text: string): Promise<readonly (readonly unknown[])[]> {
  const answer = await post(local.cluster, text, { path: '/v1/rest/mgmt' })
  expect(answer.status, answer.text).toBe(200)
  return (JSON.parse(answer.text) as { Tables: { Rows: unknown[][] }[] }).Tables[0]!.Rows
}

async function rows(text: string): Promise<readonly unknown[]> {
  const answer = await post(local.cluster, text)
  expect(answer.status, answer.text).toBe(200)
  return primaryRows(framesOf(answer))
}

let first: unknown
let second: unknown

beforeAll(async () => {
  local = await startLocalKusto({ storage: false })
  await command('.create table T (a:long, s:string)')
  await command('.create table Other (a:long)')
  ;[[first]] = (await command('.ingest inline into table T with (tags=\'["drop-by:x","y"]\') <| 1,one\n2,two')) as [
    [unknown],
  ]
  ;[[second]] = (await command('.ingest inline into table T <| 3,three')) as [[unknown]]
})
afterAll(() => local.close())

it('gives each row the id of its extent', async () => {
  expect(await rows('T | sort by a asc | project a, extent_id()')).toEqual([
    [1, first],
    [2, first],
    [3, second],
  ])
  expect(await rows('T | where extent_id() == guid(' + String(second) + ')')).toEqual([[3, 'three']])
})

it('keeps the extent through operators that pass rows on', async () => {
  const text = `let t = T | extend b = a * 2 | where b > 2 | project b | top 5 by b asc; t | serialize n = row_number() | extend e = extent_id(), p = prev(b) | as x | summarize n = max(n), ids = dcount(e) by extent_id() | sort by n asc`
  expect(await rows(text)).toEqual([
    [first, 1, 1],
    [second, 2, 1],
  ])
  expect(
    await rows(
      'T | mv-expand x = dynamic([1, 2]) | summarize count() by extent_id() | project count_ | sort by count_ asc',
    ),
  ).toEqual([[2], [4]])
})

it('gives tags and the time of ingestion', async () => {
  expect(await rows('T | sort by a asc | project t = extent_tags()')).toEqual([
    [['drop-by:x', 'y']],
    [['drop-by:x', 'y']],
    [[]],
  ])
  expect(
    await rows(
      'T | summarize lo = min(ingestion_time()), hi = max(ingestion_time()), n = countif(isnull(ingestion_time())) | project lo < hi, n, hi <= now(), hi > ago(1h)',
    ),
  ).toEqual([[true, 0, true, true]])
  expect(await rows('T | where ingestion_time() > ago(1h) | count')).toEqual([[3]])
})

it.each([
  'print extent_id()',
  'datatable(a:long)[1] | extend t = ingestion_time()',
  'T | summarize count() by s | extend extent_tags()',
  'T | distinct a | extend extent_id()',
  'T | join kind=inner Other on a | extend extent_id()',
  'T | union Other | extend extent_id()',
])('refuses to name an extent in %s', async (text) => {
  const answer = await post(local.cluster, text)
  expect([answer.status, errorOf(answer).code]).toEqual([400, 'BadRequest_NotSupportedByEmulator'])
})

import { gzipSync } from 'node:zlib'
import { BlockBlobClient } from '@azure/storage-blob'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startLocalKusto, type LocalKusto } from '../../../src/local/index.ts'
import { errorOf, framesOf, post, primaryRows, rest } from './rest-client.ts'

let local: LocalKusto

beforeAll(async () => {
  local = await startLocalKusto()
  await command('.create table T (a: long, b: string)')
})

afterAll(async () => {
  await local.close()
})

async function command(text: string): Promise<void> {
  const answer = await post(local.cluster, text, { path: '/v1/rest/mgmt' })
  if (answer.status !== 200) throw new Error(answer.text)
}

async function rowsOf(query: string): Promise<readonly unknown[]> {
  return primaryRows(framesOf(await post(local.cluster, query)))
}

function stream(
  table: string,
  body: string | Buffer,
  search = 'streamFormat=csv',
  headers = {},
): ReturnType<typeof rest> {
  return rest(`${local.cluster}/v1/rest/ingest/db1/${table}?${search}`, { body, headers })
}

test('streams rows, plain and compressed, that are queryable at once', async () => {
  await command('.create table Streamed (a: long, b: string)')
  const plain = await stream('Streamed', '1,one\n')
  expect(plain.status).toBe(200)
  expect(JSON.parse(plain.text)).toHaveProperty('Tables')
  const zipped = await stream('Streamed', gzipSync('2,two\n'), 'streamFormat=Csv', { 'Content-Encoding': 'gzip' })
  expect(zipped.status).toBe(200)
  expect(await rowsOf('Streamed | order by a asc')).toEqual([
    [1, 'one'],
    [2, 'two'],
  ])
})

test('decodes the names in the path', async () => {
  await command(".create table ['my table'] (a: long)")
  expect((await stream('my%20table', '7\n')).status).toBe(200)
  expect(await rowsOf("['my table']")).toEqual([[7]])
})

test.each([
  ['a table that does not exist', 'NoSuch', '1,x\n', 'streamFormat=csv', 404],
  ['no format', 'T', '1,x\n', '', 400],
  ['JSON without a mapping', 'T', '{}', 'streamFormat=json', 400],
  ['a format that cannot be streamed', 'T', 'x', 'streamFormat=parquet', 400],
  ['more than 4 MB of rows', 'T', `1,${'x'.repeat(5_000_000)}\n`, 'streamFormat=csv', 413],
])('refuses to stream %s', async (_what, table, body, search, status) => {
  const answer = await stream(table, body, search)
  expect(answer.status).toBe(status)
  expect(errorOf(answer)['@permanent']).toBe(true)
})

test('refuses a payload that inflates beyond every limit', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, 0x31))
  expect((await stream('T', bomb, 'streamFormat=csv', { 'Content-Encoding': 'gzip' })).status).toBe(413)
})

interface Configuration {
  readonly containerSettings: { readonly containers: readonly { readonly path: string }[] }
}

interface QueuedStatus {
  readonly status: { readonly succeeded: number; readonly failed: number; readonly inProgress: number }
  readonly details?: readonly { readonly sourceId: string; readonly status: string }[]
}

test('ingests uploaded blobs that are queued over REST, and tells how far it is', async () => {
  await command('.create table Queued (a: long, b: string)')
  const configuration = await rest(`${local.cluster}/v1/rest/ingestion/configuration`)
  const [container] = (JSON.parse(configuration.text) as Configuration).containerSettings.containers
  const [base = '', sas = ''] = (container?.path ?? '').split('?')
  const blobs: { readonly url: string; readonly sourceId: string }[] = []
  for (const [index, text] of ['1,one\n2,two\n', '3,three\n'].entries()) {
    const url = `${base}/blob-${index}.csv?${sas}`
    await new BlockBlobClient(url).uploadData(Buffer.from(text))
    blobs.push({ url, sourceId: `74be27de-1e4e-49d9-b579-fe0b331d364${index}` })
  }
  const submitted = await rest(`${local.cluster}/v1/rest/ingestion/queued/db1/Queued`, {
    body: JSON.stringify({
      timestamp: new Date().toISOString(),
      blobs,
      properties: { format: 'csv', enableTracking: true },
    }),
  })
  expect(submitted.status).toBe(200)
  const { ingestionOperationId } = JSON.parse(submitted.text) as { ingestionOperationId: string }
  const statusUrl = `${local.cluster}/v1/rest/ingestion/queued/db1/Queued/${ingestionOperationId}?details=true`
  let status: QueuedStatus
  do {
    status = JSON.parse((await rest(statusUrl)).text) as QueuedStatus
  } while (status.status.inProgress > 0)
  expect(status.status).toMatchObject({ succeeded: 2, failed: 0 })
  expect(status.details?.map(({ sourceId }) => sourceId)).toEqual(blobs.map(({ sourceId }) => sourceId))
  expect(await rowsOf('Queued | summarize count(), sum(a)')).toEqual([[3, 6]])
})

test('answers 404 for an operation that nobody started', async () => {
  const answer = await rest(`${local.cluster}/v1/rest/ingestion/queued/db1/T/74be27de-1e4e-49d9-b579-fe0b331d3642`)
  expect(answer.status).toBe(404)
})

test('refuses to ingest in a read-only request', async () => {
  expect((await stream('T', '1,x\n', 'streamFormat=csv', { 'x-ms-readonly': 'true' })).status).toBe(403)
})

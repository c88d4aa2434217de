import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  fetchIngestionConfiguration,
  fetchIngestionStatus,
  ingestStreaming,
  submitIngestion,
} from '../../src/client/ingestion-rest.ts'
import { openClient } from '../../src/client/open-client.ts'
import { startFaultServer, type Fault } from '../fault/fault-server.ts'

const answer = (json: unknown): Fault => ({ kind: 'answer', status: 200, body: JSON.stringify(json) })
const V1 = { Tables: [{ Columns: [{ ColumnName: 'Id', ColumnType: 'guid' }], Rows: [['x']] }] }
const open = (cluster: string): ReturnType<typeof openClient> =>
  openClient({ cluster, auth: { kind: 'anonymous' }, sleep: async () => {} })

describe('streaming ingestion', () => {
  test('sends rows with their encoding, names escaped', async () => {
    await using server = await startFaultServer([answer(V1)])
    await using client = open(server.url)
    const bytes = gzipSync('1,2\n')
    await ingestStreaming(client.rest, {
      database: 'my db',
      table: 'a/b?',
      format: 'csv',
      mapping: 'M&1',
      data: { bytes, gzip: true },
    })
    const [request] = server.requests
    expect(request?.path).toBe('/v1/rest/ingest/my%20db/a%2Fb%3F?streamFormat=csv&mappingName=M%261')
    expect(request?.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(bytes.byteLength) })
    expect(gunzipSync(bytes).toString()).toBe('1,2\n')
  })

  test('sends the address of a blob', async () => {
    await using server = await startFaultServer([answer(V1)])
    await using client = open(server.url)
    await ingestStreaming(client.rest, {
      database: 'd',
      table: 't',
      format: 'csv',
      data: { blobUrl: 'https://a/b?sig=x' },
    })
    expect(server.requests[0]?.path).toBe('/v1/rest/ingest/d/t?streamFormat=csv&sourceKind=uri')
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ sourceUri: 'https://a/b?sig=x' })
  })

  test('is not repeated when its fate is unknown, and is when it was throttled', async () => {
    const streaming = { database: 'd', table: 't', format: 'csv', data: { bytes: new Uint8Array(3), gzip: false } }
    await using broken = await startFaultServer([{ kind: 'answer', status: 503 }])
    await using throttled = await startFaultServer([{ kind: 'answer', status: 429 }, answer(V1)])
    await using first = open(broken.url)
    await using second = open(throttled.url)
    await expect(ingestStreaming(first.rest, streaming)).rejects.toMatchObject({ status: 503 })
    await ingestStreaming(second.rest, streaming)
    expect([broken.requests.length, throttled.requests.length]).toEqual([1, 2])
  })
})

describe('queued ingestion over REST', () => {
  const blobs = [{ sourceId: 's', url: 'https://a/b', rawBytes: 3 }]

  test('submits, follows and asks for the configuration', async () => {
    await using server = await startFaultServer((request) => {
      if (request.path.endsWith('/configuration')) return answer({ containerSettings: { containers: [{ path: 'p' }] } })
      return request.method === 'POST'
        ? answer({ ingestionOperationId: 'op/1' })
        : answer({ status: { succeeded: 1 }, details: [{ sourceId: 's', status: 'Succeeded' }] })
    })
    await using client = open(server.url)
    const target = { database: 'my db', table: 'T' }
    const operationId = await submitIngestion(client.rest, {
      ...target,
      blobs,
      properties: { format: 'csv' },
      createdAt: new Date(0),
      tracking: true,
    })
    expect(operationId).toBe('op/1')
    expect(await fetchIngestionStatus(client.rest, { ...target, operationId: 'op/1' })).toMatchObject({
      counts: { succeeded: 1 },
      blobs: [{ sourceId: 's', state: 'Succeeded' }],
    })
    expect(await fetchIngestionConfiguration(client.rest)).toMatchObject({ containers: ['p'] })
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/rest/ingestion/queued/my%20db/T',
      'GET /v1/rest/ingestion/queued/my%20db/T/op%2F1?details=true',
      'GET /v1/rest/ingestion/configuration',
    ])
  })

  test('an answer that is not JSON is an error with its ids', async () => {
    await using server = await startFaultServer([{ kind: 'answer', status: 200, body: '<html>' }])
    await using client = open(server.url)
    await expect(fetchIngestionConfiguration(client.rest, { clientRequestId: 'id' })).rejects.toMatchObject({
      code: 'KUSTO_BAD_INGESTION_ANSWER',
      context: { clientRequestId: 'id' },
    })
  })
})

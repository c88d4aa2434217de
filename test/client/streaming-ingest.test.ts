import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { openClient } from '../../src/client/open-client.ts'
import { streamIngest } from '../../src/client/streaming-ingest.ts'
import { startFaultServer, type Fault } from '../fault/fault-server.ts'

const V1 = { Tables: [{ Columns: [{ ColumnName: 'Id', ColumnType: 'guid' }], Rows: [['x']] }] }
const answer = (json: unknown): Fault => ({ kind: 'answer', status: 200, body: JSON.stringify(json) })
const open = (cluster: string): ReturnType<typeof openClient> => openClient({ cluster, auth: { kind: 'anonymous' } })
const ROWS = {
  database: 'd',
  table: 't',
  format: 'csv',
  data: { bytes: new TextEncoder().encode('1\n'), gzip: false },
} as const

describe('streamIngest', () => {
  it('streaming:C46 posts to the engine with every segment of the path escaped, and rows with their encoding', async () => {
    await using server = await startFaultServer([answer(V1)])
    await using client = open(server.url)
    const bytes = gzipSync('1,2\n')
    await streamIngest(client.rest, {
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

  it('streaming:C46 goes to the engine when the ingestion endpoint was given, and the other way round', () => {
    for (const cluster of ['https://ingest-help.kusto.windows.net', 'https://help.kusto.windows.net']) {
      const { rest } = open(cluster)
      expect([rest.origin('engine'), rest.origin('ingestion')]).toEqual([
        'https://help.kusto.windows.net',
        'https://ingest-help.kusto.windows.net',
      ])
    }
  })

  it('sends the address of a blob', async () => {
    await using server = await startFaultServer([answer(V1)])
    await using client = open(server.url)
    await streamIngest(client.rest, { ...ROWS, data: { blobUrl: 'https://a/b?sig=x' } })
    expect(server.requests[0]?.path).toBe('/v1/rest/ingest/d/t?streamFormat=csv&sourceKind=uri')
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ sourceUri: 'https://a/b?sig=x' })
  })

  it('sends once, whatever the answer: whether to repeat is not its decision', async () => {
    for (const status of [429, 503]) {
      await using server = await startFaultServer([{ kind: 'answer', status, headers: { 'Retry-After': '0' } }])
      await using client = open(server.url)
      await expect(streamIngest(client.rest, ROWS)).rejects.toMatchObject({ status })
      expect(server.requests).toHaveLength(1)
    }
  })

  it('streaming:C50 names itself in every request and carries no secret in the path', async () => {
    await using server = await startFaultServer([answer(V1)])
    await using client = open(server.url)
    await streamIngest(client.rest, ROWS, { clientRequestId: 'KAC.executeManagedStreamingIngest;id;1' })
    expect(server.requests[0]?.headers).toMatchObject({
      'x-ms-client-request-id': 'KAC.executeManagedStreamingIngest;id;1',
      'x-ms-app': 'kusto-arrow',
      'x-ms-client-version': expect.stringMatching(/^Kusto\.Arrow\.Client:\{/),
    })
  })

  it('is an error when the failure is inside an answer with status 200', async () => {
    const inside = { Tables: [{ Columns: [], Rows: [{ Exceptions: ['Stream_WrongNumberOfFields'] }] }] }
    await using server = await startFaultServer([answer(inside)])
    await using client = open(server.url)
    await expect(streamIngest(client.rest, ROWS)).rejects.toMatchObject({ message: 'Stream_WrongNumberOfFields' })
  })
})

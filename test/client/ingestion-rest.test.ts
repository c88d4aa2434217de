import { describe, expect, test } from 'vitest'
import { fetchIngestionConfiguration, fetchIngestionStatus, submitIngestion } from '../../src/client/ingestion-rest.ts'
import { openClient } from '../../src/client/open-client.ts'
import { startFaultServer, type Fault } from '../fault/fault-server.ts'

const answer = (json: unknown): Fault => ({ kind: 'answer', status: 200, body: JSON.stringify(json) })
const open = (cluster: string): ReturnType<typeof openClient> =>
  openClient({ cluster, auth: { kind: 'anonymous' }, sleep: async () => {} })

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

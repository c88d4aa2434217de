import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { openClient } from '../../src/client/open-client.ts'
import { streamingFailure } from '../../src/client/streaming-failure.ts'
import type { StreamingFailureKind } from '../../src/client/streaming-failure.ts'
import { streamIngest } from '../../src/client/streaming-ingest.ts'
import { startFaultServer, type Fault } from '../fault/fault-server.ts'

/** An error body in the service's shape; `@message` is what its engine says, `code` and `@type` name the failure. */
const kusto = (error: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ error: { message: 'Request is invalid and cannot be executed.', '@failureCode': 400, ...error } })
const answer = (status: number, body: string, headers = {}): Fault => ({ kind: 'answer', status, body, headers })

const REQUEST_EXCEPTION = 'Kusto.DataNode.Exceptions.StreamingIngestionRequestException'

/** Every body shape that has been seen, what it means, and the code the caller gets. */
const CASES: readonly (readonly [string, Fault, StreamingFailureKind, string])[] = [
  [
    'no policy, by code',
    answer(
      400,
      kusto({
        code: 'BadRequest_StreamingIngestionPolicyNotEnabled',
        '@message': 'Streaming ingestion policy is not enabled for the table',
        '@permanent': true,
      }),
    ),
    'policy',
    'KUSTO_STREAMING_POLICY_MISSING',
  ],
  [
    'no policy, by exception class',
    answer(
      400,
      kusto({
        code: 'BadRequest',
        '@type': 'Kusto.Common.Svc.Exceptions.StreamingIngestionPolicyNotEnabledException',
        '@permanent': true,
      }),
    ),
    'policy',
    'KUSTO_STREAMING_POLICY_MISSING',
  ],
  [
    'off for the cluster',
    answer(404, kusto({ code: 'NotFound_StreamingIngestionDisabledForCluster', '@permanent': true })),
    'off',
    'KUSTO_STREAMING_OFF',
  ],
  [
    'off for the cluster, in the words of older ones',
    answer(404, kusto({ code: 'StreamingIngestionFunctionalityDisabled', '@permanent': true })),
    'off',
    'KUSTO_STREAMING_OFF',
  ],
  [
    'off for the cluster, said without a code',
    answer(503, kusto({ '@message': 'Streaming ingestion is disabled for the cluster' })),
    'off',
    'KUSTO_STREAMING_OFF',
  ],
  ['nothing at the address, empty', answer(404, ''), 'endpoint', 'KUSTO_STREAMING_WRONG_ENDPOINT'],
  [
    'nothing at the address, as a page',
    answer(404, '<html><head><title>404 Not Found</title></head></html>'),
    'endpoint',
    'KUSTO_STREAMING_WRONG_ENDPOINT',
  ],
  [
    'a command for the other endpoint',
    answer(
      400,
      kusto({
        code: 'BadRequest',
        '@type': 'Kusto.Data.Exceptions.AdminCommandWrongEndpointException',
        '@permanent': false,
      }),
    ),
    'endpoint',
    'KUSTO_STREAMING_WRONG_ENDPOINT',
  ],
  [
    'an update policy in the way',
    answer(400, kusto({ code: 'BadRequest_UpdatePolicyIncompatible', '@permanent': true })),
    'table',
    'KUSTO_STREAMING_TABLE_UNSUITED',
  ],
  [
    'a new table or mapping',
    answer(
      400,
      kusto({
        code: 'BadRequest_EntityNotFound',
        '@message': "Entity ID 'M' of kind 'MappingPersistent' was not found.",
        '@permanent': true,
      }),
    ),
    'schema',
    'KUSTO_STREAMING_SCHEMA_UNKNOWN',
  ],
  [
    'a missing table, said without a code',
    answer(404, kusto({ '@message': "Table 'CpuUsage' was not found" })),
    'schema',
    'KUSTO_STREAMING_SCHEMA_UNKNOWN',
  ],
  [
    'a payload that is too large',
    answer(413, kusto({ '@type': 'Kusto.Data.Exceptions.KustoRequestPayloadTooLargeException', '@permanent': true })),
    'size',
    'KUSTO_STREAMING_TOO_LARGE',
  ],
  ['413 of a gateway', answer(413, ''), 'size', 'KUSTO_STREAMING_TOO_LARGE'],
  [
    'rows that are too large with status 400',
    answer(400, kusto({ code: 'Stream_InputStreamTooLarge', '@permanent': true })),
    'size',
    'KUSTO_STREAMING_TOO_LARGE',
  ],
  ['429 without a body', answer(429, ''), 'throttled', 'KUSTO_STREAMING_THROTTLED'],
  [
    'throttling with status 400',
    answer(400, kusto({ code: 'General_ThrottledIngestion', '@permanent': false })),
    'throttled',
    'KUSTO_STREAMING_THROTTLED',
  ],
  [
    'bad data',
    answer(
      400,
      kusto({
        code: 'BadRequest',
        '@type': REQUEST_EXCEPTION,
        '@message': 'Bad streaming ingestion request to db.T : The input stream is empty after processing',
        '@permanent': true,
      }),
    ),
    'rejected',
    'KUSTO_STREAMING_REJECTED',
  ],
  [
    'a failing update policy',
    answer(400, kusto({ code: 'UpdatePolicy_UnknownError', '@message': 'division by zero', '@permanent': true })),
    'rejected',
    'KUSTO_STREAMING_REJECTED',
  ],
  ['bad data of a proxy', answer(400, 'Bad Request'), 'rejected', 'KUSTO_STREAMING_REJECTED'],
  ['403', answer(403, kusto({ code: 'Forbidden', '@permanent': true })), 'rejected', 'KUSTO_FORBIDDEN'],
  [
    'a failure inside that calls itself passing',
    answer(400, kusto({ code: 'General_InternalServerError', '@permanent': false })),
    'transient',
    'KUSTO_STREAMING_FAILED',
  ],
  [
    'a service that is not ready',
    answer(520, kusto({ '@type': 'Kusto.DataNode.Exceptions.StreamingIngestionServiceException' })),
    'transient',
    'KUSTO_STREAMING_FAILED',
  ],
  ['500 without a body', answer(500, ''), 'transient', 'KUSTO_STREAMING_FAILED'],
  [
    '503 as a page',
    answer(503, '<html><title>Service Unavailable</title></html>'),
    'transient',
    'KUSTO_STREAMING_FAILED',
  ],
  ['500 that is permanent', answer(500, kusto({ '@permanent': true })), 'rejected', 'KUSTO_STREAMING_REJECTED'],
  ['a gateway that gave up', answer(504, ''), 'unknown', 'KUSTO_STREAMING_OUTCOME_UNKNOWN'],
  ['a gateway without an answer', answer(502, '<html></html>'), 'unknown', 'KUSTO_STREAMING_OUTCOME_UNKNOWN'],
  ['a connection that is cut', { kind: 'reset' }, 'unknown', 'KUSTO_STREAMING_OUTCOME_UNKNOWN'],
  [
    'status 200 and half a body',
    { kind: 'truncate', body: '{"Tables":[]}', bytes: 5 },
    'unknown',
    'KUSTO_STREAMING_OUTCOME_UNKNOWN',
  ],
  ['status 200 and a page', answer(200, '<html></html>'), 'unknown', 'KUSTO_STREAMING_OUTCOME_UNKNOWN'],
]

async function failureFrom(
  cluster: string,
  bytes: Uint8Array = Uint8Array.of(49, 10),
): Promise<ReturnType<typeof streamingFailure>> {
  await using client = openClient({ cluster, auth: { kind: 'anonymous' } })
  const data = { bytes, gzip: false }
  try {
    await streamIngest(client.rest, { database: 'db', table: 'T', format: 'csv', data })
  } catch (error) {
    return streamingFailure(error, { database: 'db', table: 'T' })
  }
  return undefined
}

describe('streamingFailure', () => {
  it.each(CASES)('streaming:T26 sorts %s', async (_what, fault, kind, code) => {
    await using server = await startFaultServer([fault])
    const failure = await failureFrom(server.url)
    expect([failure?.kind, failure?.error.code]).toEqual([kind, code])
    expect(failure?.error.context).toMatchObject({ database: 'db', table: 'T' })
  })

  it('streaming:T26 knows that a request that never left cannot have been carried out', async () => {
    const server = await startFaultServer([])
    await server.close()
    expect((await failureFrom(server.url))?.kind).toBe('transient')
  })

  it.each([
    ['before the whole body had left', 1, 'transient'],
    ['after it had', 9_000_000, 'unknown'],
  ] as const)('streaming:C39 tells a connection lost %s', async (_what, resetAfterBytes, kind) => {
    let seen = 0
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        seen += chunk.length
        if (seen < resetAfterBytes) return
        socket.pause()
        socket.resetAndDestroy()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const failure = await failureFrom(`http://127.0.0.1:${port}`, new Uint8Array(9_000_000))
    expect([failure?.kind, failure?.error.cause]).toEqual([
      kind,
      expect.objectContaining({ isUnsent: kind === 'transient' }),
    ])
    const closed = once(server, 'close')
    server.close()
    await closed
  })

  it('streaming:C40 says three different things for streaming off, no policy and the wrong endpoint', async () => {
    const texts: string[] = []
    for (const kind of ['off', 'policy', 'endpoint']) {
      const fault = CASES.find(([, , of]) => of === kind)?.[1]
      await using server = await startFaultServer(fault === undefined ? [] : [fault])
      texts.push((await failureFrom(server.url))?.error.message ?? '')
    }
    expect(texts[0]).toMatch(/off for the cluster.*clusterStreaming/)
    expect(texts[1]).toMatch(/policy.*table T.*streamingPolicy/)
    expect(texts[2]).toMatch(/route of an engine.*ingestion endpoint/)
  })

  it('streaming:T32 says that it was an update policy', async () => {
    const fault = CASES.find(([what]) => what === 'a failing update policy')?.[1]
    await using server = await startFaultServer(fault === undefined ? [] : [fault])
    expect((await failureFrom(server.url))?.error.message).toMatch(
      /^an update policy of table T failed.*division by zero/,
    )
  })

  it('keeps the service error as cause, and what it asked to wait', async () => {
    await using server = await startFaultServer([answer(429, '', { 'Retry-After': '7' })])
    const failure = await failureFrom(server.url)
    expect(failure).toMatchObject({ retryAfterMs: 7000, error: { cause: { status: 429 }, retryable: true } })
  })

  it('leaves an abort and a bug alone', () => {
    const target = { database: 'db', table: 'T' }
    expect([streamingFailure(new Error('x'), target), streamingFailure('abort', target)]).toEqual([
      undefined,
      undefined,
    ])
  })
})

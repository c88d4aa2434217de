import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KustoAuthError, KustoError, KustoNetworkError, KustoServiceError } from '../../src/errors.ts'
import { openClient, type KustoClient, type KustoClientOptions } from '../../src/client/open-client.ts'
import type { KustoResponse } from '../../src/client/kusto-rest.ts'
import { kql } from '../../src/kql/kql.ts'
import { startFaultServer, type Fault, type SeenRequest } from './fault-server.ts'

const FRAMES = '[{"FrameType":"DataSetHeader"}\n,{"FrameType":"DataSetCompletion","HasErrors":false}\n]'
const V1 = '{"Tables":[{"TableName":"T","Columns":[{"ColumnName":"Id","ColumnType":"long"}],"Rows":[[1]]}]}'
const OK = { kind: 'answer', status: 200, body: FRAMES } satisfies Fault
const OPTIONS = { database: 'db' }

const unhandled: unknown[] = []
const onUnhandled = (error: unknown): void => void unhandled.push(error)
beforeAll(() => {
  process.on('unhandledRejection', onUnhandled)
  process.on('uncaughtException', onUnhandled)
})
afterAll(() => {
  process.off('unhandledRejection', onUnhandled)
  process.off('uncaughtException', onUnhandled)
  expect(unhandled).toEqual([])
})

interface Recorded extends KustoClient {
  readonly waits: number[]
}

function client(cluster: string, options: Partial<KustoClientOptions> = {}): Recorded {
  const waits: number[] = []
  const opened = openClient({
    cluster,
    auth: { kind: 'anonymous' },
    random: () => 0,
    sleep: async (ms) => void waits.push(ms),
    ...options,
  })
  return Object.assign(opened, { waits })
}

async function read(response: KustoResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function failure(work: Promise<unknown>): Promise<KustoError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(KustoError)
  return error as KustoError
}

const echo = (request: SeenRequest): Fault => ({
  kind: 'answer',
  status: 400,
  body: JSON.stringify({
    error: { code: 'C', '@message': `cannot run ${request.body} for ${request.headers.authorization}` },
  }),
})

const isCancel = (request: SeenRequest): boolean => request.body.includes('.cancel query')

describe('an answer', () => {
  test.each([false, true])('arrives whole (gzip: %s), with ids', async (gzip) => {
    await using server = await startFaultServer([{ ...OK, gzip, headers: { 'x-ms-activity-id': 'act' } }])
    await using opened = client(server.url)
    const response = await opened.http.query(kql`T | where a == ${'x'}`, { ...OPTIONS, clientRequestId: 'KAC.test;1' })
    expect(await read(response)).toBe(FRAMES)
    expect([response.clientRequestId, response.activityId]).toEqual(['KAC.test;1', 'act'])
    const [request] = server.requests
    expect(request?.path).toBe('/v2/rest/query')
    expect(request?.headers).toMatchObject({
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'content-type': 'application/json; charset=utf-8',
      'x-ms-version': '2024-12-12',
      'x-ms-client-request-id': 'KAC.test;1',
      'x-ms-app': 'kusto-arrow',
    })
    expect(request?.headers['user-agent']).toMatch(/^kusto-arrow\/\d/)
    expect(JSON.parse(request?.body ?? '')).toEqual({
      db: 'db',
      csl: 'declare query_parameters(_kql0:string);\nT | where a == _kql0',
      properties: {
        Options: {
          results_v2_newlines_between_frames: true,
          results_v2_fragment_primary_tables: true,
          results_error_reporting_placement: 'end_of_table',
        },
        Parameters: { _kql0: '"x"' },
      },
    })
  })

  test('connections are kept for the next request and closed with the client', async () => {
    await using server = await startFaultServer([OK])
    const opened = client(server.url)
    for (let time = 0; time < 3; time++) await read(await opened.http.query('T', OPTIONS))
    expect(server.connections).toBe(1)
    await opened.close()
    await server.idle()
  })

  test('larger than every buffer arrives unchanged', async () => {
    const body = Array.from({ length: 200_000 }, (_, at) => `line ${at}`).join('\n')
    await using server = await startFaultServer([{ kind: 'answer', status: 200, body, gzip: true }])
    await using opened = client(server.url)
    expect(await read(await opened.http.query('T', OPTIONS))).toBe(body)
  })
})

describe('retries', () => {
  test.each([429, 502, 503, 504, 408, 520])(
    'a query answered with %i is repeated, with an id of its own',
    async (status) => {
      await using server = await startFaultServer([{ kind: 'answer', status, body: '<html></html>' }, OK])
      await using opened = client(server.url)
      expect(await read(await opened.http.query('T', { ...OPTIONS, clientRequestId: 'id' }))).toBe(FRAMES)
      expect(server.requests.map(({ headers }) => headers['x-ms-client-request-id'])).toEqual(['id', 'id;2'])
      expect(opened.waits.length).toBe(1)
    },
  )

  test('Retry-After is honoured', async () => {
    const throttled: Fault = { kind: 'answer', status: 429, headers: { 'retry-after': '17' } }
    await using server = await startFaultServer([throttled, OK])
    await using opened = client(server.url)
    await read(await opened.http.query('T', OPTIONS))
    expect(opened.waits).toEqual([17_000])
  })

  test('a reset and an empty connection are repeated, four attempts in all', async () => {
    await using server = await startFaultServer([{ kind: 'reset' }])
    await using opened = client(server.url)
    const error = await failure(opened.http.query('T', OPTIONS))
    expect(error).toBeInstanceOf(KustoNetworkError)
    expect(error).toMatchObject({ code: 'KUSTO_CONNECTION_FAILED', context: { cluster: server.url, database: 'db' } })
    await opened.close()
    expect(server.requests.filter((request) => !isCancel(request)).length).toBe(4)
  })

  test.each([400, 404, 409, 413, 500, 307, 204])('status %i is an error at once', async (status) => {
    await using server = await startFaultServer([{ kind: 'answer', status, headers: { location: '/elsewhere' } }])
    await using opened = client(server.url)
    const error = await failure(opened.http.query('T', OPTIONS))
    expect(error).toBeInstanceOf(KustoServiceError)
    expect([(error as KustoServiceError).status, server.requests.length]).toEqual([status, 1])
  })

  test.each([401, 403])('status %i is an auth error at once', async (status) => {
    await using server = await startFaultServer([{ kind: 'answer', status }])
    await using opened = client(server.url)
    expect(await failure(opened.http.query('T', OPTIONS))).toBeInstanceOf(KustoAuthError)
    expect(server.requests.length).toBe(1)
  })

  test('a permanent error is not repeated whatever its status', async () => {
    const body = JSON.stringify({ error: { code: 'Limits', '@permanent': true } })
    await using server = await startFaultServer([{ kind: 'answer', status: 503, body }])
    await using opened = client(server.url)
    expect(await failure(opened.http.query('T', OPTIONS))).toMatchObject({ code: 'Limits', retryable: false })
    expect(server.requests.length).toBe(1)
  })

  test('a command that changes something is repeated only when it was throttled', async () => {
    await using broken = await startFaultServer([{ kind: 'answer', status: 503 }])
    await using throttled = await startFaultServer([
      { kind: 'answer', status: 429 },
      { kind: 'answer', status: 200, body: V1 },
    ])
    await using first = client(broken.url)
    await using second = client(throttled.url)
    await failure(first.http.command('.drop table T', OPTIONS))
    await second.http.commandRows('.drop table T', OPTIONS)
    expect([broken.requests.length, throttled.requests.length]).toEqual([1, 2])
  })

  test('a command that only shows something is repeated', async () => {
    await using server = await startFaultServer([
      { kind: 'answer', status: 503 },
      { kind: 'answer', status: 200, body: V1 },
    ])
    await using opened = client(server.url)
    const { rows } = await opened.http.commandRows('// all of them\n .show tables', OPTIONS)
    expect(rows[0]?.cell('Id')).toBe(1n)
    expect(server.requests[0]?.path).toBe('/v1/rest/mgmt')
  })

  test('a body that breaks before its first byte is repeated', async () => {
    await using server = await startFaultServer([{ kind: 'truncate', body: FRAMES, bytes: 0 }, OK])
    await using opened = client(server.url)
    expect(await read(await opened.http.query('T', OPTIONS))).toBe(FRAMES)
  })
})

describe('a body that ends early', () => {
  const long = FRAMES.repeat(50_000)
  test.each([
    ['of known length', { kind: 'truncate', body: long, bytes: 100_000 }],
    ['compressed', { kind: 'truncate', body: long, bytes: 1_000, gzip: true }],
    ['in chunks', { kind: 'truncate-chunked', body: FRAMES }],
  ] as const)('%s is an error, never a short result', async (_, fault) => {
    await using server = await startFaultServer((request) => (isCancel(request) ? OK : fault))
    await using opened = client(server.url)
    const error = await failure(opened.http.query('T', { ...OPTIONS, repeatable: false }).then(read))
    expect(error).toMatchObject({ code: 'KUSTO_TRUNCATED', retryable: true, context: { database: 'db' } })
    await opened.close()
    await server.idle()
  })

  test('a gzip body with its end missing is an error although the length is right', async () => {
    const whole = (await import('node:zlib')).gzipSync(long)
    const headers = { 'content-encoding': 'gzip' }
    const fault: Fault = { kind: 'answer', status: 200, headers, body: whole.subarray(0, whole.length - 20) }
    await using server = await startFaultServer([fault])
    await using opened = client(server.url)
    expect(await failure(opened.http.query('T', { ...OPTIONS, repeatable: false }).then(read))).toMatchObject({
      code: 'KUSTO_TRUNCATED',
    })
  })

  test('what is not gzip although it says so is an error', async () => {
    const fault: Fault = { kind: 'answer', status: 200, headers: { 'content-encoding': 'gzip' }, body: 'plain' }
    await using server = await startFaultServer([fault])
    await using opened = client(server.url)
    expect(await failure(opened.http.query('T', OPTIONS))).toMatchObject({ code: 'KUSTO_BAD_ENCODING' })
  })

  test('an encoding nobody asked for is an error, and its connection is closed', async () => {
    const fault: Fault = { kind: 'answer', status: 200, headers: { 'content-encoding': 'br' }, body: 'x' }
    await using server = await startFaultServer([fault])
    await using opened = client(server.url)
    expect(await failure(opened.http.query('T', OPTIONS))).toMatchObject({ code: 'KUSTO_BAD_ENCODING' })
    await server.idle()
  })
})

describe('200 with garbage', () => {
  test.each(['', 'garbage', '{"Tables":5}', '{"Tables":[{"Columns":[],"Rows":[5]}]}', '[]'])(
    '%j is no command result',
    async (body) => {
      await using server = await startFaultServer([{ kind: 'answer', status: 200, body }])
      await using opened = client(server.url)
      expect(await failure(opened.http.commandRows('.show tables', OPTIONS))).toMatchObject({ code: 'KUSTO_BAD_V1' })
    },
  )

  test.each([
    ['{"Tables":[{"Columns":[],"Rows":[{"Exceptions":["it broke"]}]}]}', 'KUSTO_COMMAND_FAILED'],
    ['{"Tables":[],"Exceptions":["it broke"]}', 'KUSTO_COMMAND_FAILED'],
    ['{"Tables":[{"Columns":[],"Rows":[{"OneApiErrors":[{"error":{"code":"C","@message":"it broke"}}]}]}]}', 'C'],
  ])('an error inside the answer is an error: %s', async (body, code) => {
    await using server = await startFaultServer([{ kind: 'answer', status: 200, body }])
    await using opened = client(server.url)
    const error = await failure(opened.http.commandRows('.show tables', OPTIONS))
    expect(error).toBeInstanceOf(KustoServiceError)
    expect(error).toMatchObject({ code, message: 'it broke', status: 200 })
  })
})

describe('an abort', () => {
  const reason = { why: 'the caller says so' }

  test('before the request sends nothing', async () => {
    await using server = await startFaultServer([OK])
    await using opened = client(server.url)
    await expect(opened.http.query('T', { ...OPTIONS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await opened.close()
    expect([server.requests.length, server.connections]).toEqual([0, 0])
  })

  test('while waiting for the answer settles at once, closes the connection and cancels the query', async () => {
    await using server = await startFaultServer((request) =>
      isCancel(request) ? { ...OK, body: V1 } : { kind: 'stall' },
    )
    await using opened = client(server.url)
    const stop = new AbortController()
    const waiting = opened.http.query('T', { ...OPTIONS, signal: stop.signal, clientRequestId: 'KAC.x;7' })
    await server.seen(1)
    const startMs = performance.now()
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(performance.now() - startMs).toBeLessThan(1_000)
    await server.seen(2)
    expect(JSON.parse(server.requests[1]?.body ?? '')).toMatchObject({ csl: '.cancel query "KAC.x;7"', db: 'db' })
    await opened.close()
    await server.idle()
  })

  test.each([false, true])('while reading the body does the same (gzip: %s)', async (gzip) => {
    const body = FRAMES.repeat(20_000)
    await using server = await startFaultServer((request) =>
      isCancel(request) ? OK : { kind: 'stall-body', body, gzip },
    )
    await using opened = client(server.url)
    const stop = new AbortController()
    const response = await opened.http.query('T', { ...OPTIONS, signal: stop.signal })
    const reading = read(response)
    setImmediate(() => stop.abort(reason))
    await expect(reading).rejects.toBe(reason)
    await server.seen(2)
    expect(isCancel(server.requests[1]!)).toBe(true)
    await opened.close()
    await server.idle()
  })

  test('between two reads is what the next read throws', async () => {
    await using server = await startFaultServer((request) =>
      isCancel(request) ? OK : { kind: 'stall-body', body: FRAMES },
    )
    await using opened = client(server.url)
    const stop = new AbortController()
    const response = await opened.http.query('T', { ...OPTIONS, signal: stop.signal })
    stop.abort(reason)
    await expect(read(response)).rejects.toBe(reason)
  })

  test('after the last byte changes nothing', async () => {
    await using server = await startFaultServer([OK])
    await using opened = client(server.url)
    const stop = new AbortController()
    const response = await opened.http.query('T', { ...OPTIONS, signal: stop.signal })
    expect(await read(response)).toBe(FRAMES)
    stop.abort(reason)
    await opened.close()
    expect(server.requests.length).toBe(1)
  })

  test('leaving the loop closes the connection and cancels the query', async () => {
    const body = FRAMES.repeat(20_000)
    await using server = await startFaultServer((request) => (isCancel(request) ? OK : { kind: 'stall-body', body }))
    await using opened = client(server.url)
    const response = await opened.http.query('T', OPTIONS)
    for await (const chunk of response.body) {
      expect(chunk.byteLength).toBeGreaterThan(0)
      break
    }
    await server.seen(2)
    expect(isCancel(server.requests[1]!)).toBe(true)
    await server.idle(1)
    await opened.close()
    await server.idle()
  })

  test('a response that is closed unread leaves nothing behind', async () => {
    await using server = await startFaultServer((request) =>
      isCancel(request) ? OK : { kind: 'stall-body', body: FRAMES },
    )
    await using opened = client(server.url)
    await (await opened.http.query('T', OPTIONS)).close()
    await server.seen(2)
    // One is the cancellation's, kept for later.
    await server.idle(1)
    await opened.close()
    await server.idle()
  })
})

describe('a body that stands still', () => {
  test('is given up after the idle time once the server timeout is over', async () => {
    await using server = await startFaultServer((request) =>
      isCancel(request) ? OK : { kind: 'stall-body', body: FRAMES },
    )
    // A response body alone, since the shortest server timeout plus padding is 31 seconds.
    const { ResponseBody } = await import('../../src/client/response-body.ts')
    const { get } = await import('node:http')
    const message = await new Promise<import('node:http').IncomingMessage>((resolve) => get(server.url, resolve))
    const ends: string[] = []
    const body = new ResponseBody(message, {
      signal: undefined,
      context: {},
      deadlineMs: performance.now(),
      idleTimeoutMs: 50,
      onEnd: (outcome) => ends.push(outcome),
    })
    await body.next()
    expect(await failure(body.next())).toMatchObject({ code: 'KUSTO_STALLED', retryable: true })
    expect(ends).toEqual(['incomplete'])
    await server.idle()
  })
})

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('%i is an error and nobody else is asked', async (status) => {
    await using other = await startFaultServer([OK])
    await using server = await startFaultServer([
      { kind: 'answer', status, headers: { location: `${other.url}/v2/rest/query` } },
    ])
    await using opened = client(server.url, {
      auth: { kind: 'token', token: 'SECRET' },
      trust: { allowTokenToLoopback: true },
    })
    expect(await failure(opened.http.query('T', OPTIONS))).toMatchObject({ status })
    expect([other.requests.length, other.connections]).toEqual([0, 0])
  })
})

describe('a token', () => {
  test('is not sent to this machine without the option, not even a connection is made', async () => {
    await using server = await startFaultServer([OK])
    for (const auth of [
      { kind: 'token', token: 'SECRET' },
      { kind: 'callback', getToken: () => 'SECRET' },
    ] as const) {
      await using opened = client(server.url, { auth })
      expect(await failure(opened.http.query('T', OPTIONS))).toMatchObject({ code: 'KUSTO_TOKEN_TO_LOOPBACK' })
    }
    expect([server.requests.length, server.connections]).toEqual([0, 0])
  })

  test('is sent to this machine with the option', async () => {
    await using server = await startFaultServer([OK])
    await using opened = client(server.url, {
      auth: { kind: 'token', token: 'SECRET' },
      trust: { allowTokenToLoopback: true },
    })
    await read(await opened.http.query('T', OPTIONS))
    expect(server.requests[0]?.headers.authorization).toBe('Bearer SECRET')
  })

  test('is not looked for when there is nothing to sign in with and the cluster is this machine', async () => {
    await using server = await startFaultServer([OK])
    await using opened = client(server.url, { auth: { kind: 'default' } })
    await read(await opened.http.query('T', OPTIONS))
    expect(server.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/v2/rest/query', undefined],
    ])
  })
})

describe('secrets', () => {
  test('are in no error, whatever the server echoes', async () => {
    await using server = await startFaultServer(echo)
    await using opened = client(server.url, {
      auth: { kind: 'token', token: 'SECRETTOKEN' },
      trust: { allowTokenToLoopback: true },
    })
    const command = '.export to csv (h"https://a.blob.core.windows.net/c?sig=SECRET") <| T'
    const error = await failure(opened.http.command(command, OPTIONS))
    const everything = [
      error.message,
      error.stack,
      JSON.stringify(error),
      JSON.stringify(error.context),
      String(error.cause),
    ]
    expect(everything.join(' ')).not.toContain('SECRET')
    expect(error.message).toContain('cannot run')
  })
})

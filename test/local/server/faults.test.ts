import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startLocalKusto, type FaultRule, type LocalKusto } from '../../../src/local/index.ts'
import { errorOf, framesOf, post, primaryRows, rest } from './rest-client.ts'

let local: LocalKusto

beforeAll(async () => {
  local = await startLocalKusto({ storage: false })
})

afterEach(() => {
  local.faults.clear()
})

afterAll(async () => {
  await local.close()
})

test('a rule hits as many matching requests as it says, after as many as it says', async () => {
  local.faults.set([
    { match: { text: 'marked' }, after: 1, times: 2, action: { status: 429, headers: { 'Retry-After': '3' } } },
  ])
  const statuses: number[] = []
  for (let count = 0; count < 4; count++) statuses.push((await post(local.cluster, 'print "marked"')).status)
  expect(statuses).toEqual([200, 429, 429, 200])
  expect((await post(local.cluster, 'print "other"')).status).toBe(200)
})

test('a throttled answer has the shape of the service and the given headers', async () => {
  local.faults.set([{ action: { status: 429, headers: { 'Retry-After': '3' } } }])
  const answer = await post(local.cluster, 'print 1')
  expect(answer.headers['retry-after']).toBe('3')
  expect(errorOf(answer)).toMatchObject({
    code: 'TooManyRequests',
    '@type': 'Kusto.Data.Exceptions.KustoRequestThrottledException',
    '@permanent': false,
  })
})

test('a body may be anything, also nothing', async () => {
  local.faults.set([
    { times: 1, action: { status: 502, body: '<html>bad gateway</html>', headers: { 'Content-Type': 'text/html' } } },
    { times: 1, action: { status: 401, body: '' } },
  ])
  const html = await post(local.cluster, 'print 1')
  expect([html.status, html.text, html.headers['content-type']]).toEqual([502, '<html>bad gateway</html>', 'text/html'])
  const empty = await post(local.cluster, 'print 1')
  expect([empty.status, empty.text]).toEqual([401, ''])
})

test('a body is cut after exactly so many bytes', async () => {
  local.faults.set([{ action: { truncateAfterBytes: 1000 } }])
  const answer = await post(local.cluster, 'range i from 1 to 100000 step 1')
  expect(answer).toMatchObject({ status: 200, complete: false })
  expect(answer.bytes).toHaveLength(1000)
})

test('a compressed body is cut too', async () => {
  local.faults.set([{ action: { truncateAfterBytes: 1000 } }])
  const answer = await post(local.cluster, 'range i from 1 to 100000 step 1', {
    headers: { 'Accept-Encoding': 'gzip' },
  })
  expect(answer.complete).toBe(false)
  expect(answer.bytes).toHaveLength(1000)
})

test('a connection is reset without an answer', async () => {
  local.faults.set([{ action: { reset: true } }])
  await expect(post(local.cluster, 'print 1')).rejects.toThrow('ECONNRESET')
})

test('an answer is delayed', async () => {
  local.faults.set([{ action: { delayMs: 200 } }])
  const started = performance.now()
  expect((await post(local.cluster, 'print 1')).status).toBe(200)
  expect(performance.now() - started).toBeGreaterThan(190)
})

test('a query fails late, after its rows', async () => {
  local.faults.set([{ action: { lateError: { code: 'LowMemoryCondition', message: 'no memory' } } }])
  const frames = framesOf(await post(local.cluster, 'print 1'))
  expect(primaryRows(frames)).toHaveLength(2)
  expect(frames.at(-1)).toMatchObject({ HasErrors: true })
  expect(JSON.stringify(frames.at(-1))).toContain('no memory')
})

test('rules pick requests by path, method and prefix of the client request id', async () => {
  local.faults.set([
    { match: { path: '/v1/rest/auth/metadata', method: 'get' }, times: 1, action: { status: 500 } },
    { match: { path: '/v1/rest/auth/metadata' }, action: { nullMetadata: true } },
    { match: { clientRequestIdPrefix: 'unlucky;' }, action: { status: 503 } },
  ])
  const metadata = `${local.cluster}/v1/rest/auth/metadata`
  expect((await rest(metadata)).status).toBe(500)
  expect((await rest(metadata)).text).toBe('{"AzureAD":null}')
  expect((await post(local.cluster, 'print 1', { headers: { 'x-ms-client-request-id': 'lucky;1' } })).status).toBe(200)
  expect((await post(local.cluster, 'print 1', { headers: { 'x-ms-client-request-id': 'unlucky;1' } })).status).toBe(
    503,
  )
})

test('a rule with a key that nobody knows is refused', () => {
  for (const rule of [{ action: { staus: 429 } }, { match: { url: '/' }, action: {} }, { tiems: 1, action: {} }]) {
    expect(() => local.faults.add(rule as object as FaultRule)).toThrow('unknown key')
  }
})

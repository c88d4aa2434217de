import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { createHttpHeaders, createPipelineRequest, type PipelineRequestOptions } from '@azure/core-rest-pipeline'
import { describe, expect, test } from 'vitest'
import { NodeHttpClient, type NodeHttpClientOptions } from '../../src/client/node-http-client.ts'
import { startFaultServer } from '../fault/fault-server.ts'

function client(options?: NodeHttpClientOptions): NodeHttpClient & AsyncDisposable {
  const opened = new NodeHttpClient(options)
  return Object.assign(opened, { [Symbol.asyncDispose]: async () => opened.close() })
}

const request = (options: PipelineRequestOptions): ReturnType<typeof createPipelineRequest> =>
  createPipelineRequest({ allowInsecureConnection: true, ...options })

const brokenBody = (): Readable =>
  Readable.from(
    (async function* () {
      yield Buffer.from('x')
      throw new Error('disk broke')
    })(),
  )

describe('NodeHttpClient', () => {
  test('gives text, or a stream for the statuses that ask for one', async () => {
    await using server = await startFaultServer([
      { kind: 'answer', status: 201, body: 'grün', gzip: true, headers: { 'x-a': '1' } },
    ])
    await using http = client()
    const text = await http.sendRequest(request({ url: server.url }))
    expect([text.status, text.bodyAsText, text.headers.get('X-A')]).toEqual([201, 'grün', '1'])
    const streamed = await http.sendRequest(request({ url: server.url, streamResponseStatusCodes: new Set([201]) }))
    expect(streamed.bodyAsText).toBeUndefined()
    const chunks: Buffer[] = []
    for await (const chunk of streamed.readableStreamBody as Readable) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toBe('grün')
  })

  test.each([
    ['text', 'grün'],
    ['bytes', new TextEncoder().encode('grün')],
    ['a view of a larger buffer', new DataView(new TextEncoder().encode('xgrünx').buffer, 1, 5)],
    ['a buffer', new TextEncoder().encode('grün').buffer],
    ['a stream', () => Readable.from([Buffer.from('gr'), Buffer.from('ün')])],
  ] as const)('sends %s', async (_, body) => {
    await using server = await startFaultServer([{ kind: 'answer', status: 200 }])
    await using http = client()
    await http.sendRequest(request({ url: server.url, method: 'POST', body }))
    expect(server.requests[0]?.body).toBe('grün')
  })

  test('a body that breaks while it is sent fails the request with its error', async () => {
    await using server = await startFaultServer([{ kind: 'answer', status: 200 }])
    await using http = client()
    await expect(
      http.sendRequest(request({ url: server.url, method: 'POST', body: brokenBody })),
    ).rejects.toMatchObject({
      code: 'KUSTO_CONNECTION_FAILED',
      cause: { message: 'disk broke' },
    })
    await server.idle()
  })

  test('a body of an unknown kind fails at once', async () => {
    await using server = await startFaultServer([{ kind: 'answer', status: 200 }])
    await using http = client()
    const body = new FormData() as never
    await expect(http.sendRequest(request({ url: server.url, method: 'POST', body }))).rejects.toMatchObject({
      code: 'KUSTO_BAD_BODY',
    })
    await server.idle()
  })

  test('an answer that does not come in time is an error and ends the connection', async () => {
    await using server = await startFaultServer([{ kind: 'stall' }])
    await using http = client()
    await expect(http.sendRequest(request({ url: server.url, timeout: 30 }))).rejects.toMatchObject({
      code: 'KUSTO_TIMEOUT',
      retryable: true,
    })
    await server.idle()
  })

  test('an answer that changes the protocol is none, and ends the request', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
      socket.once('data', () => void socket.write(upgrade))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await using http = client()
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await expect(http.sendRequest(request({ url, timeout: 5_000 }))).rejects.toMatchObject({
      code: 'KUSTO_CONNECTION_FAILED',
      isUnsent: false,
    })
    server.close()
  })

  test('a text whose rest does not come in time is an error and ends the connection', async () => {
    await using server = await startFaultServer([{ kind: 'stall-body', body: '{"AzureAD":' }])
    await using http = client()
    await expect(http.sendRequest(request({ url: server.url, timeout: 50 }))).rejects.toMatchObject({
      code: 'KUSTO_TIMEOUT',
      retryable: true,
    })
    await server.idle()
  })

  test('an abort reaches a request that still waits for a connection', async () => {
    await using server = await startFaultServer([{ kind: 'stall' }])
    await using http = client({ maxSockets: 1 })
    const stopFirst = new AbortController()
    const first = http.sendRequest(request({ url: server.url, abortSignal: stopFirst.signal })).catch(String)
    await server.seen(1)
    const stop = new AbortController()
    const second = http.sendRequest(request({ url: server.url, abortSignal: stop.signal }))
    setImmediate(() => stop.abort('enough'))
    await expect(second).rejects.toBe('enough')
    stopFirst.abort('too')
    expect(await first).toBe('too')
    await server.idle()
    expect(server.requests.length).toBe(1)
  })

  test('a port nobody listens on is a failure that may pass, a name nobody has is not', async () => {
    const server = await startFaultServer([{ kind: 'stall' }])
    await server.close()
    await using http = client()
    await expect(http.sendRequest(request({ url: server.url }))).rejects.toMatchObject({
      code: 'KUSTO_CONNECTION_FAILED',
      retryable: true,
    })
    await expect(http.sendRequest(request({ url: 'http://nobody.invalid' }))).rejects.toMatchObject({
      code: 'KUSTO_CONNECTION_FAILED',
      message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) as string,
    })
  })

  test('http needs the leave of the request', async () => {
    await using http = client()
    const insecure = createPipelineRequest({ url: 'http://127.0.0.1:1', headers: createHttpHeaders() })
    await expect(http.sendRequest(insecure)).rejects.toMatchObject({ code: 'KUSTO_INSECURE_URL' })
  })

  test('large compressed bodies come in large pieces', async () => {
    const body = 'x'.repeat(8 * 1024 * 1024)
    await using server = await startFaultServer([{ kind: 'answer', status: 200, body, gzip: true }])
    await using http = client()
    const answer = await http.sendRequest(request({ url: server.url, streamResponseStatusCodes: new Set([200]) }))
    const sizes: number[] = []
    for await (const chunk of answer.readableStreamBody as Readable) sizes.push((chunk as Buffer).byteLength)
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBe(body.length)
    expect(sizes.length).toBeLessThanOrEqual(40)
  })
})

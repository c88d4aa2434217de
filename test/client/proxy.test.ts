import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { openClient } from '../../src/client/open-client.ts'

afterEach(() => vi.unstubAllEnvs())

interface Proxy {
  readonly url: string
  /** The hosts it was asked to connect to; it connects to none. */
  readonly asked: readonly string[]
  close(): void
}

async function refusingProxy(): Promise<Proxy> {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '')
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => void server.close(),
  }
}

test('the question for the cloud goes through the proxy of the environment, as requests do', async () => {
  const proxy = await refusingProxy()
  vi.stubEnv('HTTPS_PROXY', proxy.url)
  vi.stubEnv('NO_PROXY', '')
  const credential = { getToken: async () => ({ token: 't', expiresOnTimestamp: Infinity }) }
  const client = openClient({
    cluster: 'https://nobody.kusto.windows.net',
    auth: { kind: 'credential', credential },
    sleep: async () => undefined,
    retry: { maxAttempts: 1, firstDelayMs: 0, factor: 1, maxDelayMs: 0 },
  })
  await expect(client.http.command('.show version', { database: 'db' })).rejects.toThrow()
  expect(new Set(proxy.asked)).toEqual(new Set(['nobody.kusto.windows.net:443']))
  await client.close()
  proxy.close()
})

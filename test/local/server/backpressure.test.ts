import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startLocalKusto, type LocalKusto } from '../../../src/local/index.ts'
import { post } from './rest-client.ts'

let local: LocalKusto

beforeAll(async () => {
  local = await startLocalKusto({ storage: false })
  await post(local.cluster, '.set Big <| range i from 1 to 3000000 step 1', { path: '/v1/rest/mgmt' })
})

afterAll(async () => {
  await local.close()
})

async function open(headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  const outgoing = request(`${local.cluster}/v2/rest/query`, { method: 'POST', headers, agent: false })
  outgoing.end(
    JSON.stringify({
      db: 'db1',
      // About 600 MB of JSON, computed on the way.
      csl: 'Big | extend a = strcat("a text that repeats itself ", i), b = strcat("and another one ", i), c = i * 3.5, d = strrep("x", 100)',
      properties: { Options: { notruncation: true } },
    }),
  )
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

test.each([
  ['plain', {}],
  ['compressed', { 'Accept-Encoding': 'gzip' }],
])('holds little of a large %s result while its client does not read', async (_how, headers) => {
  const before = process.memoryUsage().rss
  const response = await open(headers)
  response.pause()
  await new Promise((resolve) => setTimeout(resolve, 2000))
  expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000)
  response.destroy()
})

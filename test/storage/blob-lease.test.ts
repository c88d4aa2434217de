import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BlobLease } from '../../src/storage/blob-lease.ts'

/** Storage that keeps the first of its requests waiting for good, and grants the others. */
let silent: number
let requests: { readonly action: string; readonly proposed: string }[]
let asked: () => void
const server = createServer((request, response) => {
  const { headers } = request
  requests.push({ action: String(headers['x-ms-lease-action']), proposed: String(headers['x-ms-proposed-lease-id']) })
  request.resume()
  if (requests.length <= silent) return asked()
  response.writeHead(headers['x-ms-lease-action'] === 'acquire' ? 201 : 200, { 'x-ms-lease-id': 'x' }).end()
})

beforeEach(async () => {
  requests = []
  silent = 1
  asked = () => undefined
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => void server.close(resolve))
})

function lease(limitMs?: number): BlobLease {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/account/box/blob`
  return new BlobLease(
    { url, access: { kind: 'sas', sas: 'sv=1&sig=s' } },
    { seconds: 15, ...(limitMs === undefined ? {} : { limitMs }) },
  )
}

describe('a lease', () => {
  it('is asked for anew when no answer comes in time, by the same name', async () => {
    await lease(100).acquire(undefined)
    expect(requests.map(({ action }) => action)).toEqual(['acquire', 'acquire'])
    expect(requests[1]?.proposed).toMatch(/^[0-9a-f-]{36}$/)
    expect(requests[1]).toEqual(requests[0])
  })

  it('is renewed within a part of its life, also when an answer fails to come', async () => {
    await lease(100).renew()
    expect(requests.length).toBe(2)
  })

  it('is given up when storage does not take it back', async () => {
    await expect(lease(100).release()).rejects.toMatchObject({ code: 'KUSTO_STORAGE_FAILED' })
    expect(requests.length).toBe(1)
    silent = 2
    await expect(lease().release(AbortSignal.abort())).rejects.toMatchObject({
      message: expect.stringContaining('within 800 ms') as string,
    })
  })

  it('is not waited for after an abort', async () => {
    for (const wait of ['acquire', 'breakAny'] as const) {
      const stop = new AbortController()
      silent = requests.length + 1
      asked = () => stop.abort(new Error('enough'))
      await expect(lease()[wait](stop.signal)).rejects.toThrow('enough')
    }
  })
})

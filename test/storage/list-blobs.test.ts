import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listBlobs } from '../../src/storage/list-blobs.ts'
import { removeDirectory } from '../../src/storage/remove-blobs.ts'
import { statBlob } from '../../src/storage/stat-blob.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'

/** Storage that answers some requests, by their number from 0, and keeps others waiting for good. */
let answer: (count: number, request: IncomingMessage, response: ServerResponse) => boolean
let requests: string[]
let asked: () => void
const server = createServer((request, response) => {
  requests.push(`${request.method} ${new URL(request.url ?? '', 'http://x').searchParams.get('marker') ?? ''}`.trim())
  if (!answer(requests.length - 1, request, response)) asked()
})

beforeEach(async () => {
  requests = []
  answer = () => false
  asked = () => undefined
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => void server.close(resolve))
})

const container = (): StorageLocation => ({
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/account/box`,
  access: { kind: 'sas', sas: 'sv=1&sig=s' },
})

function listed(response: ServerResponse, names: readonly string[], next = ''): boolean {
  const modified = '<Properties><Last-Modified>Thu, 01 Jan 1970 00:00:00 GMT</Last-Modified></Properties>'
  const items = names.map((name) => `<Blob><Name>${name}</Name>${modified}</Blob>`).join('')
  response.writeHead(200, { 'content-type': 'application/xml' })
  response.end(
    `<?xml version="1.0"?><EnumerationResults><Blobs>${items}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`,
  )
  return true
}

async function namesOf(options: { readonly signal?: AbortSignal; readonly limitMs?: number }): Promise<unknown> {
  const pages: (readonly string[])[] = []
  for await (const page of listBlobs(container(), { prefix: 'a/', ...options }))
    pages.push(page.map(({ name }) => name))
  return pages
}

/** The reason of an abort that comes while a request waits for its answer. */
async function aborted(work: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const stop = new AbortController()
  asked = () => stop.abort(new Error('enough'))
  return work(stop.signal).catch((error: unknown) => (error as Error).message)
}

describe('a listing', () => {
  it('comes page by page, each asked for anew when no answer comes in time', async () => {
    answer = (count, _, response) => {
      if (count === 0) return listed(response, ['a/1', 'a/2'], 'm2')
      if (count === 1) return false
      return count === 2 ? listed(response, ['a/3'], 'm3') : listed(response, [])
    }
    expect(await namesOf({ limitMs: 500 })).toEqual([['a/1', 'a/2'], ['a/3'], []])
    expect(requests).toEqual(['GET', 'GET m2', 'GET m2', 'GET m3'])
  })

  it('ends with an abort while storage gives no answer', async () => {
    expect(await aborted((signal) => namesOf({ signal }))).toBe('enough')
  }, 10_000)
})

describe('removeDirectory', () => {
  it('lists again when no answer comes in time, and deletes what is there', async () => {
    answer = (count, { method }, response) => {
      if (count === 0) return false
      if (method === 'GET') return listed(response, ['a/1', 'a/2'])
      response.writeHead(202).end()
      return true
    }
    expect(await removeDirectory(container(), 'a', { limitMs: 500 })).toEqual({ found: 2, removed: 2, failures: [] })
  })

  it('ends with an abort while a listing or a delete gets no answer', async () => {
    expect(await aborted((signal) => removeDirectory(container(), 'a', { signal }))).toBe('enough')
    requests = []
    answer = (count, _, response) => count === 0 && listed(response, ['a/1'])
    expect(await aborted((signal) => removeDirectory(container(), 'a', { signal }))).toBe('enough')
  }, 10_000)
})

describe('statBlob', () => {
  it('asks again when no answer comes in time', async () => {
    answer = (count, _, response) => {
      if (count === 0) return false
      response.writeHead(200, { etag: '"0x1"', 'content-length': 7 }).end()
      return true
    }
    expect(await statBlob(container(), { limitMs: 500 })).toEqual({ etag: '"0x1"', bytes: 7 })
    expect(requests).toEqual(['HEAD', 'HEAD'])
  })

  it('ends with an abort while storage gives no answer', async () => {
    expect(await aborted((signal) => statBlob(container(), { signal }))).toBe('enough')
  }, 10_000)
})

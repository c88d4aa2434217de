import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/**
 * A loopback service in a process of its own that takes everything that is queued for ingestion: the ingestion endpoint with
 * REST and queues, storage, and an engine that knows one table of the columns it was started with (`name:type,...`). Blobs
 * are swallowed and counted, or kept in a folder when one is given. `GET /totals` tells what came and forgets it.
 */
export interface Totals {
  /** Names of queued blobs in the order of their messages. */
  readonly queued: readonly string[]
  readonly blobs: number
  readonly bytes: number
}

const [columns = '', folder] = process.argv.slice(2)
const blocks = new Map<string, Buffer>()
let queued: string[] = []
let blobs = 0
let bytes = 0

const server = createServer({ highWaterMark: 1024 * 1024 }, (request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
process.send?.({ url })
process.once('disconnect', () => process.exit())

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', url)
  if (request.method === 'PUT') {
    await takeBlob(pathname, searchParams, request)
    const now = new Date().toUTCString()
    response.writeHead(201, { etag: '"1"', 'last-modified': now, date: now, 'x-ms-version': '2025-01-05' }).end()
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString()
  if (pathname.endsWith('/messages')) {
    const [, encoded = ''] = /<MessageText>(.*)<\/MessageText>/.exec(body) ?? []
    const { BlobPath } = JSON.parse(Buffer.from(encoded, 'base64').toString()) as { readonly BlobPath: string }
    queued.push(nameOf(BlobPath))
    response.writeHead(201, { 'content-type': 'application/xml' }).end(messageXml())
    return
  }
  response.setHeader('content-type', 'application/json; charset=utf-8')
  const json = answerOf(pathname, body)
  if (json === undefined) response.writeHead(404).end('{}')
  else response.end(JSON.stringify(json))
}

async function takeBlob(path: string, search: URLSearchParams, request: IncomingMessage): Promise<void> {
  const isList = search.get('comp') === 'blocklist'
  const kept: Buffer[] = []
  for await (const chunk of request) {
    if (!isList) bytes += (chunk as Buffer).length
    if (folder !== undefined) kept.push(chunk as Buffer)
  }
  if (search.get('comp') === 'block') {
    if (folder !== undefined) blocks.set(search.get('blockid') ?? '', Buffer.concat(kept))
    return
  }
  blobs++
  if (folder === undefined) return
  const whole = Buffer.concat(kept)
  const ids = isList ? [...whole.toString().matchAll(/<Latest>(.*?)<\/Latest>/g)].map(([, id = '']) => id) : undefined
  const content = ids === undefined ? whole : Buffer.concat(ids.map((id) => blocks.get(id) ?? Buffer.alloc(0)))
  for (const id of ids ?? []) blocks.delete(id)
  writeFileSync(join(folder, nameOf(path)), content)
}

function answerOf(path: string, body: string): unknown {
  if (path === '/totals') {
    const totals: Totals = { queued, blobs, bytes }
    queued = []
    blobs = 0
    bytes = 0
    return totals
  }
  if (path === '/v1/rest/ingestion/configuration') {
    return {
      containerSettings: { containers: [{ path: `${url}/account/blobs?sig=none` }], preferredUploadMethod: 'Storage' },
      ingestionSettings: { maxBlobsPerBatch: 20, preferredIngestionMethod: 'Rest' },
    }
  }
  if (path.startsWith('/v1/rest/ingestion/queued/')) {
    const request = JSON.parse(body) as { readonly blobs: readonly { readonly url: string }[] }
    queued.push(...request.blobs.map((blob) => nameOf(blob.url)))
    return { ingestionOperationId: 'operation' }
  }
  if (path === '/v1/rest/mgmt') return command((JSON.parse(body) as { readonly csl: string }).csl)
  return undefined
}

function command(csl: string): unknown {
  if (csl.includes('ingestion resources')) {
    const names = ['SecuredReadyForAggregationQueue', 'FailedIngestionsQueue', 'SuccessfulIngestionsQueue']
    const kinds = [...names, 'TempStorage', 'IngestionsStatusTable']
    return table({ ResourceTypeName: kinds, StorageRoot: kinds.map(() => `${url}/account/blobs?sig=none`) })
  }
  if (csl.includes('identity token')) return table({ AuthorizationContext: ['token'] })
  const OrderedColumns = columns.split(',').map((column) => {
    const [Name, CslType] = column.split(':')
    return { Name, CslType }
  })
  return table({ TableName: ['Flights'], Schema: [JSON.stringify({ OrderedColumns })] })
}

function table(values: Readonly<Record<string, readonly string[]>>): unknown {
  const names = Object.keys(values)
  const rows = (Object.values(values)[0] ?? []).map((_, row) => names.map((name) => values[name]?.[row]))
  const Columns = names.map((ColumnName) => ({ ColumnName, DataType: 'String', ColumnType: 'string' }))
  return { Tables: [{ TableName: 'Table_0', Columns, Rows: rows }] }
}

function messageXml(): string {
  const time = new Date().toUTCString()
  const times = ['InsertionTime', 'ExpirationTime', 'TimeNextVisible'].map((name) => `<${name}>${time}</${name}>`)
  const message = `<MessageId>1</MessageId><PopReceipt>1</PopReceipt>${times.join('')}`
  return `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage>${message}</QueueMessage></QueueMessagesList>`
}

/** The last part of a path or a URL, without its query. */
function nameOf(path: string): string {
  return decodeURIComponent(path.replace(/\?.*$/, '').split('/').at(-1) ?? '')
}

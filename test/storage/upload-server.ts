import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to one request. */
export type UploadFault =
  | { readonly kind: 'status'; readonly status: number; readonly code?: string; readonly retryAfter?: string }
  /** The connection breaks and nothing is done. */
  | { readonly kind: 'reset' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose-answer' }
  /** Nothing is done and no answer comes. */
  | { readonly kind: 'stall' }
  /** It is done and answered later. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** One bit of the body changes on its way. */
  | { readonly kind: 'flip' }

export interface UploadRequest {
  /** From 0. */
  readonly count: number
  readonly method: string
  readonly path: string
  /** The parameter `comp`: `block`, `blocklist`, `userdelegationkey`, or empty. */
  readonly comp: string
  readonly query: string
  readonly bytes: number
  readonly authorization: string | undefined
}

export interface UploadServer extends AsyncDisposable {
  /** Of the account: `http://127.0.0.1:PORT/account`. */
  readonly url: string
  readonly requests: readonly UploadRequest[]
  /** Committed blobs by path. */
  readonly blobs: ReadonlyMap<string, Buffer>
  /** Blocks that were never committed, by path. */
  readonly staged: ReadonlyMap<string, ReadonlyMap<string, Buffer>>
  readonly maxAtOnce: () => number
  faultFor: (request: UploadRequest) => UploadFault | undefined
}

/** A blob storage account in memory: block blobs with checksums, and delegation keys. It breaks its answers as told. */
export async function uploadServer(): Promise<UploadServer> {
  const requests: UploadRequest[] = []
  const blobs = new Map<string, Buffer>()
  const committed = new Map<string, readonly string[]>()
  const staged = new Map<string, Map<string, Buffer>>()
  const metadata = new Map<string, Record<string, string>>()
  let underWay = 0
  let most = 0

  const carryOut = (request: UploadRequest, incoming: IncomingMessage, body: Buffer): Answer => {
    const { method, path, comp, query } = request
    const checksum = incoming.headers['content-md5'] ?? incoming.headers['x-ms-blob-content-md5']
    if (method === 'PUT' && comp !== 'blocklist' && checksum !== undefined && checksum !== md5(body)) {
      return { status: 400, code: 'Md5Mismatch' }
    }
    if (method === 'PUT' && comp !== 'block' && incoming.headers['if-none-match'] === '*' && blobs.has(path)) {
      return { status: 409, code: 'BlobAlreadyExists' }
    }
    if (comp === 'userdelegationkey') return { status: 200, body: delegationKey(body.toString('utf8')) }
    if (method === 'PUT' && comp === 'block') {
      const blocks = staged.get(path) ?? new Map<string, Buffer>()
      staged.set(path, blocks.set(new URLSearchParams(query).get('blockid') ?? '', body))
      return { status: 201 }
    }
    if (method === 'PUT' && comp === 'blocklist') {
      const ids = [...body.toString('utf8').matchAll(/<Latest>([^<]*)<\/Latest>/g)].map((match) => match[1] ?? '')
      const blocks = ids.map((id) => staged.get(path)?.get(id))
      if (blocks.some((block) => block === undefined)) return { status: 400, code: 'InvalidBlockList' }
      blobs.set(path, Buffer.concat(blocks as Buffer[]))
      committed.set(path, ids)
      staged.delete(path)
      return { status: 201 }
    }
    if (method === 'PUT') {
      blobs.set(path, body)
      metadata.set(
        path,
        Object.fromEntries(
          Object.entries(incoming.headers).flatMap(([name, value]) =>
            name.startsWith('x-ms-meta-') ? [[name, String(value)]] : [],
          ),
        ),
      )
      committed.set(path, [])
      staged.delete(path)
      return { status: 201 }
    }
    const blob = blobs.get(path)
    if (blob === undefined) return { status: 404, code: 'BlobNotFound' }
    if (method === 'DELETE') {
      blobs.delete(path)
      return { status: 202 }
    }
    if (comp === 'blocklist') {
      const list = (committed.get(path) ?? []).map((id) => `<Block><Name>${id}</Name><Size>1</Size></Block>`).join('')
      return {
        status: 200,
        body: `<?xml version="1.0"?><BlockList><CommittedBlocks>${list}</CommittedBlocks></BlockList>`,
      }
    }
    return { status: 200, headers: { 'content-length': String(blob.length), ...metadata.get(path) } }
  }

  const server = createServer((incoming, response) => {
    most = Math.max(most, ++underWay)
    response.on('close', () => underWay--)
    const chunks: Buffer[] = []
    incoming.on('error', () => undefined)
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const [path = '', query = ''] = (incoming.url ?? '').split('?')
      const request: UploadRequest = {
        count: requests.length,
        method: incoming.method ?? '',
        path,
        comp: new URLSearchParams(query).get('comp') ?? '',
        query,
        bytes: body.length,
        authorization: incoming.headers.authorization,
      }
      requests.push(request)
      const fault = uploads.faultFor(request)
      if (fault?.kind === 'stall') return
      if (fault?.kind === 'reset') return void incoming.socket.destroy()
      if (fault?.kind === 'status') {
        const after = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }
        return answer(response, { status: fault.status, code: fault.code ?? 'Test', headers: after })
      }
      if (fault?.kind === 'flip') body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1
      const done = carryOut(request, incoming, body)
      if (fault?.kind === 'lose-answer') return void incoming.socket.destroy()
      if (fault?.kind === 'hold') void fault.until.then(() => answer(response, done))
      else answer(response, done)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const uploads: UploadServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`,
    requests,
    blobs,
    staged,
    maxAtOnce: () => most,
    faultFor: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
  return uploads
}

interface Answer {
  readonly status: number
  readonly code?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

function answer(response: ServerResponse, { status, code, headers, body }: Answer): void {
  response.writeHead(status, {
    'x-ms-request-id': 'test',
    ...(code === undefined ? {} : { 'x-ms-error-code': code }),
    ...(body === undefined && code === undefined ? {} : { 'content-type': 'application/xml' }),
    ...headers,
  })
  response.end(body ?? (code === undefined ? undefined : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`))
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')

function delegationKey(request: string): string {
  const part = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(request)?.[1] ?? ''
  return `<?xml version="1.0" encoding="utf-8"?><UserDelegationKey><SignedOid>11111111-1111-1111-1111-111111111111</SignedOid><SignedTid>22222222-2222-2222-2222-222222222222</SignedTid><SignedStart>${part('Start')}</SignedStart><SignedExpiry>${part('Expiry')}</SignedExpiry><SignedService>b</SignedService><SignedVersion>2024-11-04</SignedVersion><Value>${Buffer.alloc(32, 7).toString('base64')}</Value></UserDelegationKey>`
}

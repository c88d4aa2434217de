import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to one answer; answers after the last fault are whole. */
export type BlobFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'reset'; readonly afterBytes: number }
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The body ends early, in order. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Takes no notice of the range: the whole blob with status 200, of which so many bytes come before a reset. */
  | { readonly kind: 'whole'; readonly afterBytes: number }
  /** Another version with the next ETag. */
  | { readonly kind: 'replace' }
  /** One bit of the body changes on its way; checksums are of what storage has. */
  | { readonly kind: 'flip'; readonly atByte: number }

export interface BlobServerOptions {
  readonly faults?: readonly BlobFault[]
  /** Decides by request instead of by order. */
  readonly faultFor?: (request: {
    readonly range: string
    readonly count: number
    readonly query: string
  }) => BlobFault | undefined
  /** The MD5 stored with the blob. Default: none is. */
  readonly storedMd5?: Uint8Array
  /** Answer `x-ms-range-get-content-md5`, ignore it (false), or answer it with status 400. Default true. */
  readonly rangeMd5?: boolean | 'refuse'
}

export interface BlobServer extends AsyncDisposable {
  readonly url: string
  /** The Range header of each request, or 'whole'. */
  readonly requests: readonly string[]
  readonly authorizations: readonly (string | undefined)[]
  /** Requests under way at once, at most. */
  readonly maxAtOnce: () => number
}

const MAX_MD5_RANGE = 4 * 1024 * 1024

/** Serves one blob by byte range, with an ETag and MD5s, and breaks its answers as told. */
export async function blobServer(
  content: Uint8Array,
  given: readonly BlobFault[] | BlobServerOptions = {},
): Promise<BlobServer> {
  const options: BlobServerOptions = Array.isArray(given) ? { faults: given } : (given as BlobServerOptions)
  const { faults = [], faultFor, storedMd5, rangeMd5 = true } = options
  const requests: string[] = []
  const authorizations: (string | undefined)[] = []
  let blob = content
  let etag = '"0x1"'
  let underWay = 0
  let most = 0
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = String(request.headers['x-ms-range'] ?? request.headers.range ?? 'whole')
    const query = request.url?.split('?')[1] ?? ''
    const fault =
      faultFor === undefined ? faults[requests.length] : faultFor({ range: asked, query, count: requests.length })
    requests.push(asked)
    const range = fault?.kind === 'whole' ? 'whole' : asked
    authorizations.push(request.headers.authorization)
    most = Math.max(most, ++underWay)
    response.on('close', () => underWay--)
    const refuse = (status: number, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, { 'x-ms-error-code': 'Test', ...headers }).end()
    if (fault?.kind === 'status') {
      return refuse(fault.status, fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter })
    }
    if (fault?.kind === 'replace') {
      blob = blob.map((byte) => byte ^ 1)
      etag = '"0x2"'
    }
    if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== etag) return refuse(412)
    const [, from = '0', to] = /bytes=(\d+)-(\d*)/.exec(range) ?? []
    const start = Number(from)
    const end = Math.min(blob.length, to === undefined || to === '' ? Infinity : Number(to) + 1)
    if (range !== 'whole' && start >= blob.length) return refuse(416)
    const body = Uint8Array.from(blob.subarray(start, end))
    const wantsMd5 = request.headers['x-ms-range-get-content-md5'] === 'true'
    if (wantsMd5 && (rangeMd5 === 'refuse' || body.length > MAX_MD5_RANGE)) return refuse(400)
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
    response.writeHead(range === 'whole' ? 200 : 206, {
      etag,
      'content-length': body.length,
      ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end - 1}/${blob.length}` }),
      'last-modified': new Date(0).toUTCString(),
      'x-ms-blob-type': 'BlockBlob',
      ...(wantsMd5 && rangeMd5 ? { 'content-md5': createHash('md5').update(body).digest('base64') } : {}),
      ...(storedMd5 === undefined
        ? {}
        : { [range === 'whole' ? 'content-md5' : 'x-ms-blob-content-md5']: base64(storedMd5) }),
    })
    if (fault?.kind === 'flip') {
      const at = fault.atByte - start
      body[at] = (body[at] ?? 0) ^ 1
    }
    if (fault !== undefined && 'afterBytes' in fault) {
      response.write(body.subarray(0, fault.afterBytes), () => {
        if (fault.kind === 'reset' || fault.kind === 'whole') response.socket?.destroy()
        if (fault.kind === 'truncate') response.socket?.end()
      })
      return
    }
    response.end(body)
  }
  const server: Server = createServer(answer)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/account/container/blob`,
    requests,
    authorizations,
    maxAtOnce: () => most,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

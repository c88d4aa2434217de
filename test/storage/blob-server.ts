import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to one answer; answers after the last fault are whole. */
export type BlobFault =
  | { readonly kind: 'reset'; readonly afterBytes: number }
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'replace' }

export interface BlobServer extends AsyncDisposable {
  readonly url: string
  /** The Range header of each request, or 'whole'. */
  readonly requests: readonly string[]
}

/** Serves one blob by byte range, with an ETag, and breaks its first answers as told. */
export async function blobServer(content: Uint8Array, faults: readonly BlobFault[] = []): Promise<BlobServer> {
  const requests: string[] = []
  let blob = content
  let etag = '"0x1"'
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const range = request.headers['x-ms-range'] ?? request.headers.range
    const fault = faults[requests.length]
    requests.push(range === undefined ? 'whole' : String(range))
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, { 'x-ms-error-code': 'Test' }).end()
      return
    }
    if (fault?.kind === 'replace') {
      blob = blob.map((byte) => byte ^ 1)
      etag = '"0x2"'
    }
    if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== etag) {
      response.writeHead(412, { 'x-ms-error-code': 'ConditionNotMet' }).end()
      return
    }
    const start = Number(/bytes=(\d+)-/.exec(String(range))?.[1] ?? 0)
    const body = blob.subarray(start)
    response.writeHead(start === 0 ? 200 : 206, {
      etag,
      'content-length': body.length,
      'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}`,
      'last-modified': new Date(0).toUTCString(),
      'x-ms-blob-type': 'BlockBlob',
    })
    if (fault?.kind === 'reset' || fault?.kind === 'stall') {
      response.write(body.subarray(0, fault.afterBytes), () => {
        if (fault.kind === 'reset') response.socket?.destroy()
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
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

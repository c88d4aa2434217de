import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

/** What the server saw of one request. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** How one request is answered, or not. */
export type Fault =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Uint8Array
      readonly gzip?: boolean
    }
  /** Takes the request and never answers. */
  | { readonly kind: 'stall' }
  /** Status 200 and some bytes, then nothing more. */
  | { readonly kind: 'stall-body'; readonly body: string; readonly gzip?: boolean }
  /** Status 200 and the length of the whole body, but the connection ends after this many bytes. */
  | { readonly kind: 'truncate'; readonly body: string; readonly bytes: number; readonly gzip?: boolean }
  /** The same without a length: chunked, without the last chunk. */
  | { readonly kind: 'truncate-chunked'; readonly body: string }
  /** Resets the connection instead of answering. */
  | { readonly kind: 'reset' }

export interface FaultServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** Connections that are open now. */
  readonly connections: number
  /** Settles when the server has seen this many requests. */
  seen(count: number): Promise<void>
  /** Settles when no connection is open, or no more than this many; fails after 5 seconds. */
  idle(connections?: number): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A fault by request, or a list of them for the requests in turn, the last one repeated. */
export type Script = ((request: SeenRequest) => Fault) | readonly Fault[]

/** A loopback server that fails as told. */
export async function startFaultServer(script: Script): Promise<FaultServer> {
  const requests: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const waiters = new Set<() => void>()
  const changed = (): void => waiters.forEach((wake) => wake())
  const until = async (reached: () => boolean, what: string): Promise<void> => {
    let wake: (() => void) | undefined
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what} did not happen`)), 5_000)
      wake = () => {
        if (!reached()) return
        clearTimeout(timer)
        resolve()
      }
      waiters.add(wake)
      wake()
    }).finally(() => wake && waiters.delete(wake))
  }

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('error', () => {})
    response.on('error', () => {})
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const request: SeenRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      const fault =
        typeof script === 'function' ? script(request) : (script[Math.min(requests.length, script.length - 1)] as Fault)
      requests.push(request)
      play(fault, response)
      changed()
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      changed()
    })
  })
  // So that a connection that ends was ended by the client.
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return sockets.size
    },
    seen: (count) => until(() => requests.length >= count, `request ${count}`),
    idle: (connections = 0) => until(() => sockets.size <= connections, 'the end of connections'),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function play(fault: Fault, response: ServerResponse): void {
  switch (fault.kind) {
    case 'answer': {
      const bytes = encoded(fault.body ?? '', fault.gzip)
      response.writeHead(fault.status, { ...encodingHeader(fault.gzip), ...fault.headers })
      response.end(bytes)
      return
    }
    case 'stall':
      return
    case 'stall-body':
      response.writeHead(200, encodingHeader(fault.gzip))
      response.write(encoded(fault.body, fault.gzip))
      return
    case 'truncate': {
      const bytes = encoded(fault.body, fault.gzip)
      response.writeHead(200, { ...encodingHeader(fault.gzip), 'content-length': String(bytes.byteLength) })
      response.write(bytes.subarray(0, fault.bytes), () => response.socket?.destroy())
      return
    }
    case 'truncate-chunked':
      response.writeHead(200)
      response.write(fault.body, () => response.socket?.destroy())
      return
    case 'reset':
      response.socket?.resetAndDestroy()
      return
  }
}

function encoded(body: string | Uint8Array, gzip: boolean | undefined): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
  return gzip === true ? gzipSync(bytes) : bytes
}

function encodingHeader(gzip: boolean | undefined): Record<string, string> {
  return gzip === true ? { 'content-encoding': 'gzip' } : {}
}

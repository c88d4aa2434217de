import { onwardRequest, startLoopbackServer } from './loopback-server.ts'

/** One request to storage. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  /** The parameter `comp`: `block`, `blocklist`, or empty. */
  readonly comp: string
  readonly bytes: number
  /** The body, where it is short. */
  readonly text: string
}

/** What happens to a request; without one it is passed on. */
export type ProxyFault =
  | { readonly kind: 'status'; readonly status: number; readonly code?: string; readonly retryAfter?: string }
  /** The connection breaks before anything is done. */
  | { readonly kind: 'reset' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose-answer' }
  /** It is done, and the answer breaks off after its head. */
  | { readonly kind: 'truncate' }
  /** One bit of its body changes on its way. */
  | { readonly kind: 'flip' }
  /** The connection to storage breaks in the middle of its body, and then the one to the client. */
  | { readonly kind: 'cut' }
  /** Nothing is done until then. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** It is done then, although the client may have gone. */
  | { readonly kind: 'late'; readonly until: Promise<unknown> }

export interface StorageProxy {
  readonly origin: string
  readonly seen: SeenRequest[]
  /** Connections that are open now. */
  readonly connections: () => Promise<number>
  faultFor: (request: SeenRequest) => ProxyFault | undefined
  /** The same place behind this proxy. */
  through(url: string): string
  close(): Promise<void>
}

/** A loopback server in front of a storage account, or of Kusto, that breaks requests as told. Signatures do not cover the host. */
export async function startStorageProxy(target: string): Promise<StorageProxy> {
  const server = await startLoopbackServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const [path = '', query = ''] = (incoming.url ?? '').split('?')
      const request: SeenRequest = {
        method: incoming.method ?? '',
        path,
        comp: new URLSearchParams(query).get('comp') ?? '',
        bytes: body.length,
        text: body.length < 100_000 ? body.toString('utf8') : '',
      }
      proxy.seen.push(request)
      const fault = proxy.faultFor(request)
      if (fault?.kind === 'reset') return void incoming.socket.destroy()
      if (fault?.kind === 'status') {
        const { status, code = 'ServerBusy', retryAfter } = fault
        const after = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
        response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code, ...after })
        return void response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`)
      }
      const pass = (): void => {
        if (incoming.socket.destroyed && fault?.kind !== 'late') return
        const onward = onwardRequest(target, incoming)
        onward.on('response', (answer) => {
          if (fault?.kind === 'lose-answer') return void incoming.socket.destroy()
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          if (fault?.kind === 'truncate') {
            response.flushHeaders()
            return void setImmediate(() => incoming.socket.destroy())
          }
          answer.pipe(response)
        })
        onward.on('error', () => response.destroy())
        if (fault?.kind === 'cut') {
          onward.write(body.subarray(0, body.length >> 1), () => onward.destroy())
          return
        }
        if (fault?.kind === 'flip') body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1
        onward.end(body)
      }
      if (fault?.kind === 'hold' || fault?.kind === 'late') void fault.until.then(pass)
      else pass()
    })
  })
  const { origin, connections, close } = server
  const proxy: StorageProxy = {
    origin,
    seen: [],
    connections,
    faultFor: () => undefined,
    through: (url) => url.replace(/^http:\/\/[^/]+/, origin),
    close,
  }
  return proxy
}

/** A promise and what settles it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

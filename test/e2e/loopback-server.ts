import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on a free port of this machine. */
export interface LoopbackServer {
  /** Without a slash at its end. */
  readonly origin: string
  /** Connections that are open now. */
  readonly connections: () => Promise<number>
  /** Breaks open connections. */
  readonly close: () => Promise<void>
}

/** Starts a server that does with a request what `answer` does. */
export async function startLoopbackServer(answer: http.RequestListener): Promise<LoopbackServer> {
  const server = http.createServer((incoming, response) => {
    // A client that goes away is what tests are about.
    incoming.on('error', () => undefined)
    response.on('error', () => undefined)
    answer(incoming, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => new Promise((resolve) => void server.getConnections((_, count) => resolve(count))),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A request to the place behind a proxy, as it came to the proxy, with no body yet. */
export function onwardRequest(
  target: string,
  { url, method, headers }: http.IncomingMessage,
  changed: http.OutgoingHttpHeaders = {},
): http.ClientRequest {
  const { hostname, port } = new URL(target)
  return http.request({ hostname, port, path: url, method, headers: { ...headers, ...changed } })
}

/** A server in front of another one that passes everything on, and shows `look` each request before. */
export function startLookingProxy(
  target: string,
  look: (request: http.IncomingMessage, body: Buffer) => void,
): Promise<LoopbackServer> {
  return startLoopbackServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      look(incoming, body)
      const onward = onwardRequest(target, incoming)
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy())
      response.on('close', () => onward.destroy())
      onward.end(body)
    })
  })
}

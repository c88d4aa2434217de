import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A call to the query or management endpoint. */
export interface SeenCall {
  readonly csl: string
  readonly options: Readonly<Record<string, unknown>>
  readonly clientRequestId: string
}

export interface RecordingProxy {
  readonly url: string
  /** In the order they came; may be emptied. */
  readonly seen: SeenCall[]
  close(): Promise<void>
}

/** A loopback server in front of another one that passes everything on and notes what was asked. */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const seen: SeenCall[] = []
  const server = http.createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => {})
    response.on('error', () => {})
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      if (/\/rest\/(query|mgmt)/.test(incoming.url ?? '')) {
        const { csl, properties } = JSON.parse(body.toString('utf8')) as {
          readonly csl: string
          readonly properties?: { readonly Options?: Readonly<Record<string, unknown>> }
        }
        const clientRequestId = String(incoming.headers['x-ms-client-request-id'])
        seen.push({ csl, options: properties?.Options ?? {}, clientRequestId })
      }
      const { hostname, port } = new URL(target)
      const onward = http.request(
        { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        },
      )
      onward.on('error', () => response.destroy())
      response.on('close', () => onward.destroy())
      onward.end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** The body of a request that submits blobs for queued ingestion. */
export interface Submitted {
  readonly blobs: readonly { readonly url: string; readonly sourceId: string }[]
  readonly properties: {
    readonly format: string
    readonly skipBatching: boolean
    readonly tags?: readonly string[]
    readonly ingestIfNotExists?: readonly string[]
    readonly ingestionMapping?: string
    readonly ingestionMappingReference?: string
    readonly validationPolicy?: string
  }
}

export interface SubmissionProxy {
  readonly url: string
  /** In the order they came. */
  readonly seen: Submitted[]
  close(): Promise<void>
}

/** A loopback server in front of another one that passes everything on and notes what was submitted. */
export async function startSubmissionProxy(target: string): Promise<SubmissionProxy> {
  const seen: Submitted[] = []
  const { hostname, port } = new URL(target)
  const server = http.createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => {})
    response.on('error', () => {})
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const { url = '', method, headers } = incoming
      if (method === 'POST' && url.startsWith('/v1/rest/ingestion/queued/')) {
        seen.push(JSON.parse(body.toString('utf8')) as Submitted)
      }
      const onward = http.request({ hostname, port, path: url, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy())
      response.on('close', () => onward.destroy())
      onward.end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

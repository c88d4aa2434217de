import { once } from 'node:events'
import type http from 'node:http'
import { buffer } from 'node:stream/consumers'
import { onwardRequest, startLoopbackServer } from './loopback-server.ts'

/** A request on its way from a client to the embedded Kusto or its storage. */
export interface GatewayRequest {
  /** From 0, in the order they came. */
  readonly index: number
  /** What it is, without names and ids: `.move`, `PUT blob`, `POST queued`. */
  readonly label: string
  /** The command or query, if it is one. */
  readonly csl: string
}

export interface GatewayAnswer {
  readonly status: number
  readonly headers?: http.IncomingHttpHeaders
  readonly body?: Buffer | string
}

/** Has the request carried out when it calls `forward`; gives the answer to send, or undefined to cut the connection. */
export type Intercept = (
  request: GatewayRequest,
  forward: () => Promise<GatewayAnswer>,
) => Promise<GatewayAnswer | undefined>

export interface Gateway {
  readonly url: string
  /** Labels of all requests so far. */
  readonly seen: string[]
  readonly commands: string[]
  intercept: Intercept
  close(): Promise<void>
}

const pass: Intercept = (_request, forward) => forward()

/**
 * A server between a client and the embedded Kusto through which everything goes, uploads too: storage URLs in answers are
 * rewritten to lead here.
 */
export async function startGateway(kusto: string): Promise<Gateway> {
  let storage = ''
  const seen: string[] = []
  const commands: string[] = []
  const { origin, close } = await startLoopbackServer((incoming, response) => {
    const serve = async (): Promise<void> => {
      const body = await buffer(incoming)
      const path = incoming.url ?? ''
      const csl = /\/rest\/(?:query|mgmt)/.test(path) ? (JSON.parse(body.toString()) as { csl: string }).csl : ''
      const request = { index: seen.length, label: labelOf(incoming.method ?? '', path, csl), csl }
      seen.push(request.label)
      if (csl !== '') commands.push(csl)
      const forward = async (): Promise<GatewayAnswer> => {
        // The service reads blobs where they are, not through the client's way.
        const sent = path.includes('/queued/') ? Buffer.from(body.toString().replaceAll(gateway.url, storage)) : body
        const answer = await send(path.startsWith('/devstoreaccount1') ? storage : kusto, incoming, sent)
        if (!/configuration/.test(path)) return answer
        const text = answer.body.toString()
        storage = /http:\/\/127\.0\.0\.1:\d+(?=\/devstoreaccount1)/.exec(text)?.[0] ?? storage
        return { ...answer, body: text.replaceAll(storage, gateway.url) }
      }
      const answer = await gateway.intercept(request, forward)
      if (answer === undefined) {
        response.destroy()
        return
      }
      const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = answer.headers ?? {}
      response.writeHead(answer.status, headers as http.OutgoingHttpHeaders)
      response.end(answer.body)
    }
    serve().catch(() => response.destroy())
  })
  const gateway: Gateway = {
    url: origin,
    seen,
    commands,
    intercept: pass,
    close,
  }
  return gateway
}

async function send(
  target: string,
  incoming: http.IncomingMessage,
  body: Buffer,
): Promise<{ readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: Buffer }> {
  const onward = onwardRequest(target, incoming, {
    'accept-encoding': 'identity',
    'content-length': String(body.length),
  })
  onward.end(body)
  const [answer] = (await once(onward, 'response')) as [http.IncomingMessage]
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) }
}

function labelOf(method: string, path: string, csl: string): string {
  if (csl.startsWith('.')) {
    const words = csl.replaceAll(/\['[^']*'\]/g, '').replaceAll(/[0-9a-f-]{36}/g, '')
    return (/^\.[a-z-]+(?: +[a-z]+)*/.exec(words)?.[0] ?? csl).trim().replaceAll(/ +/g, ' ')
  }
  if (path.startsWith('/devstoreaccount1')) return `${method} blob`
  return `${method} ${/(?:configuration|queued|query|mgmt)/.exec(path)?.[0] ?? path}`
}

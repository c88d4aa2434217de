import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDefaultHttpClient } from '@azure/core-rest-pipeline'
import type { HttpClient } from '@azure/core-rest-pipeline'

/** One request as the server saw it. */
export interface ArmRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly body: unknown
}

export interface ArmServer {
  readonly requests: readonly ArmRequest[]
  /** Takes requests for https://management.test to this server: its tokens go over TLS addresses only. */
  readonly httpClient: HttpClient
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How the server answers a change of the cluster. */
export interface ArmBehaviour {
  /** Where the client is told to look: the two ways that Azure Resource Manager has. */
  readonly follow: 'Azure-AsyncOperation' | 'Location'
  /** Looks that find it running. */
  readonly running: number
  readonly end: 'Succeeded' | 'Failed' | 'Canceled'
  /** Status of the answer to the change itself, when it is refused. */
  readonly refuse?: number
}

const ORIGIN = 'https://management.test'
const CLUSTER = '/subscriptions/sub/resourceGroups/group/providers/Microsoft.Kusto/clusters/mine'

/** Azure Resource Manager on loopback, as far as changing a Kusto cluster goes. */
export async function startArmServer(behaviour: ArmBehaviour): Promise<ArmServer> {
  const requests: ArmRequest[] = []
  let isEnabled = false
  let wanted = false
  let looks = 0
  const cluster = (): object => ({
    name: 'mine',
    location: 'westeurope',
    properties: {
      enableStreamingIngest: isEnabled,
      state: 'Running',
      provisioningState: 'Succeeded',
      uri: 'https://mine.westeurope.kusto.windows.net',
      dataIngestionUri: 'https://ingest-mine.westeurope.kusto.windows.net',
    },
  })
  const look = (): { readonly status: number; readonly body: object } => {
    const status = ++looks <= behaviour.running ? 'Running' : behaviour.end
    if (status === 'Succeeded') isEnabled = wanted
    if (behaviour.follow === 'Location') {
      if (status === 'Running') return { status: 202, body: {} }
      if (status === 'Succeeded') return { status: 200, body: cluster() }
      return { status: 409, body: { error: { code: 'ClusterBusy', message: 'another operation is under way' } } }
    }
    const error = { code: 'CapacityReached', message: 'no capacity; sig=abcdefghijklmnop' }
    return { status: 200, body: { status, ...(status === 'Failed' ? { error } : {}) } }
  }
  const server = createServer((incoming, response) => {
    void (async () => {
      const text = await readAll(incoming)
      const path = (incoming.url ?? '').replace(/\?.*$/, '')
      const method = incoming.method ?? ''
      const body: unknown = text === '' ? undefined : JSON.parse(text)
      requests.push({ method, path, authorization: incoming.headers.authorization, body })
      const send = (status: number, json: object, headers: Readonly<Record<string, string>> = {}): void => {
        response.writeHead(status, { 'Content-Type': 'application/json', 'Retry-After': '0', ...headers })
        response.end(JSON.stringify(json))
      }
      if (method === 'PATCH' && behaviour.refuse !== undefined) {
        send(behaviour.refuse, { error: { code: 'AuthorizationFailed', message: 'the client has no such right' } })
      } else if (method === 'PATCH' && path === CLUSTER) {
        wanted = JSON.stringify(body).includes('true')
        send(202, {}, { [behaviour.follow]: `${ORIGIN}/operations/1?api-version=2023-08-15` })
      } else if (path === '/operations/1') {
        const { status, body: json } = look()
        send(status, json, status === 202 ? { Location: `${ORIGIN}/operations/1?api-version=2023-08-15` } : {})
      } else if (path === CLUSTER) send(200, cluster())
      else send(404, { error: { code: 'ResourceNotFound', message: 'no such cluster' } })
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const inner = createDefaultHttpClient()
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    requests,
    httpClient: {
      sendRequest: (request) => {
        request.url = request.url.replace(ORIGIN, `http://127.0.0.1:${port}`)
        request.allowInsecureConnection = true
        return inner.sendRequest(request)
      },
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

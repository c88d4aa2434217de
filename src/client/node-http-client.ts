import * as http from 'node:http'
import * as https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline'
import { KustoNetworkError, KustoUsageError } from '../errors.ts'
import { AbortScope, untilAborted } from '../base/abort.ts'
import { decompressed } from './decompress.ts'
import { bodyFailed, connectionFailed } from './network-error.ts'

export interface NodeHttpClientOptions {
  /** Until TCP and TLS stand. Default 20 000. */
  readonly connectTimeoutMs?: number
  /** Connections to one origin. Default 64. */
  readonly maxSockets?: number
}

/**
 * Socket and body chunks of this size: an inflater that is fed 16 KB at a time, the default, runs at half the speed.
 */
const READ_BYTES = 256 * 1024
const IDLE_CONNECTION_MS = 30_000

/**
 * An HTTP client for pipelines of `@azure/core-rest-pipeline` on node:http, for bodies of hundreds of megabytes. It
 * follows no redirect, inflates gzip in large pieces, and an abort destroys the socket at once. Response bodies are
 * streams for the statuses in `streamResponseStatusCodes` and text otherwise, as the pipeline asks.
 */
export class NodeHttpClient implements HttpClient {
  readonly #connectTimeoutMs: number
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent }

  constructor(options: NodeHttpClientOptions = {}) {
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 20_000
    const agentOptions = {
      keepAlive: true,
      maxSockets: options.maxSockets ?? 64,
      highWaterMark: READ_BYTES,
      // Ends connections that nobody uses, before the service does so in the middle of a request.
      timeout: IDLE_CONNECTION_MS,
    }
    this.#agents = { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) }
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const outer = request.abortSignal as AbortSignal | undefined
    outer?.throwIfAborted()
    const sent = this.#open(request)
    const scope = new AbortScope(outer)
    const stop = (): void => void sent.destroy()
    scope.signal.addEventListener('abort', stop, { once: true })
    // Errors after the answer began reach us through its body; without a listener they would end the process.
    sent.on('error', () => {})
    if (request.timeout > 0) {
      scope.limit(request.timeout, () => timedOut('KUSTO_TIMEOUT', 'an answer', request.timeout))
    }
    const stopConnectTimer = this.#limitConnect(sent, scope)
    let isSent = false
    sent.once('finish', () => (isSent = true))
    const uploadError = sendBody(request, sent).then(
      () => undefined,
      (error: unknown) => {
        sent.destroy()
        return error
      },
    )
    try {
      // A request that waits for a free connection tells nobody when it is destroyed, hence the race.
      const message = await untilAborted(answerTo(sent), scope.signal)
      // A stream has its limits where it is read; a text is read here, within the request's.
      if (isStreamed(request, message)) scope.limit(Infinity, () => undefined)
      message.once('close', () => {
        scope.signal.removeEventListener('abort', stop)
        scope.close()
      })
      return await responseOf(request, message)
    } catch (error) {
      sent.destroy()
      scope.signal.removeEventListener('abort', stop)
      scope.close()
      if (scope.signal.aborted) throw scope.signal.reason
      // A body that could not be read breaks the request, and the connection's own error then is an echo of that.
      const cluster = new URL(request.url).origin
      throw connectionFailed((await uploadError) ?? error, { cluster }, { isUnsent: !isSent })
    } finally {
      stopConnectTimer()
    }
  }

  /** Destroys every connection, those in use too. */
  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  #open(request: PipelineRequest): http.ClientRequest {
    const url = new URL(request.url)
    const secure = url.protocol === 'https:'
    if (!secure && request.allowInsecureConnection !== true) {
      throw new KustoUsageError('KUSTO_INSECURE_URL', `expected https, found ${url.origin}`)
    }
    const agent = (request.agent as http.Agent | undefined) ?? (secure ? this.#agents.https : this.#agents.http)
    const options: https.RequestOptions = {
      method: request.method,
      headers: request.headers.toJSON({ preserveCase: true }),
      agent: request.disableKeepAlive === true ? false : agent,
      ...request.tlsSettings,
    }
    return secure ? https.request(url, options) : http.request(url, options)
  }

  #limitConnect(sent: http.ClientRequest, scope: AbortScope): () => void {
    let timer: NodeJS.Timeout | undefined
    const stop = (): void => clearTimeout(timer)
    sent.once('socket', (socket) => {
      if (!socket.connecting) return
      timer = setTimeout(
        () => scope.abort(timedOut('KUSTO_CONNECT_TIMEOUT', 'a connection', this.#connectTimeoutMs)),
        this.#connectTimeoutMs,
      )
      socket.once('encrypted' in socket ? 'secureConnect' : 'connect', stop)
    })
    return stop
  }
}

/** An answer that changes the protocol, and some that are none, end the connection without an error. */
function answerTo(sent: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('a connection that was closed'))
    sent.once('error', reject)
    sent.once('close', onClose)
    sent.once('response', (message) => {
      sent.off('close', onClose)
      resolve(message)
    })
  })
}

async function responseOf(request: PipelineRequest, message: http.IncomingMessage): Promise<PipelineResponse> {
  const status = message.statusCode ?? 0
  const headers = createHttpHeaders()
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const body = decompressed(message)
  if (isStreamed(request, message)) return { request, status, headers, readableStreamBody: body }
  try {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk as Uint8Array)
    return { request, status, headers, bodyAsText: Buffer.concat(chunks).toString('utf8') }
  } catch (error) {
    throw bodyFailed(error, {})
  }
}

function isStreamed({ streamResponseStatusCodes }: PipelineRequest, { statusCode = 0 }: http.IncomingMessage): boolean {
  if (streamResponseStatusCodes === undefined) return false
  return streamResponseStatusCodes.has(statusCode) || streamResponseStatusCodes.has(Number.POSITIVE_INFINITY)
}

async function sendBody(request: PipelineRequest, sent: http.ClientRequest): Promise<void> {
  const body: unknown = typeof request.body === 'function' ? request.body() : request.body
  if (body === undefined || body === null) sent.end()
  else if (typeof body === 'string' || body instanceof Uint8Array) sent.end(body)
  else if (body instanceof ArrayBuffer) sent.end(new Uint8Array(body))
  else if (ArrayBuffer.isView(body)) sent.end(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  else if (body instanceof Readable) await upload(body, sent)
  else throw new KustoUsageError('KUSTO_BAD_BODY', 'expected text, bytes or a readable stream as request body')
}

/** @throws what the body failed with; a failure of the connection is not thrown here, since the request has it */
async function upload(body: Readable, sent: http.ClientRequest): Promise<void> {
  let bodyError: unknown
  body.once('error', (error) => {
    if (!sent.destroyed) bodyError = error
  })
  try {
    await pipeline(body, sent)
  } catch (error) {
    sent.destroy()
    if (bodyError === error) throw error
  }
}

function timedOut(code: string, what: string, limitMs: number): KustoNetworkError {
  return new KustoNetworkError(code, `expected ${what} within ${limitMs} ms, found none`, { retryable: true })
}

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync, constants, createGunzip, createInflate, createInflateRaw } from 'node:zlib'
import type { Readable } from 'node:stream'
import { BodyWriter } from './body-writer.ts'
import { LocalError } from './local-error.ts'
import { oneApiError, type ErrorContext } from './one-api-error.ts'

/** One request and its answer. */
export class Exchange {
  readonly method: string
  /** Path without query string, single slashes. */
  readonly path: string
  /** Decoded path segments. */
  readonly segments: readonly string[]
  readonly parameters: URLSearchParams
  readonly clientRequestId: string
  readonly activityId: string = randomUUID()
  /** Aborted when the client goes away before the answer is complete. */
  readonly signal: AbortSignal
  /** Set by a fault: how much of the body to send before the connection is cut. */
  truncateAfterBytes: number | undefined
  /** Set by a fault: the connection is cut in place of the answer. */
  dropAnswer = false
  /** What error answers tell about the request; filled in as it becomes known. */
  errorContext: ErrorContext
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
    this.method = request.method ?? 'GET'
    const [path = '/', search = ''] = splitOnce(request.url ?? '/', '?')
    this.path = path.replaceAll(/\/{2,}/g, '/')
    this.segments = decodeSegments(this.path)
    this.parameters = new URLSearchParams(search)
    this.clientRequestId = this.header('x-ms-client-request-id') ?? `unspecified;${randomUUID()}`
    this.errorContext = { clientRequestId: this.clientRequestId, activityId: this.activityId }
    const controller = new AbortController()
    this.signal = controller.signal
    response.once('close', () => {
      if (!response.writableFinished) controller.abort()
    })
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  get headers(): Readonly<Record<string, string | string[] | undefined>> {
    return this.#request.headers
  }

  /** Whether status and headers are on their way: from then on failures go into the body. */
  get started(): boolean {
    return this.#response.headersSent
  }

  /** The request body as it was before compression. */
  async body(): Promise<Readable> {
    return await inflated(this.#request, this.header('content-encoding'))
  }

  /**
   * The whole body, inflated.
   *
   * @throws {LocalError} 413 when it is larger than `maxBytes`; 400 when it is not what its encoding says
   */
  async readBody(maxBytes: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let size = 0
    try {
      for await (const part of (await this.body()) as AsyncIterable<Buffer>) {
        size += part.length
        if (size > maxBytes) {
          throw new LocalError('RequestPayloadTooLarge', `the request body is larger than ${maxBytes} bytes`, {
            status: 413,
            type: 'Kusto.Data.Exceptions.KustoRequestPayloadTooLargeException',
          })
        }
        parts.push(part)
      }
    } catch (cause) {
      if (cause instanceof LocalError) throw cause
      throw new LocalError('BadRequest', 'the request body could not be read or inflated', { cause })
    }
    return Buffer.concat(parts)
  }

  /** Sends a complete answer. */
  async send(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.dropAnswer) return this.reset()
    const plain = Buffer.from(body)
    const compress = plain.length > 1024 && this.#acceptsGzip()
    const bytes = compress ? gzipSync(plain, { level: 1 }) : plain
    this.#writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(bytes.length),
      ...(compress ? { 'Content-Encoding': 'gzip' } : {}),
      ...headers,
    })
    const writer = new BodyWriter(this.#response, { truncateAfterBytes: this.truncateAfterBytes })
    await writer.write(bytes)
    await writer.end()
  }

  async sendJson(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.send(status, JSON.stringify(body), headers)
  }

  async sendError(error: LocalError, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.sendJson(error.status, oneApiError(error, this.errorContext), headers)
  }

  /** Starts a 200 answer whose body follows piece by piece. */
  startBody(): BodyWriter {
    if (this.dropAnswer) this.reset()
    const gzip = this.#acceptsGzip()
    this.#writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      ...(gzip ? { 'Content-Encoding': 'gzip' } : {}),
    })
    return new BodyWriter(this.#response, { gzip, truncateAfterBytes: this.truncateAfterBytes })
  }

  /** Reads what is left of the request body and forgets it, so that the connection can be used again. */
  discardBody(): void {
    if (!this.#request.readableEnded) this.#request.resume()
  }

  /** Cuts the connection. */
  reset(): void {
    this.#request.socket.resetAndDestroy()
  }

  #acceptsGzip(): boolean {
    return /\bgzip\b/.test(this.header('accept-encoding') ?? '')
  }

  #writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, {
      'x-ms-client-request-id': this.clientRequestId.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '?'),
      'x-ms-activity-id': this.activityId,
      ...headers,
    })
  }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const index = text.indexOf(separator)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

function decodeSegments(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '')
  try {
    return parts.map((part) => decodeURIComponent(part))
  } catch {
    // A path that is not percent-encoded text names nothing; the literal segments lead to a 404.
    return parts
  }
}

async function inflated(request: IncomingMessage, encoding: string | undefined): Promise<Readable> {
  switch (encoding?.toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return request
    case 'gzip':
      return pipeInto(request, createGunzip())
    case 'deflate':
      return await inflateEither(request)
    default:
      throw new LocalError('BadRequest', `content encoding '${encoding}' is not supported`)
  }
}

function pipeInto(request: Readable, stream: ReturnType<typeof createGunzip>): Readable {
  request.on('error', (error) => stream.destroy(error))
  return request.pipe(stream)
}

/** `deflate` is sent with and without the zlib wrapper, told apart by the first byte. */
async function inflateEither(request: IncomingMessage): Promise<Readable> {
  if (request.readableLength === 0) await once(request, 'readable')
  const first: unknown = request.read(1)
  const wrapped = Buffer.isBuffer(first) ? ((first[0] ?? 0) & 0x0f) === 8 : true
  if (Buffer.isBuffer(first)) request.unshift(first)
  const flush = { finishFlush: constants.Z_FINISH }
  return pipeInto(request, wrapped ? createInflate(flush) : createInflateRaw(flush))
}

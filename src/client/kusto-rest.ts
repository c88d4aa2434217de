import type { Readable } from 'node:stream'
import {
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
  type Pipeline,
  type PipelinePolicy,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline'
import { KustoServiceError, type KustoErrorContext } from '../errors.ts'
import { isRetryable, retry, type RetryNotice, type RetryPolicy } from '../base/retry.ts'
import type { Sleep } from '../base/sleep.ts'
import { engineUrl, ingestionUrl, parseClusterUrl } from '../protocol/cluster-url.ts'
import { parseOneApiError } from '../protocol/one-api-error.ts'
import type { TokenSource } from '../auth/token-source.ts'
import { log } from './log.ts'
import { mayHaveArrived, withContext } from './network-error.ts'
import { requestHeaders, type Caller } from './request-headers.ts'
import { requestPipeline } from './request-pipeline.ts'
import { ResponseBody } from './response-body.ts'

/** Which of a cluster's two addresses. */
export type Endpoint = 'engine' | 'ingestion'

export interface KustoRestOptions {
  /** Engine or ingestion address; the other one is derived from it. */
  readonly cluster: string
  /** The ingestion address, where it does not follow from the engine's. */
  readonly ingestionCluster?: string
  readonly tokens: TokenSource
  /** The client is not closed with this object, since others may share it. */
  readonly httpClient: HttpClient
  readonly caller?: Caller
  /** What to ask for in answers. Default gzip; identity is faster on fast networks. */
  readonly compression?: 'gzip' | 'identity'
  /** More policies for the request pipeline, for example a proxy with a login. */
  readonly policies?: readonly PipelinePolicy[]
  /** Default `REQUEST_RETRY`. */
  readonly retry?: RetryPolicy
  /** How long a body may stand still while somebody waits for it. Default 60 000. */
  readonly idleTimeoutMs?: number
  readonly sleep?: Sleep
  readonly random?: () => number
}

/** For requests that may be repeated, and for those that were throttled before they began. */
export const REQUEST_RETRY: RetryPolicy = Object.freeze({
  maxAttempts: 4,
  firstDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 30_000,
})

/** An answer whose status was 200. That alone is not success: the body says how it ended. */
export interface KustoResponse {
  /** Decompressed bytes, to be read once. Leaving the loop early closes the connection and cancels the query. */
  readonly body: AsyncIterable<Uint8Array>
  readonly clientRequestId: string
  readonly activityId: string | undefined
  /** Gives up what was not read of the body. */
  close(): Promise<void>
}

/** One request, in the terms of HTTP. */
export interface RestRequest {
  readonly method: 'GET' | 'POST'
  readonly endpoint: Endpoint
  /** With its query string, encoded. */
  readonly path: string
  readonly body?: string | Uint8Array
  readonly contentType?: string
  readonly contentEncoding?: 'gzip'
  readonly context: KustoErrorContext
  /** How long the service may take to answer. */
  readonly serverTimeoutMs: number
  readonly clientRequestId: string
  readonly repeatable: boolean
  /** When this request is tried again, in place of the client's own policy. */
  readonly retry?: RetryPolicy
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
  /** Called when an attempt that had been sent was given up. */
  readonly onAbandoned?: (clientRequestId: string) => void
}

/** What the client waits longer than the service works. */
const TIMEOUT_PADDING_MS = 30_000
const MAX_ERROR_BYTES = 1024 * 1024

/** HTTP to one cluster: headers, trust checks, retries, time limits and typed errors, for every kind of request. */
export class KustoRest {
  readonly #options: KustoRestOptions
  readonly #origins: Readonly<Record<Endpoint, string>>
  readonly #pipeline: Pipeline

  constructor(options: KustoRestOptions) {
    this.#options = options
    const { origin } = parseClusterUrl(options.cluster)
    const ingestion = options.ingestionCluster
    this.#origins = {
      engine: engineUrl(origin),
      ingestion: ingestion === undefined ? ingestionUrl(origin) : parseClusterUrl(ingestion).origin,
    }
    this.#pipeline = requestPipeline(origin, options.policies)
  }

  /** Scheme, host and port of an address. */
  origin(endpoint: Endpoint): string {
    return this.#origins[endpoint]
  }

  /** Sends a request; retried until the first byte of a good answer has come. */
  async send(request: RestRequest): Promise<KustoResponse> {
    const { sleep, random } = this.#options
    const deadlineMs = request.serverTimeoutMs + TIMEOUT_PADDING_MS
    return retry((attempt) => this.#attempt(request, attempt), {
      policy: request.retry ?? this.#options.retry ?? REQUEST_RETRY,
      deadlineMs,
      isRetryable: (error) => mayRepeat(error, request.repeatable),
      onRetry: (notice) => {
        log.warning(
          `${request.clientRequestId} attempt ${notice.attempt} failed, next in ${Math.round(notice.delayMs)} ms`,
        )
        request.onRetry?.(notice)
      },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(sleep === undefined ? {} : { sleep }),
      ...(random === undefined ? {} : { random }),
    })
  }

  async #attempt(request: RestRequest, attempt: number): Promise<KustoResponse> {
    const { signal } = request
    const origin = this.#origins[request.endpoint]
    const clientRequestId = attempt === 1 ? request.clientRequestId : `${request.clientRequestId};${attempt}`
    const context: KustoErrorContext = { cluster: origin, ...request.context, clientRequestId }
    const token = await this.#options.tokens.token(origin, signal)
    signal?.throwIfAborted()
    const timeoutMs = request.serverTimeoutMs + TIMEOUT_PADDING_MS
    const deadlineMs = performance.now() + timeoutMs
    log.info(`${request.method} ${origin}${request.path} ${clientRequestId}`)
    let answer: PipelineResponse
    try {
      answer = await this.#pipeline.sendRequest(
        this.#options.httpClient,
        this.#pipelineRequest(request, { origin, clientRequestId, token, timeoutMs }),
      )
    } catch (error) {
      if (mayHaveArrived(error)) request.onAbandoned?.(clientRequestId)
      throw withContext(error, context)
    }
    const body = new ResponseBody(answer.readableStreamBody as Readable, {
      signal,
      context,
      deadlineMs,
      idleTimeoutMs: this.#options.idleTimeoutMs ?? 60_000,
      onEnd: (outcome) => {
        if (outcome === 'incomplete' && answer.status === 200) request.onAbandoned?.(clientRequestId)
      },
    })
    log.info(`${clientRequestId} status ${answer.status}`)
    if (answer.status !== 200) throw await this.#failure(answer, body, context)
    await body.prefetch()
    return {
      body,
      clientRequestId,
      activityId: answer.headers.get('x-ms-activity-id'),
      close: async () => void (await body.return()),
    }
  }

  #pipelineRequest(
    request: RestRequest,
    facts: { origin: string; clientRequestId: string; token: string | undefined; timeoutMs: number },
  ): PipelineRequest {
    const { compression = 'gzip', caller = {} } = this.#options
    const headers = createHttpHeaders(requestHeaders({ ...facts, compression, caller }))
    if (request.contentType !== undefined) headers.set('Content-Type', request.contentType)
    if (request.contentEncoding !== undefined) headers.set('Content-Encoding', request.contentEncoding)
    return createPipelineRequest({
      url: `${facts.origin}${request.path}`,
      method: request.method,
      headers,
      timeout: facts.timeoutMs,
      // Which origins may be asked over http was decided by the token source; without a token http is the caller's choice.
      allowInsecureConnection: facts.origin.startsWith('http:'),
      streamResponseStatusCodes: new Set([Number.POSITIVE_INFINITY]),
      requestId: facts.clientRequestId,
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.signal === undefined ? {} : { abortSignal: request.signal }),
    })
  }

  async #failure(answer: PipelineResponse, body: ResponseBody, context: KustoErrorContext): Promise<Error> {
    if (answer.status === 401) this.#options.tokens.forget()
    return parseOneApiError({
      status: answer.status,
      body: await readErrorText(body),
      header: (name) => answer.headers.get(name),
      context,
      nowMs: Date.now(),
    })
  }
}

function mayRepeat(error: unknown, repeatable: boolean): boolean {
  if (error instanceof KustoServiceError && error.status === 429) return error.retryable
  return repeatable && isRetryable(error)
}

/** The error's text as far as it is worth reading; a body that breaks off still names the status. */
async function readErrorText(body: ResponseBody): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      bytes += chunk.byteLength
      if (bytes > MAX_ERROR_BYTES) break
    }
  } catch (error) {
    log.verbose(`the body of an error broke off: ${error instanceof Error ? error.message : 'unknown'}`)
  }
  return Buffer.concat(chunks).toString('utf8')
}

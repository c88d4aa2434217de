import { createHttpHeaders, createPipelineRequest, type PipelinePolicy } from '@azure/core-rest-pipeline'
import type { RetryPolicy } from '../base/retry.ts'
import type { Sleep } from '../base/sleep.ts'
import type { FetchAnonymous } from '../auth/cloud-metadata.ts'
import type { Auth } from '../auth/credential.ts'
import { TokenSource } from '../auth/token-source.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import { KustoHttp } from './kusto-http.ts'
import { KustoRest } from './kusto-rest.ts'
import { NodeHttpClient } from './node-http-client.ts'
import type { Caller } from './request-headers.ts'
import { requestPipeline } from './request-pipeline.ts'

export interface KustoClientOptions {
  /** Engine or ingestion address. */
  readonly cluster: string
  readonly ingestionCluster?: string
  readonly auth: Auth
  readonly trust?: TrustOptions
  readonly caller?: Caller
  readonly compression?: 'gzip' | 'identity'
  readonly policies?: readonly PipelinePolicy[]
  readonly retry?: RetryPolicy
  readonly connectTimeoutMs?: number
  readonly idleTimeoutMs?: number
  readonly sleep?: Sleep
  readonly random?: () => number
}

/** All there is to talk to one cluster, with its connections. */
export interface KustoClient {
  readonly http: KustoHttp
  readonly rest: KustoRest
  readonly tokens: TokenSource
  /** Lets cancellations on their way finish, then closes every connection. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const METADATA_TIMEOUT_MS = 10_000

/** Makes the parts of a client and wires them; nothing is sent yet. */
export function openClient(options: KustoClientOptions): KustoClient {
  const { connectTimeoutMs, auth, trust, ...rest } = options
  const httpClient = new NodeHttpClient(connectTimeoutMs === undefined ? {} : { connectTimeoutMs })
  const tokens = new TokenSource({
    auth,
    fetch: fetchAnonymous(httpClient, rest.policies),
    ...(trust === undefined ? {} : { trust }),
    ...(options.sleep === undefined ? {} : { sleep: options.sleep }),
  })
  const kustoRest = new KustoRest({ ...rest, tokens, httpClient })
  const http = new KustoHttp(kustoRest)
  const close = async (): Promise<void> => {
    await http.close()
    httpClient.close()
  }
  return { http, rest: kustoRest, tokens, close, [Symbol.asyncDispose]: close }
}

function fetchAnonymous(httpClient: NodeHttpClient, policies: readonly PipelinePolicy[] = []): FetchAnonymous {
  return async (url) => {
    const answer = await requestPipeline(url, policies).sendRequest(
      httpClient,
      createPipelineRequest({
        url,
        headers: createHttpHeaders({
          Accept: 'application/json',
          'Accept-Encoding': 'gzip',
          'Cache-Control': 'no-cache',
        }),
        timeout: METADATA_TIMEOUT_MS,
        allowInsecureConnection: url.startsWith('http:'),
      }),
    )
    return { status: answer.status, body: answer.bodyAsText ?? '' }
  }
}

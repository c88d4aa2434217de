import { KustoAuthError } from '../errors.ts'
import { untilAborted } from '../base/abort.ts'
import { retry, type RetryPolicy } from '../base/retry.ts'
import type { Sleep } from '../base/sleep.ts'

/** What a cluster says about the cloud it lives in. */
export interface CloudMetadata {
  /** For example `https://login.microsoftonline.com`. */
  readonly loginEndpoint: string
  readonly mfaRequired: boolean
  readonly clientAppId: string
  readonly redirectUri: string
  readonly resource: string
}

/** Taken when the cluster does not know the question (404), or answers without an `AzureAD` part. */
export const PUBLIC_CLOUD: CloudMetadata = Object.freeze({
  loginEndpoint: 'https://login.microsoftonline.com',
  mfaRequired: false,
  clientAppId: 'db662dc1-0cfe-4e1c-a843-19a68e65be58',
  redirectUri: 'https://microsoft/kustoclient',
  resource: 'https://kusto.kusto.windows.net',
})

/** An anonymous GET that follows no redirect, with a time limit of its own. */
export type FetchAnonymous = (url: string) => Promise<{ readonly status: number; readonly body: string }>

const TTL_MS = 24 * 3_600_000
const RETRY: RetryPolicy = { maxAttempts: 3, firstDelayMs: 500, factor: 2, maxDelayMs: 4_000 }

export interface CloudMetadataOptions {
  readonly fetch: FetchAnonymous
  /** Milliseconds, monotonic. */
  readonly now?: () => number
  readonly sleep?: Sleep
}

/** Cloud metadata by cluster origin: fetched once for callers that ask together, kept for a day, failures not kept. */
export class CloudMetadataCache {
  readonly #options: CloudMetadataOptions
  readonly #entries = new Map<string, { readonly metadata: Promise<CloudMetadata>; readonly expiresMs: number }>()

  constructor(options: CloudMetadataOptions) {
    this.#options = options
  }

  async get(origin: string, signal?: AbortSignal): Promise<CloudMetadata> {
    const nowMs = (this.#options.now ?? (() => performance.now()))()
    let entry = this.#entries.get(origin)
    if (entry === undefined || entry.expiresMs <= nowMs) {
      entry = { metadata: this.#fetch(origin), expiresMs: nowMs + TTL_MS }
      this.#entries.set(origin, entry)
      const made = entry
      made.metadata.catch(() => {
        if (this.#entries.get(origin) === made) this.#entries.delete(origin)
      })
    }
    return untilAborted(entry.metadata, signal)
  }

  async #fetch(origin: string): Promise<CloudMetadata> {
    const { sleep } = this.#options
    return retry(
      async () => {
        const { status, body } = await this.#options.fetch(`${origin}/v1/rest/auth/metadata`)
        return parseCloudMetadata(status, body)
      },
      { policy: RETRY, ...(sleep === undefined ? {} : { sleep }) },
    )
  }
}

/** @throws {KustoAuthError} KUSTO_NO_CLOUD_METADATA for any status but 200 and 404, and for a body that is not JSON */
export function parseCloudMetadata(status: number, body: string): CloudMetadata {
  if (status === 404) return PUBLIC_CLOUD
  if (status !== 200) {
    throw new KustoAuthError(
      'KUSTO_NO_CLOUD_METADATA',
      `expected status 200 or 404 for cloud metadata, found ${status}`,
      {
        retryable: status === 429 || status >= 500,
      },
    )
  }
  const azureAd = part(parseBody(body), 'AzureAD')
  if (typeof azureAd !== 'object' || azureAd === null) return PUBLIC_CLOUD
  const text = (name: string, absent: string): string => {
    const value = part(azureAd, name)
    return typeof value === 'string' && value !== '' ? value : absent
  }
  return {
    loginEndpoint: text('LoginEndpoint', PUBLIC_CLOUD.loginEndpoint).replace(/\/+$/, ''),
    mfaRequired: part(azureAd, 'LoginMfaRequired') === true,
    clientAppId: text('KustoClientAppId', PUBLIC_CLOUD.clientAppId),
    redirectUri: text('KustoClientRedirectUri', PUBLIC_CLOUD.redirectUri),
    resource: text('KustoServiceResourceId', PUBLIC_CLOUD.resource),
  }
}

/** The scope to ask a token for. */
export function tokenScope(metadata: CloudMetadata): string {
  const resource = metadata.mfaRequired ? metadata.resource.replace('.kusto.', '.kustomfa.') : metadata.resource
  return `${resource.replace(/\/+$/, '')}/.default`
}

function parseBody(body: string): unknown {
  if (body.trim() === '') return undefined
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new KustoAuthError('KUSTO_NO_CLOUD_METADATA', 'expected cloud metadata in JSON, found something else', {
      cause,
    })
  }
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

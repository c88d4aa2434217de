import type { AccessToken, TokenCredential } from '@azure/core-auth'
import { KustoAuthError, KustoError } from '../errors.ts'
import { AbortScope, untilAborted } from '../base/abort.ts'
import { isLoopback } from '../protocol/cluster-url.ts'
import { redact } from '../protocol/redact.ts'
import { checkTrusted, checkTrustedByLogin, type TrustOptions } from '../protocol/trusted-hosts.ts'
import { CloudMetadataCache, tokenScope, type CloudMetadata, type CloudMetadataOptions } from './cloud-metadata.ts'
import { identityCredential, type Auth, type IdentityAuth } from './credential.ts'

export interface TokenSourceOptions extends CloudMetadataOptions {
  readonly auth: Auth
  readonly trust?: TrustOptions
  /** Milliseconds since 1970; tokens end by the calendar. */
  readonly clock?: () => number
}

/** A token this close to its end is replaced. */
const REFRESH_BEFORE_MS = 5 * 60_000
/** A token this close to its end is not sent, even if it cannot be replaced. */
const USELESS_BEFORE_MS = 30_000
const GET_TOKEN_TIMEOUT_MS = 120_000

/**
 * Bearer tokens for cluster addresses. Each address is checked against the trusted hosts before anything else happens,
 * and without a way to sign in, http and loopback addresses are asked anonymously.
 */
export class TokenSource {
  readonly #auth: Auth
  readonly #trust: TrustOptions
  readonly #clock: () => number
  readonly #metadata: CloudMetadataCache
  readonly #tokens = new Map<string, AccessToken>()
  readonly #flights = new Map<string, Promise<AccessToken>>()
  readonly #credentials = new Map<string, Promise<TokenCredential>>()

  constructor(options: TokenSourceOptions) {
    this.#auth = options.auth
    this.#trust = options.trust ?? {}
    this.#clock = options.clock ?? Date.now
    this.#metadata = new CloudMetadataCache(options)
  }

  /**
   * The token to send to this origin; undefined to send none.
   * @throws {KustoAuthError} when the origin is not trusted, or no token can be had (KUSTO_NO_TOKEN)
   */
  async token(origin: string, signal?: AbortSignal): Promise<string | undefined> {
    signal?.throwIfAborted()
    const auth = this.#auth
    if (auth.kind === 'anonymous') return undefined
    const { protocol, hostname } = new URL(origin)
    if (auth.kind === 'default' && (protocol !== 'https:' || isLoopback(hostname))) return undefined
    checkTrusted(origin, this.#trust)
    if (auth.kind === 'token') return auth.token
    if (auth.kind === 'callback') return given(() => auth.getToken(signal), signal)
    const cloud = await this.#metadata.get(origin, signal)
    checkTrustedByLogin(origin, cloud.loginEndpoint, this.#trust)
    return (await this.#cached(auth, cloud, signal)).token
  }

  /**
   * The Azure credential behind the tokens, for other services of Azure. Nothing is asked for before its first use.
   * Its `getToken` fails with KUSTO_NO_AZURE_CREDENTIAL where the caller gave tokens for Kusto alone.
   */
  azureCredential(origin: string): TokenCredential {
    return {
      getToken: async (scopes, options) => {
        const auth = this.#auth
        if (auth.kind === 'credential') return auth.credential.getToken(scopes, options)
        if (auth.kind === 'anonymous' || auth.kind === 'token' || auth.kind === 'callback') {
          throw new KustoAuthError(
            'KUSTO_NO_AZURE_CREDENTIAL',
            `expected a TokenCredential or a way to sign in for ${[scopes].flat().join(', ')}, found auth of kind ${auth.kind}`,
          )
        }
        checkTrusted(origin, this.#trust)
        const cloud = await this.#metadata.get(origin)
        checkTrustedByLogin(origin, cloud.loginEndpoint, this.#trust)
        return (await this.#credential(auth, cloud)).getToken(scopes, options)
      },
    }
  }

  /** Drops cached tokens, so that the next request gets a new one; for a token the service refused. */
  forget(): void {
    this.#tokens.clear()
  }

  async #cached(
    auth: IdentityAuth | Extract<Auth, { readonly kind: 'credential' }>,
    cloud: CloudMetadata,
    signal: AbortSignal | undefined,
  ): Promise<AccessToken> {
    const scope = tokenScope(cloud)
    const key = `${cloud.loginEndpoint} ${scope}`
    const known = this.#tokens.get(key)
    const nowMs = this.#clock()
    if (known !== undefined && nowMs < (known.refreshAfterTimestamp ?? known.expiresOnTimestamp - REFRESH_BEFORE_MS)) {
      return known
    }
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      flight = this.#fetch(auth, cloud, scope).then((token) => {
        this.#tokens.set(key, token)
        return token
      })
      this.#flights.set(key, flight)
      const forget = (): boolean => this.#flights.delete(key)
      flight.then(forget, forget)
    }
    try {
      return await untilAborted(flight, signal)
    } catch (error) {
      signal?.throwIfAborted()
      // The refresh comes early so that one failure of it costs nothing.
      if (known !== undefined && this.#clock() < known.expiresOnTimestamp - USELESS_BEFORE_MS) return known
      throw error
    }
  }

  /** Runs under its own time limit: callers that gave up must not end it for those who still wait. */
  async #fetch(
    auth: IdentityAuth | Extract<Auth, { readonly kind: 'credential' }>,
    cloud: CloudMetadata,
    scope: string,
  ): Promise<AccessToken> {
    using limit = new AbortScope()
    limit.limit(GET_TOKEN_TIMEOUT_MS, () => noToken(`none within ${GET_TOKEN_TIMEOUT_MS} ms`))
    try {
      const credential = auth.kind === 'credential' ? auth.credential : await this.#credential(auth, cloud)
      const token = await untilAborted(credential.getToken(scope, { abortSignal: limit.signal }), limit.signal)
      if (token === null || token.token === '') throw noToken('none')
      return token
    } catch (error) {
      throw asAuthError(error)
    }
  }

  #credential(auth: IdentityAuth, cloud: CloudMetadata): Promise<TokenCredential> {
    const known = this.#credentials.get(cloud.loginEndpoint)
    if (known !== undefined) return known
    const made = identityCredential(auth, cloud)
    this.#credentials.set(cloud.loginEndpoint, made)
    made.catch(() => this.#credentials.delete(cloud.loginEndpoint))
    return made
  }
}

async function given(getToken: () => string | Promise<string>, signal: AbortSignal | undefined): Promise<string> {
  try {
    const token = await untilAborted(Promise.resolve(getToken()), signal)
    if (typeof token === 'string' && token !== '') return token
  } catch (error) {
    signal?.throwIfAborted()
    throw asAuthError(error)
  }
  throw noToken('none')
}

function noToken(found: string): KustoAuthError {
  return new KustoAuthError('KUSTO_NO_TOKEN', `expected a token, found ${found}`)
}

function asAuthError(error: unknown): KustoError {
  if (error instanceof KustoError) return error
  const message = error instanceof Error ? redact(error.message) : 'an unknown failure'
  return new KustoAuthError('KUSTO_NO_TOKEN', `expected a token, found a failure: ${message}`, { cause: error })
}

import type { AccessToken, TokenCredential } from '@azure/core-auth'
import { KustoAuthError, KustoError } from '../errors.ts'
import { AbortScope, untilAborted } from '../base/abort.ts'
import type { Renewed } from '../base/renewed.ts'
import { isLoopback } from '../protocol/cluster-url.ts'
import { redact } from '../protocol/redact.ts'
import { checkTrusted, checkTrustedByLogin, type TrustOptions } from '../protocol/trusted-hosts.ts'
import { CloudMetadataCache, tokenScope, type CloudMetadata, type CloudMetadataOptions } from './cloud-metadata.ts'
import { identityCredential, type Auth, type IdentityAuth } from './credential.ts'
import { GET_TOKEN_TIMEOUT_MS, renewedToken } from './renewed-token.ts'

export interface TokenSourceOptions extends CloudMetadataOptions {
  readonly auth: Auth
  readonly trust?: TrustOptions
  /** Milliseconds since 1970; tokens end by the calendar. */
  readonly clock?: () => number
}

/**
 * Bearer tokens for cluster addresses. Each address is checked against the trusted hosts before anything else happens,
 * and without a way to sign in, http and loopback addresses are asked anonymously.
 */
export class TokenSource {
  readonly #auth: Auth
  readonly #trust: TrustOptions
  readonly #clock: () => number
  readonly #metadata: CloudMetadataCache
  readonly #tokens = new Map<string, Renewed<AccessToken>>()
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
    if (auth.kind === 'token') return checkedToken(auth.token)
    if (auth.kind === 'callback') return checkedToken(await given(auth.getToken, signal))
    const cloud = await this.#metadata.get(origin, signal)
    checkTrustedByLogin(origin, cloud.loginEndpoint, this.#trust)
    try {
      return checkedToken((await this.#renewed(auth, cloud).get(signal)).token)
    } catch (error) {
      signal?.throwIfAborted()
      throw asAuthError(error)
    }
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

  #renewed(
    auth: IdentityAuth | Extract<Auth, { readonly kind: 'credential' }>,
    cloud: CloudMetadata,
  ): Renewed<AccessToken> {
    const scope = tokenScope(cloud)
    const key = `${cloud.loginEndpoint} ${scope}`
    const known = this.#tokens.get(key)
    if (known !== undefined) return known
    const made = renewedToken(async (abortSignal) => {
      const credential = auth.kind === 'credential' ? auth.credential : await this.#credential(auth, cloud)
      const token = await credential.getToken(scope, { abortSignal })
      if (token === null || token.token === '') throw noToken('none')
      return token
    }, this.#clock)
    this.#tokens.set(key, made)
    return made
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

type GetToken = Extract<Auth, { readonly kind: 'callback' }>['getToken']

async function given(getToken: GetToken, signal: AbortSignal | undefined): Promise<unknown> {
  using limit = new AbortScope(signal)
  limit.limit(GET_TOKEN_TIMEOUT_MS, () => noToken(`none within ${GET_TOKEN_TIMEOUT_MS} ms`))
  try {
    return await untilAborted(Promise.resolve(getToken(limit.signal)), limit.signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw asAuthError(error)
  }
}

/** What a header can carry; blanks around a token, as in a file that holds one, are no part of it. */
function checkedToken(given: unknown): string {
  const token = typeof given === 'string' ? given.trim() : ''
  if (token === '') throw noToken('none')
  if (!/^[\u0020-\u007e]+$/.test(token)) throw noToken('characters that no header can carry')
  return token
}

function noToken(found: string): KustoAuthError {
  return new KustoAuthError('KUSTO_NO_TOKEN', `expected a token, found ${found}`)
}

function asAuthError(error: unknown): KustoError {
  if (error instanceof KustoError) return error
  const message = error instanceof Error ? redact(error.message) : 'an unknown failure'
  return new KustoAuthError('KUSTO_NO_TOKEN', `expected a token, found a failure: ${message}`, { cause: error })
}

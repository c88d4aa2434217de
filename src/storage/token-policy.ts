import type { AccessToken, TokenCredential } from '@azure/core-auth'
import type { RequestPolicyFactory } from '@azure/storage-blob'
import { KustoAuthError, KustoError } from '../errors.ts'

const SCOPE = 'https://storage.azure.com/.default'
/** A token this close to its end is replaced. */
const REFRESH_BEFORE_MS = 5 * 60_000

/**
 * Signs requests with a token of Azure Storage. Ours and not the SDK's, which refuses http to this machine as well, so
 * that what the tests run is what a cluster gets. Whether a host may see a token is decided where the location is made.
 */
export function tokenPolicy(credential: TokenCredential): RequestPolicyFactory {
  return {
    create: (next) => ({
      async sendRequest(request) {
        const { abortSignal } = request
        const token = await storageToken(credential, abortSignal === undefined ? {} : { abortSignal })
        request.headers.set('authorization', `Bearer ${token.token}`)
        return next.sendRequest(request)
      },
    }),
  }
}

/** The same credential with its last token remembered: a read asks once a request. */
export function rememberToken(credential: TokenCredential, now: () => number = Date.now): TokenCredential {
  let known: AccessToken | undefined
  return {
    async getToken(scopes, options) {
      if (known === undefined || now() > known.expiresOnTimestamp - REFRESH_BEFORE_MS) {
        known = (await credential.getToken(scopes, options)) ?? undefined
      }
      return known ?? null
    },
  }
}

async function storageToken(
  credential: TokenCredential,
  options: Parameters<TokenCredential['getToken']>[1],
): Promise<AccessToken> {
  let cause: unknown
  try {
    const token = await credential.getToken(SCOPE, options)
    if (token !== null && token.token !== '') return token
  } catch (error) {
    if (error instanceof KustoError || options?.abortSignal?.aborted === true) throw error
    cause = error
  }
  throw new KustoAuthError('KUSTO_NO_TOKEN', 'expected a token for Azure Storage, found none', { cause })
}

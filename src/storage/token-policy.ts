import type { AccessToken, TokenCredential } from '@azure/core-auth'
import type { RequestPolicyFactory } from '@azure/storage-blob'
import { renewedToken } from '../auth/renewed-token.ts'
import { untilAborted } from '../base/abort.ts'
import { KustoAuthError, KustoError } from '../errors.ts'

const SCOPE = 'https://storage.azure.com/.default'

/**
 * Signs requests with a token of Azure Storage. Ours and not the SDK's, which refuses http to this machine as well, so
 * that what the tests run is what a cluster gets. Whether a host may see a token is decided where the location is made.
 */
export function tokenPolicy(credential: TokenCredential): RequestPolicyFactory {
  return {
    create: (next) => ({
      async sendRequest(request) {
        const token = await storageToken(credential, request.abortSignal as AbortSignal | undefined)
        request.headers.set('authorization', `Bearer ${token.token}`)
        return next.sendRequest(request)
      },
    }),
  }
}

/** The same credential with its last token for storage remembered: a read asks once a request, and many at a time. */
export function rememberToken(credential: TokenCredential, now: () => number = Date.now): TokenCredential {
  const token = renewedToken((abortSignal) => credential.getToken(SCOPE, { abortSignal }), now)
  return { getToken: (_scopes, options) => token.get(options?.abortSignal as AbortSignal | undefined) }
}

async function storageToken(credential: TokenCredential, abortSignal: AbortSignal | undefined): Promise<AccessToken> {
  let cause: unknown
  try {
    const asked = credential.getToken(SCOPE, abortSignal === undefined ? {} : { abortSignal })
    // Not every credential listens to the signal.
    const token = await untilAborted(asked, abortSignal)
    if (token !== null && token.token !== '') return token
  } catch (error) {
    if (error instanceof KustoError || abortSignal?.aborted === true) throw error
    cause = error
  }
  throw new KustoAuthError('KUSTO_NO_TOKEN', 'expected a token for Azure Storage, found none', { cause })
}

import type { TokenCredential } from '@azure/core-auth'
import { KustoAuthError } from '../errors.ts'
import type { ConnectionStringAuth } from '../protocol/connection-string.ts'
import type { CloudMetadata } from './cloud-metadata.ts'

/** How to sign in. What a connection string can say, and what only a program can give. */
export type Auth =
  | ConnectionStringAuth
  | { readonly kind: 'credential'; readonly credential: TokenCredential }
  | { readonly kind: 'callback'; readonly getToken: (signal: AbortSignal | undefined) => string | Promise<string> }

/** The kinds that end in a credential of `@azure/identity`. */
export type IdentityAuth = Exclude<Auth, { readonly kind: 'anonymous' | 'token' | 'callback' | 'credential' }>

/** Makes the credential, loading `@azure/identity` only now. */
export async function identityCredential(auth: IdentityAuth, cloud: CloudMetadata): Promise<TokenCredential> {
  const identity = await loadIdentity()
  const options = { authorityHost: cloud.loginEndpoint }
  switch (auth.kind) {
    case 'default':
      return new identity.DefaultAzureCredential(options)
    case 'app-key':
      return new identity.ClientSecretCredential(auth.tenant ?? 'organizations', auth.clientId, auth.key, options)
    case 'app-certificate':
      return new identity.ClientCertificateCredential(
        auth.tenant ?? 'organizations',
        auth.clientId,
        { certificate: auth.pem },
        { ...options, sendCertificateChain: auth.sendX5c },
      )
    case 'user-password':
      // Deprecated by its makers, who keep it for accounts without a second factor; connection strings still name it.
      return new identity.UsernamePasswordCredential(
        auth.tenant ?? 'organizations',
        cloud.clientAppId,
        auth.user,
        auth.password,
        options,
      )
    case 'user-prompt':
      return new identity.InteractiveBrowserCredential({
        ...options,
        clientId: cloud.clientAppId,
        loginHint: auth.loginHint,
        ...(auth.tenant === undefined ? {} : { tenantId: auth.tenant }),
      })
  }
}

async function loadIdentity(): Promise<typeof import('@azure/identity')> {
  try {
    return await import('@azure/identity')
  } catch (cause) {
    throw new KustoAuthError('KUSTO_NO_IDENTITY_PACKAGE', 'expected the package @azure/identity, found none', { cause })
  }
}

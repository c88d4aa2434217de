import type { TokenCredential } from '@azure/core-auth'
import { KustoUsageError } from '../errors.ts'
import type { Auth } from './credential.ts'

/** How a caller may say who they are: an Azure credential, a token, or a function that gives tokens. */
export type Credential = TokenCredential | string | ((signal: AbortSignal | undefined) => string | Promise<string>)

/**
 * What a credential option means; `fallback` when there is none.
 * @throws {KustoUsageError} KUSTO_BAD_CREDENTIAL when it is none of the three kinds
 */
export function authFrom(credential: Credential | null | undefined, fallback: Auth): Auth {
  if (credential === undefined) return fallback
  if (typeof credential === 'function') return { kind: 'callback', getToken: credential }
  if (typeof credential === 'object' && typeof credential?.getToken === 'function')
    return { kind: 'credential', credential }
  if (typeof credential === 'string' && credential !== '') return { kind: 'token', token: credential }
  throw new KustoUsageError(
    'KUSTO_BAD_CREDENTIAL',
    `expected a TokenCredential, a token or a function that gives one, found ${credential === null ? 'null' : typeof credential}`,
  )
}

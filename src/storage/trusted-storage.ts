import { KustoAuthError } from '../errors.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import { isThisMachine } from './storage-url.ts'

/** The clouds' storage endpoints, and OneLake's. */
const TRUSTED: readonly RegExp[] = [
  /\.(blob|dfs)\.core\.(windows\.net|usgovcloudapi\.net|chinacloudapi\.cn|eaglex\.ic\.gov|microsoft\.scloud)$/,
  /\.(blob|dfs)\.core\.sovcloud-api\.(fr|de|sg)$/,
  /\.(blob|dfs)\.storage\.azure\.net$/,
  /\.fabric\.microsoft\.com$/,
  /\.pbidedicated\.windows\.net$/,
]

/**
 * Passes when a storage token may be sent to the URL.
 * @throws {KustoAuthError} KUSTO_UNTRUSTED_HOST; KUSTO_INSECURE_URL for http; KUSTO_TOKEN_TO_LOOPBACK without the option
 */
export function checkTrustedStorage(url: string, options: TrustOptions): void {
  const { protocol, hostname } = new URL(url)
  if (isThisMachine(hostname)) {
    if (options.allowTokenToLoopback === true) return
    throw new KustoAuthError(
      'KUSTO_TOKEN_TO_LOOPBACK',
      `expected the option allowTokenToLoopback before sending a storage token to ${hostname}, found it unset`,
    )
  }
  if (protocol !== 'https:') {
    throw new KustoAuthError('KUSTO_INSECURE_URL', `expected https for a token to ${hostname}, found ${protocol}//`)
  }
  const own = (options.trustedHosts ?? []).map((host) => host.toLowerCase())
  const listed = own.some((host) => (host.startsWith('.') ? hostname.endsWith(host) : hostname === host))
  if (!listed && !TRUSTED.some((pattern) => pattern.test(hostname))) {
    throw new KustoAuthError(
      'KUSTO_UNTRUSTED_HOST',
      `expected a storage host of Azure or one listed in trustedHosts before sending a token, found ${hostname}`,
    )
  }
}

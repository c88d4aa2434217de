import { KustoAuthError } from '../errors.ts'
import { isLoopback } from './cluster-url.ts'

interface TrustedHosts {
  readonly suffixes: readonly string[]
  readonly hosts: readonly string[]
}

/** Hosts that may see a token, by the login endpoint of their cloud. @see https://github.com/Azure/azure-kusto-node */
const HOSTS_BY_LOGIN: ReadonlyMap<string, TrustedHosts> = new Map([
  [
    'https://login.microsoftonline.com',
    {
      suffixes: [
        '.kusto.windows.net',
        '.kustomfa.windows.net',
        '.kustodev.windows.net',
        '.kusto.data.microsoft.com',
        '.kusto.fabric.microsoft.com',
        '.kusto.azuresynapse.net',
        '.kustodev.azuresynapse-dogfood.net',
        '.dxp.aad.azure.com',
        '.dxp-dev.aad.azure.com',
        '.playfab.com',
        '.playfabapi.com',
        '.azureplayfab.com',
        '.api.securityplatform.microsoft.com',
        '.securitycenter.windows.com',
        '.arg-int.core.windows.net',
        '.arg-df.core.windows.net',
        '.arg.core.windows.net',
      ],
      hosts: [
        'ade.applicationinsights.io',
        'ade.loganalytics.io',
        'adx.aimon.applicationinsights.azure.com',
        'adx.applicationinsights.azure.com',
        'adx.int.applicationinsights.azure.com',
        'adx.int.loganalytics.azure.com',
        'adx.int.monitor.azure.com',
        'adx.loganalytics.azure.com',
        'adx.monitor.azure.com',
        'kusto.aria.microsoft.com',
        'eu.kusto.aria.microsoft.com',
      ],
    },
  ],
  ['https://login.microsoftonline.us', cloud('usgovcloudapi.net', 'azure.us', ['.arg.core.usgovcloudapi.net'])],
  [
    'https://login.partner.microsoftonline.cn',
    cloud('chinacloudapi.cn', 'azure.cn', [
      '.kusto.azuresynapse.azure.cn',
      '.playfab.cn',
      '.arg.core.chinacloudapi.cn',
    ]),
  ],
  [
    'https://login.microsoftonline.eaglex.ic.gov',
    cloud('core.eaglex.ic.gov', 'azure.eaglex.ic.gov', ['.arg.core.eaglex.ic.gov']),
  ],
  [
    'https://login.microsoftonline.microsoft.scloud',
    cloud('core.microsoft.scloud', 'azure.microsoft.scloud', ['.arg.core.microsoft.scloud']),
  ],
  ['https://login.sovcloud-identity.fr', cloud('sovcloud-api.fr', 'azure.fr', [])],
  ['https://login.sovcloud-identity.de', cloud('sovcloud-api.de', 'azure.de', [])],
  ['https://login.sovcloud-identity.sg', cloud('sovcloud-api.sg', 'azure.sg', [])],
])

export interface TrustOptions {
  /** More hosts that may see a token: a full host name, or a suffix that starts with a dot. */
  readonly trustedHosts?: readonly string[]
  /** Allows a token to this machine, over http too. Default false. */
  readonly allowTokenToLoopback?: boolean
}

/**
 * Passes when a token may be sent to the address. Asked before any request, also before the one for cloud metadata:
 * a host that is not trusted may not choose the authority it gets a token from.
 * @throws {KustoAuthError} KUSTO_UNTRUSTED_HOST, KUSTO_INSECURE_URL for http, KUSTO_TOKEN_TO_LOOPBACK without the option
 */
export function checkTrusted(url: string, options: TrustOptions = {}): void {
  const { protocol, hostname } = new URL(url)
  if (isLoopback(hostname)) {
    if (options.allowTokenToLoopback === true) return
    throw new KustoAuthError(
      'KUSTO_TOKEN_TO_LOOPBACK',
      `expected the option allowTokenToLoopback before sending a token to ${hostname}, found it unset`,
    )
  }
  if (protocol !== 'https:') {
    throw new KustoAuthError('KUSTO_INSECURE_URL', `expected https for a token to ${hostname}, found ${protocol}//`)
  }
  const lists = [...HOSTS_BY_LOGIN.values(), ownHosts(options)]
  if (!lists.some((list) => isListed(hostname, list))) throw untrusted(hostname, 'any cloud')
}

/**
 * Passes when the host belongs to the cloud of this login endpoint, which it told us itself.
 * @throws {KustoAuthError} KUSTO_UNTRUSTED_HOST
 */
export function checkTrustedByLogin(url: string, loginEndpoint: string, options: TrustOptions = {}): void {
  const { hostname } = new URL(url)
  if (isLoopback(hostname) || isListed(hostname, ownHosts(options))) return
  const list = HOSTS_BY_LOGIN.get(loginEndpoint.replace(/\/+$/, '').toLowerCase())
  if (list === undefined || !isListed(hostname, list)) throw untrusted(hostname, `the cloud of ${loginEndpoint}`)
}

function isListed(hostname: string, list: TrustedHosts): boolean {
  return list.hosts.includes(hostname) || list.suffixes.some((suffix) => hostname.endsWith(suffix))
}

function ownHosts(options: TrustOptions): TrustedHosts {
  const given = (options.trustedHosts ?? []).map((host) => host.toLowerCase())
  return {
    suffixes: given.filter((host) => host.startsWith('.')),
    hosts: given.filter((host) => !host.startsWith('.')),
  }
}

/** What the clouds beside the public one have in common. */
function cloud(kusto: string, azure: string, more: readonly string[]): TrustedHosts {
  return {
    suffixes: [`.kusto.${kusto}`, `.kustomfa.${kusto}`, ...more],
    hosts: ['applicationinsights', 'loganalytics', 'monitor'].map((service) => `adx.${service}.${azure}`),
  }
}

function untrusted(hostname: string, where: string): KustoAuthError {
  return new KustoAuthError(
    'KUSTO_UNTRUSTED_HOST',
    `expected a host of ${where} or one listed in trustedHosts before sending a token, found ${hostname}`,
  )
}

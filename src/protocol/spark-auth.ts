import { KustoUsageError } from '../errors.ts'

/**
 * Who Spark's options say is asking. None of them: the connector's default credential.
 * @throws {KustoUsageError} KUSTO_BAD_CREDENTIAL for two ways at once, or half of one
 */
export function sparkAuth(
  given: ReadonlyMap<string, string>,
  { cluster, database }: { readonly cluster: string; readonly database: string },
): { readonly credential?: string; readonly connectionString?: string } {
  const token = given.get('accesstoken') ?? given.get('kustoaccesstoken')
  const appId = given.get('kustoaadappid') ?? given.get('kustoaadclientid')
  const secret = given.get('kustoaadappsecret') ?? given.get('kustoclientaadclientpassword')
  const authority = given.get('kustoaadauthorityid')
  if (token !== undefined) {
    if (appId !== undefined) throw badAuth('kustoAadAppId or accessToken, found both')
    return { credential: token }
  }
  if (appId === undefined && secret === undefined) return {}
  if (appId === undefined || secret === undefined) {
    throw badAuth('kustoAadAppId and kustoAadAppSecret together; for a certificate give the connector a credential')
  }
  const parts = [
    ['Data Source', cluster],
    ['Initial Catalog', database],
    ['Application Client Id', appId],
    ['Application Key', secret],
    ...(authority === undefined ? [] : [['Authority Id', authority]]),
  ]
  return { connectionString: parts.map(([name = '', value = '']) => `${name}=${quoted(value)}`).join(';') }
}

function quoted(value: string): string {
  return `"${value.replaceAll('"', '""')}"`
}

function badAuth(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_CREDENTIAL', `expected ${message}`)
}

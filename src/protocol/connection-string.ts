import { KustoUsageError } from '../errors.ts'
import { parseClusterUrl } from './cluster-url.ts'

/** How a connection string says to sign in. */
export type ConnectionStringAuth =
  /** Nothing said. */
  | { readonly kind: 'default' }
  /** `Fed=false`: no token at all. */
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'app-key'; readonly clientId: string; readonly key: string; readonly tenant?: string }
  | {
      readonly kind: 'app-certificate'
      readonly clientId: string
      /** PEM text of certificate and key. */
      readonly pem: string
      readonly sendX5c: boolean
      readonly tenant?: string
    }
  | { readonly kind: 'user-password'; readonly user: string; readonly password: string; readonly tenant?: string }
  | { readonly kind: 'user-prompt'; readonly loginHint: string; readonly tenant?: string }

export interface ConnectionString {
  /** Scheme, host and port. */
  readonly cluster: string
  readonly database?: string
  readonly auth: ConnectionStringAuth
  /** Application name for tracing. */
  readonly application?: string
  /** User name for tracing. */
  readonly user?: string
}

interface Keyword {
  readonly canonical: string
  readonly secret: boolean
  /** Whether this library acts on it. */
  readonly supported: boolean
}

/** Canonical keyword, its aliases, and whether it is a secret. Names are compared in lower case and without blanks. */
const SUPPORTED: readonly (readonly [canonical: string, aliases: string, secret?: 'secret'])[] = [
  ['Data Source', 'server addr address networkaddress'],
  ['Initial Catalog', 'database'],
  ['AAD Federated Security', 'federatedsecurity aadfed fed federated'],
  ['User ID', 'user uid loginhint aaduserid'],
  ['Password', 'pwd', 'secret'],
  ['Application Client Id', 'appclientid'],
  ['Application Key', 'appkey', 'secret'],
  ['Authority Id', 'tenantid tid tenant authority domainhint'],
  ['Application Token', 'apptoken', 'secret'],
  ['User Token', 'usrtoken', 'secret'],
  ['Application Certificate PrivateKey', '', 'secret'],
  [
    'Application Certificate SendX5c',
    'applicationcertificatex5c sendx5c applicationcertificatesendpubliccertificate sendcertificatechain',
  ],
  ['Application Name for Tracing', 'traceappname'],
  ['User Name for Tracing', 'traceusername'],
]

const NOT_SUPPORTED: readonly (readonly [canonical: string, aliases: string, secret?: 'secret'])[] = [
  ['Application Certificate Blob', '', 'secret'],
  ['Application Certificate Thumbprint', 'appcert', 'secret'],
  ['Application Certificate Issuer Distinguished Name', 'applicationcertificateissuer', 'secret'],
  ['Application Certificate Subject Distinguished Name', 'applicationcertificatesubject', 'secret'],
  ['dSTS Federated Security', 'dstsfed dststokentype'],
  ['Streaming', ''],
  ['Uncompressed', ''],
  ['EnforceMfa', ''],
  ['Accept', ''],
  ['Query Consistency', ''],
  ['Data Source Uri', 'serveruri clusteruri'],
  ['Azure Region', 'region'],
  ['Namespace', 'ns'],
  ['Client Version for Tracing', ''],
]

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  ...keywordEntries(SUPPORTED, true),
  ...keywordEntries(NOT_SUPPORTED, false),
])

/**
 * Reads `Keyword=Value;...`. The first piece may be a bare cluster address. A value with `;` or quotes stands in
 * double quotes, a quote in it doubled.
 * @throws {KustoUsageError} KUSTO_UNKNOWN_KEYWORD, KUSTO_UNSUPPORTED_KEYWORD, KUSTO_BAD_CONNECTION_STRING, KUSTO_BAD_CLUSTER
 */
export function parseConnectionString(text: string): ConnectionString {
  const values = new Map<string, string>()
  let secret: string | undefined
  for (const [name, value] of pairs(text)) {
    const keyword = KEYWORDS.get(normalize(name))
    if (keyword === undefined) throw unknownKeyword(name, secret)
    secret = keyword.secret ? keyword.canonical : undefined
    if (!keyword.supported) {
      throw new KustoUsageError('KUSTO_UNSUPPORTED_KEYWORD', `keyword ${keyword.canonical} is not supported`)
    }
    if (values.has(keyword.canonical)) throw bad(`expected keyword ${keyword.canonical} once, found it again`)
    values.set(keyword.canonical, value)
  }
  const source = values.get('Data Source')
  if (source === undefined) throw bad('expected a Data Source, found none')
  const { origin, database: inPath } = parseClusterUrl(source)
  const catalog = values.get('Initial Catalog')
  if (catalog !== undefined && inPath !== undefined && catalog !== inPath) {
    throw bad(`expected one database, found ${JSON.stringify(inPath)} in the address and ${JSON.stringify(catalog)}`)
  }
  const database = catalog ?? inPath
  const application = values.get('Application Name for Tracing')
  const user = values.get('User Name for Tracing')
  return {
    cluster: origin,
    auth: authOf(values),
    ...(database === undefined ? {} : { database }),
    ...(application === undefined ? {} : { application }),
    ...(user === undefined ? {} : { user }),
  }
}

/** The connection string with every secret replaced by `****`; for messages and logs. Never throws. */
export function maskConnectionString(text: string): string {
  return splitPairs(text)
    .filter((pair) => pair.trim() !== '')
    .map((pair, index) => {
      const equals = pair.indexOf('=')
      // After the first piece, which may be an address, it is the rest of a value with a `;`.
      if (equals < 0) return index === 0 ? pair.replace(/[?#][\s\S]*$/, '') : '****'
      const keyword = KEYWORDS.get(normalize(pair.slice(0, equals)))
      return keyword === undefined || keyword.secret ? `${pair.slice(0, equals)}=****` : pair
    })
    .join(';')
}

/** What follows a secret may be the rest of it. */
function unknownKeyword(name: string, secretBefore: string | undefined): KustoUsageError {
  const found =
    secretBefore === undefined
      ? JSON.stringify(name)
      : `another after ${secretBefore}; a value with ";" in it stands in double quotes`
  return new KustoUsageError('KUSTO_UNKNOWN_KEYWORD', `expected a connection string keyword, found ${found}`)
}

function authOf(values: ReadonlyMap<string, string>): ConnectionStringAuth {
  const tenant = values.get('Authority Id')
  const inTenant = tenant === undefined ? {} : { tenant }
  const kinds: ConnectionStringAuth[] = []
  const user = values.get('User ID')
  const clientId = values.get('Application Client Id')
  const key = values.get('Application Key')
  const pem = values.get('Application Certificate PrivateKey')
  const password = values.get('Password')
  for (const token of [values.get('Application Token'), values.get('User Token')]) {
    if (token !== undefined) kinds.push({ kind: 'token', token })
  }
  if (key !== undefined) {
    kinds.push({
      kind: 'app-key',
      clientId: needed(clientId, 'Application Client Id', 'Application Key'),
      key,
      ...inTenant,
    })
  }
  if (pem !== undefined) {
    const sendX5c = booleanOf(values.get('Application Certificate SendX5c'), false)
    const id = needed(clientId, 'Application Client Id', 'Application Certificate PrivateKey')
    kinds.push({ kind: 'app-certificate', clientId: id, pem, sendX5c, ...inTenant })
  }
  if (password !== undefined) {
    kinds.push({ kind: 'user-password', user: needed(user, 'User ID', 'Password'), password, ...inTenant })
  } else if (user !== undefined && kinds.length === 0) {
    kinds.push({ kind: 'user-prompt', loginHint: user, ...inTenant })
  }
  if (kinds.length > 1) throw bad(`expected one way to sign in, found ${kinds.map(({ kind }) => kind).join(' and ')}`)
  const federated = values.get('AAD Federated Security')
  const anonymous = federated !== undefined && !booleanOf(federated, true)
  const [kind] = kinds
  if (anonymous && kind !== undefined) throw bad(`expected no credential beside Fed=false, found ${kind.kind}`)
  if (kind === undefined && clientId !== undefined) throw bad('expected an Application Key, found only a client id')
  return kind ?? { kind: anonymous ? 'anonymous' : 'default' }
}

function needed(value: string | undefined, keyword: string, beside: string): string {
  if (value !== undefined) return value
  throw bad(`expected ${keyword} beside ${beside}, found none`)
}

function booleanOf(value: string | undefined, absent: boolean): boolean {
  if (value === undefined) return absent
  if (/^(?:true|1|yes)$/i.test(value)) return true
  if (/^(?:false|0|no)$/i.test(value)) return false
  throw bad('expected true or false for a yes-or-no keyword, found something else')
}

function pairs(text: string): readonly (readonly [name: string, value: string])[] {
  return splitPairs(text).flatMap((pair, index) => {
    const trimmed = pair.trim()
    if (trimmed === '') return []
    // Only the first `=` separates: keys and signatures end with some.
    const equals = trimmed.indexOf('=')
    if (equals < 0 && index === 0) return [['Data Source', trimmed] as const]
    if (equals < 0) throw bad('expected Keyword=Value, found a piece without =')
    return [[trimmed.slice(0, equals).trim(), unquote(trimmed.slice(equals + 1).trim())] as const]
  })
}

/** Splits at `;` outside of double quotes. A quote counts only at the start of a value. */
function splitPairs(text: string): readonly string[] {
  return (
    text.match(/(?:[^;="]*=\s*"(?:[^"]|"")*"\s*(?=;|$)|[^;]*)(?:;|$)/g)?.map((pair) => pair.replace(/;$/, '')) ?? []
  )
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value
  if (value.length < 2 || !/^"(?:[^"]|"")*"$/.test(value)) throw bad('expected a closing double quote, found none')
  return value.slice(1, -1).replaceAll('""', '"')
}

function keywordEntries(
  rows: readonly (readonly [canonical: string, aliases: string, secret?: 'secret'])[],
  supported: boolean,
): readonly (readonly [string, Keyword])[] {
  return rows.flatMap(([canonical, aliases, secret]) =>
    [canonical, ...aliases.split(' ').filter((alias) => alias !== '')].map(
      (alias) => [normalize(alias), { canonical, secret: secret !== undefined, supported }] as const,
    ),
  )
}

function normalize(keyword: string): string {
  return keyword.replaceAll(/\s/g, '').toLowerCase()
}

function bad(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_CONNECTION_STRING', message)
}

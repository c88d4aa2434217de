import { authFrom } from './auth/connect-auth.ts'
import type { Credential } from './auth/connect-auth.ts'
import { badOption, checkNames, oneOf } from './base/check-options.ts'
import type { KustoClientOptions } from './client/open-client.ts'
import { KustoUsageError } from './errors.ts'
import { parseClusterUrl } from './protocol/cluster-url.ts'
import { parseConnectionString } from './protocol/connection-string.ts'
import type { IngestionVia } from './sink/discover-ingestion.ts'

/** Where a connector connects to, and as whom. */
export interface KustoConnectorOptions {
  /** The cluster's address, `https://help.kusto.windows.net`; a path of one segment is the database. */
  readonly cluster?: string
  readonly database?: string
  /** A Kusto connection string, instead of `cluster`, `database` and `credential`, which win over its parts. */
  readonly connectionString?: string
  /** Default: what the connection string says, else the default Azure credential; nothing at all for a loopback address. */
  readonly credential?: Credential
  /** The ingestion endpoint, where it does not follow from the cluster's address. */
  readonly ingestionCluster?: string
  /** Further hosts that may see a token: full names, or suffixes that start with a dot. */
  readonly trustedHosts?: readonly string[]
  /** Send the credential to a loopback address too, over http if need be. Default false. */
  readonly allowTokenToLoopback?: boolean
  /** Shown in the service's logs. Default `kusto-arrow`. */
  readonly application?: string
  /** Compression asked for in answers. Default `gzip`; `identity` is faster on fast networks. */
  readonly compression?: 'gzip' | 'identity'
  /** The way into the ingestion queue. Default `auto`: REST, or the storage queue where there is no REST. */
  readonly ingestion?: IngestionVia
}

const NAMES: readonly (keyof KustoConnectorOptions)[] = [
  'cluster',
  'database',
  'connectionString',
  'credential',
  'ingestionCluster',
  'trustedHosts',
  'allowTokenToLoopback',
  'application',
  'compression',
  'ingestion',
]

/** Who is asked, after the check of the options. */
export interface ConnectSettings {
  readonly database: string
  readonly client: KustoClientOptions
  readonly ingestion: IngestionVia
}

/**
 * Options and connection string together; what is said in the options wins.
 * @throws {KustoUsageError} for an unknown option, an address that is none, or a missing database
 */
export function connectSettings(options: KustoConnectorOptions): ConnectSettings {
  checkNames(options, NAMES)
  checkTypes(options)
  const text = options.connectionString === undefined ? undefined : parseConnectionString(options.connectionString)
  const address = options.cluster ?? text?.cluster
  if (address === undefined) {
    throw new KustoUsageError('KUSTO_NO_CLUSTER', 'expected a cluster or a connection string, found neither')
  }
  const { origin, database: fromPath } = parseClusterUrl(address)
  const database = options.database ?? fromPath ?? text?.database
  if (database === undefined || database === '') {
    throw new KustoUsageError('KUSTO_NO_DATABASE', `expected a database for ${origin}, found none`)
  }
  const application = options.application ?? text?.application
  return {
    database,
    ingestion: oneOf('ingestion', options.ingestion ?? 'auto', ['auto', 'rest', 'queue']),
    client: {
      cluster: origin,
      ...(options.ingestionCluster === undefined ? {} : { ingestionCluster: options.ingestionCluster }),
      auth: authFrom(options.credential, text?.auth ?? { kind: 'default' }),
      trust: {
        trustedHosts: options.trustedHosts ?? [],
        allowTokenToLoopback: options.allowTokenToLoopback ?? false,
      },
      caller: {
        ...(application === undefined ? {} : { application }),
        ...(text?.user === undefined ? {} : { user: text.user }),
      },
      compression: oneOf('compression', options.compression ?? 'gzip', ['gzip', 'identity']),
    },
  }
}

const TEXTS = ['cluster', 'database', 'connectionString', 'ingestionCluster', 'application'] as const

/** For callers without types: what is let through here would be ignored, or fail at the first request. */
function checkTypes(options: KustoConnectorOptions): void {
  for (const name of TEXTS) expectType(name, 'text', options[name], (value) => typeof value === 'string')
  expectType('trustedHosts', 'a list of texts', options.trustedHosts, isListOfTexts)
  expectType('allowTokenToLoopback', 'a boolean', options.allowTokenToLoopback, (value) => typeof value === 'boolean')
}

function expectType(name: string, type: string, value: unknown, isOfType: (value: unknown) => boolean): void {
  if (value === undefined || isOfType(value)) return
  throw badOption(`expected ${name} to be ${type}, found ${value === null ? 'null' : typeof value}`)
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

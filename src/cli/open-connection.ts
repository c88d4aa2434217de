import { KustoConnector } from '../index.ts'
import type { KustoConnectorOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { fromVariable, nonEmpty } from './from-variable.ts'
import { usageError } from './usage-error.ts'

/** A connector, and the embedded Kusto behind it where there is one. */
export interface Connection extends AsyncDisposable {
  readonly kusto: KustoConnector
  readonly isLocal: boolean
}

export interface ConnectionNeeds {
  /** KQL, or names of tables, that the command will use: what it does not mention is not prepared. */
  readonly mentions?: string
  /** Whether blobs are needed: for writing and for exports. Default true. */
  readonly storage?: boolean
  /** With `--local`: loaded as by `--load TABLE=FILE`. */
  readonly loads?: readonly string[]
  /** With `--local`: what the engine may hold before it spills to disk, in DuckDB's words. Default 64MB. */
  readonly memoryLimit?: string
  /** Where a saved plan or receipt comes from: used where neither flags nor environment name a place. */
  readonly place?: { readonly cluster?: string | undefined; readonly database?: string | undefined }
}

/**
 * Connects as flags and environment say; nothing is sent to a cluster yet.
 * @throws {KustoUsageError} CLI_USAGE for flags that do not go together; KUSTO_NO_CLUSTER, KUSTO_NO_DATABASE
 */
export async function openConnection(call: CliCall, needs: ConnectionNeeds = {}): Promise<Connection> {
  const { flags } = call
  if (flags.on('local')) return (await import('./open-local.ts')).openLocal(call, needs)
  for (const name of ['data-dir', 'load']) {
    if (flags.isGiven(name)) throw usageError(`--${name} goes with --local`)
  }
  const kusto = new KustoConnector(connectorOptions(call, needs.place))
  call.screen.detail(`${kusto.cluster}, database ${kusto.database}`)
  return { kusto, isLocal: false, [Symbol.asyncDispose]: () => kusto.close() }
}

/** What flags and environment say of a cluster. */
export function connectorOptions(
  { flags, io: { env } }: CliCall,
  place: ConnectionNeeds['place'] = {},
): KustoConnectorOptions {
  const cluster = flags.text('cluster') ?? nonEmpty(env['KUSTO_CLUSTER'])
  const database = flags.text('database') ?? nonEmpty(env['KUSTO_DATABASE'])
  const connectionString =
    fromVariable(flags.text('connection-string-env'), env) ?? nonEmpty(env['KUSTO_CONNECTION_STRING'])
  const credential = fromVariable(flags.text('token-env'), env)
  const ingestionCluster = flags.text('ingestion-cluster')
  const isPlaced = connectionString !== undefined
  const whichCluster = cluster ?? (isPlaced ? undefined : place.cluster)
  const whichDatabase = database ?? (isPlaced ? undefined : place.database)
  return {
    ...(whichCluster === undefined ? {} : { cluster: whichCluster }),
    ...(whichDatabase === undefined ? {} : { database: whichDatabase }),
    ...(connectionString === undefined ? {} : { connectionString }),
    ...(credential === undefined ? {} : { credential }),
    ...(ingestionCluster === undefined ? {} : { ingestionCluster }),
    trustedHosts: flags.list('trusted-host'),
    application: 'kusto-arrow-cli',
  }
}

import type { Kql } from '../kql/kql.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import type { CommandRow } from './command-table.ts'
import type { CallOptions } from './kusto-http.ts'
import { openClient } from './open-client.ts'
import type { KustoClient, KustoClientOptions } from './open-client.ts'

/** A client, and the one database of its cluster that is meant. */
export interface DatabaseClient extends Pick<KustoClient, 'http' | 'rest' | 'tokens' | 'close'> {
  /** The engine endpoint. */
  readonly cluster: string
  readonly database: string
  readonly trust: TrustOptions
  /** Runs a management command and gives the rows of its first table. */
  rows(csl: Kql, options: Omit<CallOptions, 'database'>): Promise<readonly CommandRow[]>
  /** 1, 2, 3 and so on: what tells the calls of one request id apart. */
  nextCall(): number
}

/** Opens a client for one database; nothing is sent yet. */
export function openDatabase(database: string, options: KustoClientOptions): DatabaseClient {
  const client = openClient(options)
  let calls = 0
  return {
    ...client,
    cluster: client.rest.origin('engine'),
    database,
    trust: options.trust ?? {},
    rows: async (csl, call) => (await client.http.commandRows(csl, { database, ...call })).rows,
    nextCall: () => ++calls,
  }
}

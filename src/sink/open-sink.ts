import type { CachedOptions } from '../base/cached.ts'
import type { DatabaseClient } from '../client/database-client.ts'
import { log } from '../client/log.ts'
import type { Kql } from '../kql/kql.ts'
import { UserDelegation } from '../storage/user-delegation.ts'
import type { IngestionVia } from './discover-ingestion.ts'
import { EncodePool } from './encode-pool.ts'
import { IngestionAccess } from './ingestion-access.ts'
import { AccountRanks } from './rank-accounts.ts'
import type { SinkContext } from './sink-context.ts'
import { openStaging } from './staging-area.ts'
import { newTally, retryTeller } from './write-tally.ts'

/** What writing needs, and the end of what it holds open. */
export interface OpenSink {
  readonly context: SinkContext
  /** Ends the encoding threads. */
  close(): Promise<void>
}

/** The writing side of a connector; `caching` is for the containers and queues that the service offers. Nothing is sent yet. */
export function openSink(client: DatabaseClient, via: IngestionVia, caching: CachedOptions): OpenSink {
  const { cluster, database, trust } = client
  const pools = new Map<number, EncodePool>()
  const delegation = new UserDelegation()
  const ranks = new AccountRanks()
  const tally = newTally()
  const discovery = {
    database,
    rest: client.rest,
    ranks,
    ingestionCommand: (csl: Kql, signal: AbortSignal) => client.rows(csl, { endpoint: 'ingestion', signal }),
  }
  const ingestion = new IngestionAccess(discovery, via, {
    ...caching,
    onStale: (error) => log.warning(`containers could not be renewed, the old ones serve: ${String(error)}`),
  })
  const credential = client.tokens.azureCredential(cluster)
  const context: SinkContext = {
    cluster,
    database,
    command: (csl, signal, call) => client.rows(csl, { ...call, ...(signal === undefined ? {} : { signal }) }),
    ingestion,
    ranks,
    staging: (choice, way) => openStaging(choice, way, { ingestion, credential, delegation, trust }),
    tally,
    tellRetry: retryTeller(tally, () => undefined),
    encodePool: (workers) => {
      if (workers === 0) return undefined
      const pool = pools.get(workers) ?? new EncodePool(workers)
      pools.set(workers, pool)
      return pool
    },
    log,
  }
  return {
    context,
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}

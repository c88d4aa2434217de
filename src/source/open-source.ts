import { Cached } from '../base/cached.ts'
import type { CachedOptions } from '../base/cached.ts'
import type { DatabaseClient } from '../client/database-client.ts'
import type { CallOptions } from '../client/kusto-http.ts'
import { log } from '../client/log.ts'
import { showExportContainers } from '../kql/commands/export-commands.ts'
import { parseContainerUrl } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { DecodePool } from './decode-pool.ts'
import { Sweeps } from './export-storage-sweep.ts'
import { openExportStorage } from './export-storage.ts'
import { ReadCache } from './read-cache.ts'
import type { DistributedRead } from './read-distributed.ts'
import { callId, commandActivity, timedRequest } from './request-id.ts'
import type { CallSettings, SourceContext } from './source-context.ts'

/** What reading needs, and the ends of what it holds open. */
export interface OpenSource {
  readonly context: SourceContext
  /** Deletes kept exports and waits for clean-up that goes on; needs the client still open. */
  settle(): Promise<void>
  /** Ends the decoding threads. */
  close(): Promise<void>
}

/** The reading side of a connector; `caching` is for the containers that the service offers. Nothing is sent yet. */
export function openSource(client: DatabaseClient, caching: CachedOptions): OpenSource {
  const { cluster, database, trust } = client
  const pools = new Map<number, DecodePool>()
  const ownPools = new Set<DecodePool>()
  const sweeps = new Sweeps()
  const exportCache = new ReadCache<DistributedRead>((error) => {
    log.warning(`a kept export was not deleted: ${String(error)}`)
  })
  const containers = new Cached<readonly StorageLocation[]>(async (signal) => {
    const rows = await client.rows(showExportContainers(), { endpoint: 'ingestion', signal })
    return rows.map((row) => parseContainerUrl(row.text('StorageRoot')))
  }, caching)
  const credential = client.tokens.azureCredential(cluster)
  const context: SourceContext = {
    cluster,
    database,
    query: async ({ csl, parameters }, settings, activity = 'query') => {
      const call = { database, parameters, ...callOptions(client, settings, activity) }
      return (await timedRequest(settings, activity, () => client.http.query(csl, call))).body
    },
    command: (csl, settings) => {
      const activity = commandActivity(csl.text)
      return timedRequest(settings, activity, () => client.rows(csl, callOptions(client, settings, activity)))
    },
    exportCache,
    sweeps,
    exportStorage: (storage) => openExportStorage(storage, { service: containers, credential, trust }),
    decodePool: (workers) => {
      const pool = pools.get(workers) ?? new DecodePool(workers)
      pools.set(workers, pool)
      return pool
    },
    ownPool: (workers) => {
      const pool = new DecodePool(workers)
      ownPools.add(pool)
      void pool.closed.then(() => ownPools.delete(pool))
      return pool
    },
    log,
  }
  return {
    context,
    settle: async () => {
      await sweeps.close(exportCache.close())
    },
    close: async () => {
      const open = [...pools.values(), ...ownPools]
      await Promise.all(open.map((pool) => pool.close()))
      pools.clear()
    },
  }
}

function callOptions(
  client: DatabaseClient,
  { properties, signal, requestId }: CallSettings,
  activity: Parameters<typeof callId>[1],
): Pick<CallOptions, 'properties' | 'signal' | 'clientRequestId'> {
  return {
    properties,
    ...(signal === undefined ? {} : { signal }),
    ...(requestId === undefined ? {} : { clientRequestId: callId(requestId, activity, client.nextCall()) }),
  }
}

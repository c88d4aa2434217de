import type { CommandRow } from '../client/command-table.ts'
import type { Kql } from '../kql/kql.ts'
import type { RequestOptions } from '../protocol/request-properties.ts'
import type { DecodePool } from './decode-pool.ts'
import type { ExportStorage } from './export-storage.ts'
import type { Sweeps } from './export-storage-sweep.ts'
import type { TransientStorageSettings } from './transient-storage.ts'
import type { ReadCache } from './read-cache.ts'
import type { OnReadEvent } from './read-events.ts'
import type { DistributedRead } from './read-distributed.ts'
import type { QueryText } from './source-query.ts'

/** What of a read's settings goes with every call it makes. */
export interface CallSettings {
  readonly properties: RequestOptions
  readonly signal: AbortSignal | undefined
  /** Prefix of the request id. */
  readonly requestId?: string | undefined
  /** Told of each request that was answered. */
  readonly onEvent?: OnReadEvent
}

/** What a call to the query endpoint is for; part of its request id. */
export type QueryActivity = 'query' | 'schema' | 'count'

/** What reading needs from the rooms below: the connector wires it. */
export interface SourceContext {
  readonly cluster: string
  readonly database: string
  /** Sends a query and gives the (inflated) bytes of its answer. */
  query(text: QueryText, settings: CallSettings, activity?: QueryActivity): Promise<AsyncIterable<Uint8Array>>
  /** Runs a management command and gives the rows of its first table. */
  command(csl: Kql, settings: CallSettings): Promise<readonly CommandRow[]>
  /** Where exports write to, as the option `storage` says. */
  exportStorage(storage: TransientStorageSettings): ExportStorage
  /** Decoding threads; the same pool is given again for the same number. */
  decodePool(workers: number): DecodePool
  /** Threads of the caller's own, to be closed by it; the connector's end closes them too. */
  ownPool(workers: number): DecodePool
  /** Exports that outlive a read, by plan. */
  readonly exportCache: ReadCache<DistributedRead>
  /** Clean-up that goes on behind a read that failed. */
  readonly sweeps: Pick<Sweeps, 'start' | 'remove'>
  readonly log: { info(message: string): void; warning(message: string): void }
}

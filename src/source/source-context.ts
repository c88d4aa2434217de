import type { CommandRow } from '../client/command-table.ts'
import type { Kql } from '../kql/kql.ts'
import type { RequestOptions } from '../protocol/request-properties.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import type { DecodePool } from './decode-pool.ts'
import type { QueryText } from './source-query.ts'

/** What of a read's settings goes with every call it makes. */
export interface CallSettings {
  readonly properties: RequestOptions
  readonly signal: AbortSignal | undefined
}

/** What reading needs from the rooms below: the connector wires it. */
export interface SourceContext {
  /** Sends a query and gives the (inflated) bytes of its answer. */
  query(text: QueryText, settings: CallSettings): Promise<AsyncIterable<Uint8Array>>
  /** Runs a management command and gives the rows of its first table. */
  command(csl: Kql, settings: CallSettings): Promise<readonly CommandRow[]>
  /** The containers an export may write to. */
  exportContainers(signal: AbortSignal | undefined): Promise<readonly StorageLocation[]>
  /** Decoding threads; the same pool is given again for the same number. */
  decodePool(workers: number): DecodePool
  readonly log: { warning(message: string): void }
}

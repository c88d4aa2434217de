import type { CommandRow } from '../client/command-table.ts'
import type { Kql } from '../kql/kql.ts'
import type { IngestionService } from './ingestion-service.ts'

/** What writing needs from the rooms below: the connector wires it. */
export interface SinkContext {
  /** The engine endpoint, for receipts and messages. */
  readonly cluster: string
  readonly database: string
  /** Runs a management command on the engine and gives the rows of its first table. */
  command(csl: Kql, signal: AbortSignal | undefined): Promise<readonly CommandRow[]>
  /** The way into the service's queue, discovered once and refreshed. */
  ingestion(signal: AbortSignal | undefined): Promise<IngestionService>
  readonly log: { warning(message: string): void }
}

import type { CommandRow } from '../client/command-table.ts'
import type { Kql } from '../kql/kql.ts'
import type { IngestionAccess } from './ingestion-access.ts'

/** What writing needs from the rooms below: the connector wires it. */
export interface SinkContext {
  /** The engine endpoint, for receipts and messages. */
  readonly cluster: string
  readonly database: string
  /** Runs a management command on the engine and gives the rows of its first table. */
  command(csl: Kql, signal: AbortSignal | undefined): Promise<readonly CommandRow[]>
  readonly ingestion: IngestionAccess
  readonly log: { warning(message: string): void }
}

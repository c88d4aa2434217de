import type { RetryNotice } from '../base/retry.ts'
import type { CommandRow } from '../client/command-table.ts'
import type { Kql } from '../kql/kql.ts'
import type { Encoder } from './encode-pool.ts'
import type { IngestionAccess } from './ingestion-access.ts'
import type { IngestionService } from './ingestion-service.ts'
import type { AccountRanks } from './rank-accounts.ts'
import type { StagingArea, StagingChoice } from './staging-area.ts'
import type { TellRetry, WriteTally } from './write-tally.ts'

/** How a command is sent, where it is not as usual. */
export interface CommandCall {
  /** Default engine. */
  readonly endpoint?: 'engine' | 'ingestion'
  /** May be sent again when it is unknown whether it was carried out. Default: only commands that show. */
  readonly repeatable?: boolean
  /** Told of every repeated request, before the wait. */
  readonly onRetry?: (notice: RetryNotice) => void
}

/** What writing needs from the rooms below: the connector wires it. */
export interface SinkContext {
  /** The engine endpoint, for receipts and messages. */
  readonly cluster: string
  readonly database: string
  /** Runs a management command, on the engine unless told otherwise, and gives the rows of its first table. */
  command(csl: Kql, signal: AbortSignal | undefined, call?: CommandCall): Promise<readonly CommandRow[]>
  readonly ingestion: IngestionAccess
  /** Which storage accounts work. */
  readonly ranks: AccountRanks
  /** Where the blobs of a write are staged. */
  staging(choice: StagingChoice, via: IngestionService['via']): StagingArea
  /** What the write has cost so far. */
  readonly tally: WriteTally
  readonly tellRetry: TellRetry
  /** Threads that encode, as many at most; none for 0. */
  encodePool(workers: number): Encoder | undefined
  readonly log: { warning(message: string): void }
}

import type { RecordBatch, Schema } from 'apache-arrow'

/** Batches of one schema, to be written to one table. */
export interface WriteInput {
  readonly table: string
  readonly schema: Schema
  readonly batches: AsyncIterable<RecordBatch>
  /** Whether the schema was inferred from rows. */
  readonly isInferred: boolean
  /** Ends the source, where the batches are never asked for. */
  close(): Promise<void>
}

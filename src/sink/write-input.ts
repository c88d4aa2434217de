import type { RecordBatch, Schema } from 'apache-arrow'
import type { WriteTarget } from './write-target.ts'

/** Batches of one schema, to be written to one table. */
export interface WriteInput {
  readonly table: string
  readonly schema: Schema
  readonly batches: AsyncIterable<RecordBatch>
  /** Whether the schema was inferred from rows. */
  readonly isInferred: boolean
  /** What is known of the table, when the source had to be told the types of its columns. */
  readonly target?: WriteTarget
  /** Rows and about how many bytes of Arrow data there are, where that is known beforehand. */
  readonly size?: { readonly rows: number; readonly bytes: number }
  /** Ends the source, where the batches are never asked for. */
  close(): Promise<void>
}

import type { WriteFormat } from './write-settings.ts'
import type { RetryPhase } from './write-tally.ts'

/** What a write reports while it runs, in the order it happens. */
export type WriteEvent =
  /** Nothing is written: an extent of the table carries this value of `ingestIfNotExists`. */
  | { readonly kind: 'skipped'; readonly table: string; readonly tag: string }
  /** How the data meet the table is settled, and their size where it is known beforehand. */
  | {
      readonly kind: 'schema-planned'
      readonly table: string
      /** Columns that are written. */
      readonly columns: number
      readonly elapsedMs: number
      readonly expected?: { readonly rows: number; readonly bytes: number }
    }
  | { readonly kind: 'table-created'; readonly table: string }
  | { readonly kind: 'columns-added'; readonly table: string; readonly columns: readonly string[] }
  /** The format of the blobs, and why. */
  | { readonly kind: 'format'; readonly format: WriteFormat; readonly reason: string }
  /** A blob's last byte was made; uploading has gone on meanwhile. */
  | {
      readonly kind: 'blob-encoded'
      readonly sourceId: string
      readonly rows: number
      readonly rawBytes: number
      readonly encodedBytes: number
      readonly elapsedMs: number
    }
  | {
      readonly kind: 'blob-uploaded'
      readonly sourceId: string
      readonly rows: number
      readonly encodedBytes: number
      /** Without those that were repeated, which have a `retry` each. */
      readonly requests: number
      readonly elapsedMs: number
    }
  /** A request is repeated after a failure that may pass. */
  | {
      readonly kind: 'retry'
      readonly phase: RetryPhase
      /** The attempt that failed, from 1. */
      readonly attempt: number
      readonly delayMs: number
      readonly reason: string
    }
  /**
   * Values that the service may not keep: cells over 1 MiB (with the default encoding policy it cuts strings and makes
   * dynamics null), and times with digits below 100 ns, which were cut.
   */
  | { readonly kind: 'values-at-risk'; readonly oversizeCells: number; readonly cutTimes: number }
  /** The service took these blobs into its queue. */
  | {
      readonly kind: 'blobs-queued'
      readonly blobs: number
      readonly rows: number
      readonly rawBytes: number
      readonly via: 'rest' | 'queue'
      /** All that was queued by this write so far. */
      readonly total: { readonly blobs: number; readonly rows: number; readonly rawBytes: number }
      readonly elapsedMs: number
    }
  /** Blobs of a write that failed were deleted; `failed` are still there. */
  | { readonly kind: 'uploads-removed'; readonly removed: number; readonly failed: number }
  | {
      readonly kind: 'ingestion-waiting'
      readonly succeeded: number
      readonly skipped: number
      readonly failed: number
      readonly pending: number
      readonly elapsedMs: number
    }
  /** Every blob has reached its end. */
  | {
      readonly kind: 'ingestion-completed'
      readonly succeeded: number
      readonly skipped: number
      readonly failed: number
      readonly elapsedMs: number
    }
  /** All rows that were sent are in the staging table, counted. */
  | {
      readonly kind: 'rows-staged'
      readonly stagingTable: string
      readonly rows: number
      readonly extents: number
    }
  /** All rows are in the table, and what they replace is gone. */
  | {
      readonly kind: 'extents-moved'
      readonly table: string
      readonly movedExtents: number
      readonly droppedExtents: number
    }
  | { readonly kind: 'staging-dropped'; readonly stagingTable: string }

export type OnWriteEvent = (event: WriteEvent) => void

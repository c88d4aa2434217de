import type { WriteFormat } from './write-settings.ts'

/** What a write reports while it runs, in the order it happens. */
export type WriteEvent =
  /** Nothing is written: an extent of the table carries this value of `ingestIfNotExists`. */
  | { readonly kind: 'skipped'; readonly table: string; readonly tag: string }
  | { readonly kind: 'table-created'; readonly table: string }
  | { readonly kind: 'columns-added'; readonly table: string; readonly columns: readonly string[] }
  /** The format of the blobs, and why. */
  | { readonly kind: 'format'; readonly format: WriteFormat; readonly reason: string }
  | {
      readonly kind: 'blob-encoded'
      readonly rows: number
      readonly rawBytes: number
      readonly encodedBytes: number
      readonly elapsedMs: number
    }
  | { readonly kind: 'blob-uploaded'; readonly rows: number; readonly encodedBytes: number; readonly elapsedMs: number }
  /**
   * Values that the service may not keep: cells over 1 MiB (with the default encoding policy it cuts strings and makes
   * dynamics null), and times with digits below 100 ns, which were cut.
   */
  | { readonly kind: 'values-at-risk'; readonly oversizeCells: number; readonly cutTimes: number }
  /** The service took these blobs into its queue. */
  | { readonly kind: 'blobs-queued'; readonly blobs: number; readonly via: 'rest' | 'queue' }
  | {
      readonly kind: 'ingestion-waiting'
      readonly succeeded: number
      readonly pending: number
      readonly elapsedMs: number
    }

export type OnWriteEvent = (event: WriteEvent) => void

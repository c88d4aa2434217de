import type { StreamingFailureKind } from '../client/streaming-failure.ts'
import type { WriteEvent } from '../sink/write-events.ts'

/** Why rows went, or did not go, into the queue: a failure, a row too large for any request, or data of more than one request. */
export type QueueReason = StreamingFailureKind | 'row-too-large' | 'source-too-large' | 'as-asked'

/** What writing by streaming ingestion reports besides what every write does, in the order it happens. */
export type StreamingEvent =
  /** Rows are in the table and can be queried. */
  | {
      readonly kind: 'piece-streamed'
      /** First row of the write; undefined for a file, whose rows are not counted. */
      readonly rowOffset: number | undefined
      readonly rows: number | undefined
      /** Before compression. */
      readonly rawBytes: number
      readonly attempts: number
      readonly elapsedMs: number
    }
  /** The service took rows into its queue instead. */
  | {
      readonly kind: 'piece-queued'
      readonly rowOffset: number | undefined
      readonly rows: number | undefined
      readonly rawBytes: number
      readonly reason: QueueReason
    }
  /** An attempt failed and is repeated. */
  | {
      readonly kind: 'piece-retried'
      readonly attempt: number
      readonly delayMs: number
      readonly reason: StreamingFailureKind
      readonly message: string
    }
  /** A request was too large: its rows go in two, and the table's limit is lower for a while. */
  | { readonly kind: 'piece-split'; readonly rows: number; readonly rawBytes: number; readonly limitBytes: number }
  /** No answer came: the rows may be in the table or not. */
  | { readonly kind: 'outcome-unknown'; readonly rows: number | undefined; readonly next: 'retry' | 'queue' | 'fail' }
  /** The rows are in the table, and an update policy that feeds another table from them failed. */
  | { readonly kind: 'update-policy-failed'; readonly code: string; readonly message: string }
  /** The table is not tried again for some time, and all goes into the queue. */
  | { readonly kind: 'circuit-opened'; readonly reason: StreamingFailureKind; readonly forMs: number }
  /** Throttling lowered the number of requests at once. */
  | { readonly kind: 'concurrency-lowered'; readonly allowed: number }
  /** Streaming has no use for these options, and `dropUnsupported` leaves them out. */
  | { readonly kind: 'options-dropped'; readonly options: readonly string[] }
  /** The policy of the table that was created; `reason` when it could not be set and rows will be queued. */
  | { readonly kind: 'policy-enabled'; readonly table: string; readonly reason: string | undefined }
  /** All nodes have forgotten the table's schema. */
  | { readonly kind: 'cache-cleared'; readonly table: string; readonly nodes: number }

export type OnStreamingEvent = (event: WriteEvent | StreamingEvent) => void

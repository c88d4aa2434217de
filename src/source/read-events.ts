import type { VerifiedBy } from '../storage/checksum.ts'
import type { RowEstimate } from './estimate-rows.ts'
import type { ReadMode } from './read-settings.ts'
import type { CommandActivity } from './request-id.ts'
import type { QueryActivity } from './source-context.ts'

/** What a request of a read is for: a query's kinds, and those of management commands. */
export type RequestActivity = QueryActivity | CommandActivity

/** What a read reports while it runs, in the order it happens. */
export type ReadEvent =
  /** Which way the rows travel, and why. */
  | { readonly kind: 'mode'; readonly mode: Exclude<ReadMode, 'auto'>; readonly reason: string }
  /** A count asked for with `estimate: 'count'`. */
  | { readonly kind: 'estimate'; readonly estimate: RowEstimate; readonly elapsedMs: number }
  /** Whether an export of the same plan was kept from an earlier read. */
  | { readonly kind: 'cache'; readonly hit: boolean }
  /** The service began its answer to a query, or gave it to a command; `elapsedMs` since it was asked, retries included. */
  | { readonly kind: 'request'; readonly activity: RequestActivity; readonly elapsedMs: number }
  /** An export was accepted by the service, `elapsedMs` after it was asked; its blobs lie below `directory`. */
  | {
      readonly kind: 'export-started'
      readonly operationId: string
      readonly directory: string
      readonly elapsedMs: number
    }
  | {
      readonly kind: 'export-waiting'
      readonly operationId: string
      readonly state: string
      readonly elapsedMs: number
    }
  | {
      readonly kind: 'export-finished'
      readonly operationId: string
      readonly blobs: number
      readonly rows: number
      readonly elapsedMs: number
    }
  /** The bytes of a blob have arrived, in so many requests. */
  | {
      readonly kind: 'blob-downloaded'
      readonly partition: number
      readonly bytes: number
      readonly requests: number
      readonly elapsedMs: number
    }
  /** A row group of a blob was decoded; `elapsedMs` counts the wait for a thread. */
  | {
      readonly kind: 'row-group-decoded'
      readonly partition: number
      readonly rows: number
      readonly elapsedMs: number
    }
  /** A blob was downloaded and decoded. */
  | {
      readonly kind: 'blob-read'
      readonly partition: number
      readonly rows: number
      readonly bytes: number
      /** What the bytes were compared with: the MD5 that storage gave, or nothing when it gave none. */
      readonly verified: VerifiedBy
      readonly elapsedMs: number
    }
  /** A broken download goes on from `offset`. */
  | { readonly kind: 'download-resumed'; readonly url: string; readonly offset: number }
  /** Storage refused a blob; the containers were asked for again, with fresh signatures. */
  | { readonly kind: 'containers-renewed'; readonly reason: string }
  /** A module of `forEachPartition` has ended. */
  | { readonly kind: 'partition-done'; readonly partition: number; readonly rows: number; readonly elapsedMs: number }
  /** The answer of a `single` read has ended: its bytes after inflating, the wait for them, and their decoding. */
  | {
      readonly kind: 'answer-read'
      readonly rows: number
      readonly bytes: number
      readonly waitMs: number
      readonly decodeMs: number
    }
  /** A batch was handed to the caller. */
  | { readonly kind: 'batch'; readonly rows: number }
  /** Digits that the chosen Arrow type cannot carry were cut: the 7th of a datetime or timespan. Reported once a column. */
  | { readonly kind: 'ticks-lost'; readonly column: string; readonly values: number }
  /** Blobs this read owned were deleted; `failed` are still there. */
  | { readonly kind: 'blobs-removed'; readonly removed: number; readonly failed: number; readonly directory: string }

/** For reads whose caller does not listen, so that nothing is measured for nobody. */
export const ignoreEvent: OnReadEvent = () => undefined

export type OnReadEvent = (event: ReadEvent) => void

/** For the calls behind a read that give no rows to its caller: only their requests are told. */
export function requestsOnly(onEvent: OnReadEvent): OnReadEvent {
  return (event) => {
    if (event.kind === 'request') onEvent(event)
  }
}

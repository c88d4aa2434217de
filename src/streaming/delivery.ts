import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import type { DeliverySettings } from './delivery-settings.ts'
import type { DeliveryCounts, ReceiptPiece } from './ingest-receipt-json.ts'
import type { Piece } from './piece.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { QueueReason } from './streaming-events.ts'

/** Where pieces go, and what is said of them. */
export interface Delivery {
  readonly context: StreamingContext
  readonly table: string
  /** As the streaming route and the queue call it: `csv`, `json`, ... */
  readonly format: string
  readonly mapping: string | undefined
  /** Of the blobs of pieces that are queued. */
  readonly properties: IngestionProperties
  readonly settings: DeliverySettings
  /**
   * Called when the service does not know the table or the mapping. Throws when they do not exist; else the nodes may
   * have been told to forget what they know.
   */
  readonly confirmSchema: (signal: AbortSignal | undefined) => Promise<void>
  readonly outcome: DeliveryOutcome
}

/** What has become of the pieces so far; complete even when the delivery of one of them throws. */
export interface DeliveryOutcome {
  readonly pieces: ReceiptPiece[]
  readonly counts: { -readonly [Name in keyof DeliveryCounts]: DeliveryCounts[Name] }
  via: 'rest' | 'queue' | undefined
}

export function newOutcome(): DeliveryOutcome {
  return {
    pieces: [],
    counts: { streamed: 0, queued: 0, retries: 0, throttled: 0, splits: 0, ambiguous: 0 },
    via: undefined,
  }
}

/** Where a piece stands. */
export interface PieceProgress {
  attempts: number
  ambiguous: number
  /** Whether the outcome has the piece, or its halves stand for it. */
  isSettled: boolean
}

/** What became of a piece, or of an attempt that cannot be told. */
export type PieceResult = Pick<ReceiptPiece, 'path' | 'encodedBytes'> &
  Partial<Pick<ReceiptPiece, 'reason' | 'url' | 'operationId' | 'statusTable'>>

/** Puts a piece that is given up into the outcome: not in the table, unless an attempt without answer has brought it. */
export function reportLost(delivery: Delivery, piece: Piece, progress: PieceProgress, reason: QueueReason): void {
  report(delivery, piece, progress, { path: progress.ambiguous > 0 ? 'unknown' : 'failed', reason, encodedBytes: 0 })
}

/** Puts a piece into the outcome. */
export function report({ outcome }: Delivery, piece: Piece, progress: PieceProgress, result: PieceResult): void {
  progress.isSettled = true
  if (result.path === 'streamed' || result.path === 'queued') outcome.counts[result.path] += 1
  outcome.pieces.push({
    ...result,
    sourceId: piece.sourceId,
    ...(piece.rowOffset === undefined ? {} : { rowOffset: piece.rowOffset }),
    ...(piece.rows === undefined ? {} : { rows: piece.rows }),
    rawBytes: piece.rawBytes,
    attempts: progress.attempts,
    ambiguous: progress.ambiguous,
  })
}

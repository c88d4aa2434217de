import { report, reportLost } from './delivery.ts'
import type { Delivery, PieceProgress } from './delivery.ts'
import type { Piece } from './piece.ts'
import { queueBytes } from './queue-bytes.ts'
import type { QueueReason } from './streaming-events.ts'
import { isWithoutAnswer } from './without-answer.ts'

/** Hands a piece to the ingestion queue. */
export async function queuePiece(
  delivery: Delivery,
  piece: Piece,
  progress: PieceProgress,
  reason: QueueReason,
): Promise<void> {
  const { context, table, format, properties, settings, outcome } = delivery
  const body = await piece.body()
  let isSubmitted = false
  try {
    const queued = await queueBytes(
      context.sink,
      {
        table,
        properties,
        blob: {
          sourceId: piece.sourceId,
          body: body.bytes,
          extension: body.gzip ? `${format}.gz` : format,
          rows: piece.rows ?? 0,
          rawBytes: () => piece.rawBytes,
        },
        beforeSubmit: async () => {
          isSubmitted = true
        },
      },
      settings.signal,
    )
    outcome.via = queued.via
    report(delivery, piece, progress, {
      path: 'queued',
      reason,
      encodedBytes: queued.encodedBytes,
      url: queued.url,
      ...queued.tracking,
    })
  } catch (error) {
    if (isSubmitted && isWithoutAnswer(error)) {
      progress.ambiguous += 1
      outcome.counts.ambiguous += 1
    }
    reportLost(delivery, piece, progress, reason)
    throw error
  }
  const { rowOffset, rows, rawBytes } = piece
  settings.onEvent({ kind: 'piece-queued', rowOffset, rows, rawBytes, reason })
}

import { streamIngest } from '../client/streaming-ingest.ts'
import { streamingFailure } from '../client/streaming-failure.ts'
import type { StreamingFailure } from '../client/streaming-failure.ts'
import { report } from './delivery.ts'
import type { Delivery, PieceProgress } from './delivery.ts'
import type { Piece } from './piece.ts'
import type { TableState } from './table-state.ts'

/** One request; gives its failure, or undefined when the rows are in the table. */
export async function streamPiece(
  delivery: Delivery,
  piece: Piece,
  at: {
    readonly progress: PieceProgress
    readonly state: TableState
    readonly stop: AbortSignal
    readonly startedAt: number
  },
): Promise<StreamingFailure | undefined> {
  const { context, table, settings, outcome } = delivery
  const { progress, state, stop } = at
  const { database } = context.sink
  const body = await piece.body()
  // A table that is paused holds up nobody else's requests.
  await state.opened(stop)
  const place = await context.limit.acquire(settings.concurrency, stop)
  try {
    const leave = await state.enter(stop)
    try {
      progress.attempts += 1
      await streamIngest(
        context.rest,
        {
          database,
          table,
          format: delivery.format,
          ...(delivery.mapping === undefined ? {} : { mapping: delivery.mapping }),
          data: body,
        },
        {
          clientRequestId: `KAC.executeManagedStreamingIngest;${piece.sourceId};${progress.attempts}`,
          ...(settings.signal === undefined ? {} : { signal: settings.signal }),
        },
      )
    } finally {
      leave()
    }
    context.limit.succeeded(settings.concurrency)
    report(delivery, piece, progress, { path: 'streamed', encodedBytes: body.bytes.length })
    settings.onEvent({
      kind: 'piece-streamed',
      rowOffset: piece.rowOffset,
      rows: piece.rows,
      rawBytes: piece.rawBytes,
      attempts: progress.attempts,
      elapsedMs: context.now() - at.startedAt,
    })
    return undefined
  } catch (error) {
    const failure = streamingFailure(error, { database, table })
    if (failure === undefined) {
      // Aborted while it was under way, or never begun.
      if (settings.signal?.aborted === true && progress.attempts > 0) {
        report(delivery, piece, progress, { path: 'unknown', encodedBytes: body.bytes.length })
      }
      throw error
    }
    if (failure.kind === 'throttled') {
      outcome.counts.throttled += 1
      if (context.limit.throttled(place)) {
        settings.onEvent({ kind: 'concurrency-lowered', allowed: context.limit.allowed(settings.concurrency) })
      }
    }
    if (failure.kind === 'unknown') {
      outcome.counts.ambiguous += 1
      progress.ambiguous += 1
    }
    return failure
  } finally {
    place.release()
  }
}

import type { StreamingFailure } from '../client/streaming-failure.ts'
import { KustoIngestError } from '../errors.ts'
import { decideNext } from './decide-next.ts'
import type { NextStep } from './decide-next.ts'
import { report, reportLost } from './delivery.ts'
import type { Delivery, PieceProgress } from './delivery.ts'
import type { Piece } from './piece.ts'
import { queuePiece } from './queue-piece.ts'
import { streamPiece } from './stream-piece.ts'
import type { QueueReason } from './streaming-events.ts'
import type { TableState } from './table-state.ts'

/** Halves smaller than this are not worth a request each: their rows are queued. */
const LEAST_REQUEST_BYTES = 64 * 1024

/**
 * Streams a piece, and again, in halves, or through the queue as `decideNext` says. Resolves when its rows are in the
 * table or in the service's queue; until then no other piece stands for them.
 *
 * `stop` begins nothing new: waits end and no further attempt is made. A request under way is ended by the caller's own
 * signal only, because ending it would leave its outcome unknown.
 * @throws {KustoIngestError | KustoAuthError} the failure, when the piece is neither
 */
export async function deliverPiece(delivery: Delivery, piece: Piece, stop: AbortSignal): Promise<void> {
  return deliver(delivery, piece, { ambiguous: 0, stop })
}

/** `ambiguous`: attempts that were not answered while the rows were part of a larger piece. */
async function deliver(
  delivery: Delivery,
  piece: Piece,
  { ambiguous, stop }: { readonly ambiguous: number; readonly stop: AbortSignal },
): Promise<void> {
  const progress: PieceProgress = { attempts: 0, ambiguous, isSettled: false }
  try {
    await tryPiece(delivery, piece, { progress, stop })
  } catch (error) {
    // Stopped between two attempts, of which one was sent and not answered.
    if (!progress.isSettled && progress.ambiguous > 0) {
      report(delivery, piece, progress, { path: 'unknown', reason: 'unknown', encodedBytes: 0 })
    }
    throw error
  }
}

async function tryPiece(
  delivery: Delivery,
  piece: Piece,
  { progress, stop }: { readonly progress: PieceProgress; readonly stop: AbortSignal },
): Promise<void> {
  const { context, table, settings } = delivery
  const state = context.tables.of(table)
  const startedAt = context.now()
  for (;;) {
    stop.throwIfAborted()
    const barred = barredBy(delivery, state)
    if (barred !== undefined) return queuePiece(delivery, piece, progress, barred)
    const limitBytes = state.limitBytes(settings.maxRequestBytes)
    if (piece.rawBytes > limitBytes) return await deliverLarge(delivery, piece, { progress, limitBytes, stop })
    const failure = await streamPiece(delivery, piece, { progress, state, stop, startedAt })
    if (failure === undefined) return
    const next = decideNext(
      {
        failure,
        attempt: progress.attempts,
        elapsedMs: context.now() - startedAt,
        canSplit: piece.halves !== undefined,
      },
      settings,
      context.random,
    )
    try {
      await learn(delivery, piece, { failure, next, state, stop })
    } catch (error) {
      reportLost(delivery, piece, progress, failure.kind)
      throw error
    }
    switch (next.kind) {
      case 'retry':
        delivery.outcome.counts.retries += 1
        settings.onEvent({
          kind: 'piece-retried',
          attempt: progress.attempts,
          delayMs: next.delayMs,
          reason: failure.kind,
          message: failure.error.message,
        })
        await context.sleep(next.delayMs, stop)
        break
      case 'split':
        break
      case 'queue':
        return await queuePiece(delivery, piece, progress, failure.kind)
      case 'fail':
        reportLost(delivery, piece, progress, failure.kind)
        throw failure.error
    }
  }
}

/** Why the table is not tried at all, when it is not. */
function barredBy({ settings }: Delivery, { circuit }: TableState): QueueReason | undefined {
  if (circuit === undefined || settings.fallback === 'none') return undefined
  const kind = circuit.failure.kind
  const isUnavailable = kind === 'off' || kind === 'policy' || kind === 'endpoint'
  return isUnavailable && !settings.continueWhenUnavailable ? undefined : kind
}

/** A piece beyond what the table takes in one request: its halves, or the queue. */
async function deliverLarge(
  delivery: Delivery,
  piece: Piece,
  {
    progress,
    limitBytes,
    stop,
  }: { readonly progress: PieceProgress; readonly limitBytes: number; readonly stop: AbortSignal },
): Promise<void> {
  const { settings, outcome, table } = delivery
  if (piece.halves !== undefined && (limitBytes > 0 || settings.fallback === 'none')) {
    outcome.counts.splits += 1
    settings.onEvent({ kind: 'piece-split', rows: piece.rows ?? 0, rawBytes: piece.rawBytes, limitBytes })
    progress.isSettled = true
    return await deliverHalves(delivery, piece.halves(), { ambiguous: progress.ambiguous, stop })
  }
  const isOneRow = piece.rows === 1
  const reason = isOneRow ? 'row-too-large' : piece.rows === undefined ? 'source-too-large' : 'size'
  if (settings.fallback === 'queued') return await queuePiece(delivery, piece, progress, reason)
  reportLost(delivery, piece, progress, reason)
  const what = isOneRow ? `row ${piece.rowOffset ?? 0}` : 'data that cannot be split'
  throw new KustoIngestError(
    'KUSTO_STREAMING_TOO_LARGE',
    `expected at most ${limitBytes} bytes in one streaming request to table ${table}, found ${piece.rawBytes} of ${what}`,
    { context: { table } },
  )
}

/** One half after the other; when the first fails, what the whole has left open of the second is told too. */
async function deliverHalves(
  delivery: Delivery,
  [first, second]: readonly [Piece, Piece],
  { ambiguous, stop }: { readonly ambiguous: number; readonly stop: AbortSignal },
): Promise<void> {
  try {
    await deliver(delivery, first, { ambiguous, stop })
  } catch (error) {
    const progress = { attempts: 0, ambiguous, isSettled: false }
    reportLost(delivery, second, progress, ambiguous > 0 ? 'unknown' : 'size')
    throw error
  }
  await deliver(delivery, second, { ambiguous, stop })
}

/** Remembers for the table what the failure says about it. */
async function learn(
  delivery: Delivery,
  piece: Piece,
  at: {
    readonly failure: StreamingFailure
    readonly next: NextStep
    readonly state: TableState
    readonly stop: AbortSignal
  },
): Promise<void> {
  const { settings } = delivery
  const { failure, next, state, stop } = at
  if (failure.kind === 'unknown' && next.kind !== 'split') {
    settings.onEvent({ kind: 'outcome-unknown', rows: piece.rows, next: next.kind })
  }
  if (failure.kind === 'size') {
    // A little over a half, because halves of the rows are not halves of the bytes.
    const half = Math.floor(piece.rawBytes * 0.55)
    // Nothing that small is worth a request: whatever is left of larger pieces goes to the queue at once.
    state.learnLimit(half < LEAST_REQUEST_BYTES && settings.fallback === 'queued' ? 0 : Math.max(1, half))
  }
  if (failure.kind === 'schema') await delivery.confirmSchema(stop)
  if (next.kind !== 'queue') return
  const forMs = state.remember(failure)
  if (forMs > 0) settings.onEvent({ kind: 'circuit-opened', reason: failure.kind, forMs })
}

import { streamIngest } from '../client/streaming-ingest.ts'
import { streamingFailure } from '../client/streaming-failure.ts'
import type { StreamingFailure } from '../client/streaming-failure.ts'
import type { CommandTable } from '../client/command-table.ts'
import { redact } from '../protocol/redact.ts'
import type { RequestPlace } from './adaptive-limit.ts'
import { report } from './delivery.ts'
import type { Delivery, PieceProgress } from './delivery.ts'
import type { Piece, PieceBody } from './piece.ts'
import type { StreamingEvent } from './streaming-events.ts'
import type { TableState } from './table-state.ts'

/** Where a piece stands when a request for it begins. */
export interface StreamPieceState {
  readonly progress: PieceProgress
  readonly state: TableState
  /** Ends the wait for a place; a request that has begun is not ended by it. */
  readonly stop: AbortSignal
  readonly startedAt: number
}

/** One request; gives its failure, or undefined when the rows are in the table. */
export async function streamPiece(
  delivery: Delivery,
  piece: Piece,
  at: StreamPieceState,
): Promise<StreamingFailure | undefined> {
  const { context, settings } = delivery
  const { progress, state, stop } = at
  const body = await piece.body()
  // A table that is paused holds up nobody else's requests.
  await state.opened(stop)
  const place = await context.limit.acquire(settings.concurrency, stop)
  let answer: CommandTable | StreamingFailure
  try {
    answer = await sent(delivery, piece, { ...at, body, place })
  } finally {
    place.release()
  }
  if ('kind' in answer) return answer
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
  for (const event of updatePolicyFailures(answer)) settings.onEvent(event)
  return undefined
}

async function sent(
  delivery: Delivery,
  piece: Piece,
  at: StreamPieceState & { readonly body: PieceBody; readonly place: RequestPlace },
): Promise<CommandTable | StreamingFailure> {
  const { context, table, format, mapping, settings, outcome } = delivery
  const { progress, state, stop, body, place } = at
  const { database } = context.sink
  const { signal } = settings
  const leave = await state.enter(stop)
  progress.attempts += 1
  try {
    const clientRequestId = `KAC.executeManagedStreamingIngest;${piece.sourceId};${progress.attempts}`
    return await streamIngest(
      context.rest,
      { database, table, format, ...(mapping === undefined ? {} : { mapping }), data: body },
      { clientRequestId, ...(signal === undefined ? {} : { signal }) },
    )
  } catch (error) {
    const failure = streamingFailure(error, { database, table })
    if (failure === undefined) {
      if (signal?.aborted === true)
        report(delivery, piece, progress, { path: 'unknown', encodedBytes: body.bytes.length })
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
    leave()
  }
}

/** Newer services say in the answer what became of update policies that are not transactional. */
function* updatePolicyFailures({ columns, rows }: CommandTable): Generator<StreamingEvent> {
  if (!columns.some(({ name }) => name === 'UpdatePolicyStatus')) return
  for (const row of rows) {
    if (!/fail/i.test(row.text('UpdatePolicyStatus'))) continue
    const text = (name: string): string => (row.has(name) ? row.text(name) : '')
    yield {
      kind: 'update-policy-failed',
      code: text('UpdatePolicyFailureCode'),
      message: redact(text('UpdatePolicyFailureReason')),
    }
  }
}

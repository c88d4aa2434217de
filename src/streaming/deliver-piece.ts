import { streamIngest } from '../client/streaming-ingest.ts'
import { streamingFailure } from '../client/streaming-failure.ts'
import type { StreamingFailure } from '../client/streaming-failure.ts'
import { KustoIngestError } from '../errors.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { decideNext } from './decide-next.ts'
import type { NextStep } from './decide-next.ts'
import type { DeliverySettings } from './delivery-settings.ts'
import type { DeliveryCounts, ReceiptPiece } from './ingest-receipt-json.ts'
import type { Piece } from './piece.ts'
import { queueBytes } from './queue-bytes.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { QueueReason } from './streaming-events.ts'
import type { TableState } from './table-state.ts'

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

/** Halves smaller than this are not worth a request each: their rows are queued. */
const LEAST_REQUEST_BYTES = 64 * 1024

/** Where a piece stands. */
interface Progress {
  attempts: number
  ambiguous: number
}

/**
 * Streams a piece, and again, in halves, or through the queue as `decideNext` says. Resolves when its rows are in the
 * table or in the service's queue; until then no other piece stands for them.
 *
 * `stop` begins nothing new: waits end and no further attempt is made. A request under way is ended by the caller's own
 * signal only, because ending it would leave its outcome unknown.
 * @throws {KustoIngestError | KustoAuthError} the failure, when the piece is neither
 */
export async function deliverPiece(delivery: Delivery, piece: Piece, stop: AbortSignal): Promise<void> {
  const { context, table, settings } = delivery
  const state = context.tables.of(table)
  const progress: Progress = { attempts: 0, ambiguous: 0 }
  const startedAt = context.now()
  for (;;) {
    stop.throwIfAborted()
    const barred = barredBy(delivery, state)
    if (barred !== undefined) return queuePiece(delivery, piece, progress, barred)
    const limitBytes = state.limitBytes(settings.maxRequestBytes)
    if (piece.rawBytes > limitBytes) return await deliverLarge(delivery, piece, { progress, limitBytes, stop })
    const failure = await attempt(delivery, piece, { progress, state, stop, startedAt })
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
      report(delivery, piece, progress, { path: 'failed', reason: failure.kind, encodedBytes: 0 })
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
        report(delivery, piece, progress, {
          path: progress.ambiguous > 0 ? 'unknown' : 'failed',
          reason: failure.kind,
          encodedBytes: 0,
        })
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
  }: { readonly progress: Progress; readonly limitBytes: number; readonly stop: AbortSignal },
): Promise<void> {
  const { settings, outcome, table } = delivery
  if (piece.halves !== undefined && (limitBytes > 0 || settings.fallback === 'none')) {
    outcome.counts.splits += 1
    settings.onEvent({ kind: 'piece-split', rows: piece.rows ?? 0, rawBytes: piece.rawBytes, limitBytes })
    for (const half of piece.halves()) await deliverPiece(delivery, half, stop)
    return
  }
  const isOneRow = piece.rows === 1
  const reason = isOneRow ? 'row-too-large' : piece.rows === undefined ? 'source-too-large' : 'size'
  if (settings.fallback === 'queued') return await queuePiece(delivery, piece, progress, reason)
  report(delivery, piece, progress, { path: 'failed', reason, encodedBytes: 0 })
  const what = isOneRow ? `row ${piece.rowOffset ?? 0}` : 'data that cannot be split'
  throw new KustoIngestError(
    'KUSTO_STREAMING_TOO_LARGE',
    `expected at most ${limitBytes} bytes in one streaming request to table ${table}, found ${piece.rawBytes} of ${what}`,
    { context: { table } },
  )
}

/** One request; gives its failure, or undefined when the rows are in the table. */
async function attempt(
  delivery: Delivery,
  piece: Piece,
  at: {
    readonly progress: Progress
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

async function queuePiece(delivery: Delivery, piece: Piece, progress: Progress, reason: QueueReason): Promise<void> {
  const { context, table, format, properties, settings, outcome } = delivery
  const body = await piece.body()
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
      },
      settings.signal,
    )
    outcome.via = queued.via
    report(delivery, piece, progress, {
      path: 'queued',
      reason,
      encodedBytes: queued.encodedBytes,
      url: queued.url,
      ...(queued.operationId === undefined ? {} : { operationId: queued.operationId }),
      ...(queued.statusTable === undefined ? {} : { statusTable: queued.statusTable }),
    })
  } catch (error) {
    report(delivery, piece, progress, {
      path: progress.ambiguous > 0 ? 'unknown' : 'failed',
      reason,
      encodedBytes: 0,
    })
    throw error
  }
  const { rowOffset, rows, rawBytes } = piece
  settings.onEvent({ kind: 'piece-queued', rowOffset, rows, rawBytes, reason })
}

type Result = Pick<ReceiptPiece, 'path' | 'encodedBytes'> &
  Partial<Pick<ReceiptPiece, 'reason' | 'url' | 'operationId' | 'statusTable'>>

function report({ outcome }: Delivery, piece: Piece, progress: Progress, result: Result): void {
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

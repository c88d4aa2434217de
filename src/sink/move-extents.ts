import { delayBoundMs } from '../base/retry.ts'
import type { RetryPolicy } from '../base/retry.ts'
import { sleep as realSleep } from '../base/sleep.ts'
import type { Sleep } from '../base/sleep.ts'
import { mayHaveArrived } from '../client/network-error.ts'
import { KustoAuthError, KustoError, KustoServiceError, KustoUsageError } from '../errors.ts'
import { dropExtents } from '../kql/commands/extent-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { listExtents, rowsOf } from './extent-list.ts'
import type { ListedExtent } from './extent-list.ts'
import type { SinkContext } from './sink-context.ts'
import { awaitMove } from './await-move.ts'
import type { MovedRow } from './await-move.ts'

/** Attempts at one move. What may have been carried out is looked at before it is tried again. */
export const MOVE_RETRY: RetryPolicy = Object.freeze({
  maxAttempts: 5,
  firstDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 30_000,
})

export interface MoveRequest {
  /** The table that holds the rows of this write, and nothing else. */
  readonly staging: string
  readonly extents: readonly ListedExtent[]
  /** Whether the service may merge extents of that table, and so give them other ids. */
  readonly mayMerge: boolean
  /**
   * The command that moves these extents in one transaction, or fails as a whole. Asked for anew for each attempt, always
   * before it is looked whether an earlier one was carried out after all.
   */
  readonly command: (extents: readonly ListedExtent[]) => Promise<Kql>
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly random?: () => number
  readonly sleep?: Sleep
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

/**
 * `moved`: all extents are in the target. `untouched`: none is, and none will be. `unknown`: nobody can tell, or a command
 * may still be under way; then the staging table must stay.
 */
export type MoveOutcome = { readonly operationIds: readonly string[] } & (
  | { readonly kind: 'moved'; readonly rows: readonly MovedRow[] }
  | { readonly kind: 'untouched' | 'unknown'; readonly error: unknown }
)

/**
 * Moves extents of a staging table in one transaction. Never trusts a missing answer: an operation's state decides, and
 * where there is none, which extents the staging table still has. An extent can be moved once only, so that a command sent
 * twice does no harm. Does not reject.
 */
export async function moveExtents(context: SinkContext, request: MoveRequest): Promise<MoveOutcome> {
  const { signal } = request
  const now = request.now ?? (() => performance.now())
  const deadlineMs = now() + request.timeoutMs
  const operationIds: string[] = []
  let { extents } = request
  /** Whether an attempt was sent whose end was not seen. */
  let isOpen = false
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(context, request, { extents, isOpen, deadlineMs, now, operationIds })
    if (outcome.kind === 'moved') return { kind: 'moved', operationIds, rows: outcome.rows }
    isOpen ||= outcome.isOpen
    const failed = { error: outcome.error, operationIds }
    if (signal?.aborted === true) return { kind: isOpen ? 'unknown' : 'untouched', ...failed, error: signal.reason }
    const place = await whereAre(context, { ...request, extents }, signal)
    if (place.at === 'target') return { kind: 'moved', operationIds, rows: [] }
    if (place.at === 'unknown') return { kind: 'unknown', ...failed }
    extents = place.extents
    const delayMs = (request.random ?? Math.random)() * delayBoundMs(attempt, MOVE_RETRY)
    const mayRetry =
      outcome.isOpen ||
      isRetryable(outcome.error) ||
      place.isChanged ||
      (outcome.sent !== undefined && (await isStale(request, extents, outcome.sent)))
    if (!mayRetry || attempt >= MOVE_RETRY.maxAttempts || now() + delayMs > deadlineMs) {
      return { kind: isOpen ? 'unknown' : 'untouched', ...failed }
    }
    try {
      await (request.sleep ?? realSleep)(delayMs, signal)
    } catch {
      return { kind: isOpen ? 'unknown' : 'untouched', ...failed, error: signal?.reason }
    }
  }
}

interface Attempt {
  readonly extents: readonly ListedExtent[]
  readonly isOpen: boolean
  readonly deadlineMs: number
  readonly now: () => number
  readonly operationIds: string[]
}

type AttemptOutcome =
  | { readonly kind: 'moved'; readonly rows: readonly MovedRow[] }
  | { readonly kind: 'failed'; readonly isOpen: boolean; readonly error: unknown; readonly sent?: string }

/** Whether the command that failed named extents of the target that are not there any more. */
async function isStale(request: MoveRequest, extents: readonly ListedExtent[], sent: string): Promise<boolean> {
  try {
    return (await request.command(extents)).text !== sent
  } catch {
    return false
  }
}

async function attemptOnce(context: SinkContext, request: MoveRequest, attempt: Attempt): Promise<AttemptOutcome> {
  const { signal } = request
  const { extents, deadlineMs, now } = attempt
  let operationId: string
  let sent: string | undefined
  try {
    signal?.throwIfAborted()
    const csl = await request.command(extents)
    if (attempt.isOpen) {
      // The earlier command may have been carried out after the target was looked at: then this one must not be sent.
      const place = await whereAre(context, { ...request, extents }, signal)
      if (place.at !== 'staging') throw new Error('the extents are no longer where they were')
    }
    sent = csl.text
    const [row] = await context.command(csl, signal)
    operationId = row?.text('OperationId') ?? ''
  } catch (error) {
    return {
      kind: 'failed',
      isOpen: sent !== undefined && mayBeUnderWay(error),
      error,
      ...(sent === undefined ? {} : { sent }),
    }
  }
  attempt.operationIds.push(operationId)
  const ended = await awaitMove(context, {
    operationId,
    timeoutMs: deadlineMs - now(),
    signal,
    ...(request.sleep === undefined ? {} : { sleep: request.sleep }),
    ...(request.random === undefined ? {} : { random: request.random }),
    ...(request.now === undefined ? {} : { now: request.now }),
  })
  if (ended.kind !== 'completed') return { kind: 'failed', isOpen: ended.kind === 'open', error: ended.error, sent }
  const moved = new Set(ended.rows.filter(({ isMoved }) => isMoved).map(({ from }) => from))
  if (extents.every(({ id }) => moved.has(id))) return { kind: 'moved', rows: ended.rows }
  return { kind: 'failed', isOpen: false, error: notAll(operationId, ended.rows) }
}

/** The service moves all or nothing, and says so for each extent; an answer that says less is not believed. */
function notAll(operationId: string, rows: readonly MovedRow[]): KustoServiceError {
  const details =
    rows.find(({ isMoved }) => !isMoved)?.details ?? 'the details name fewer extents than were to be moved'
  return new KustoServiceError('KUSTO_MOVE_FAILED', `the move with operation id ${operationId} failed: ${details}`, {
    status: 200,
  })
}

export type Place =
  | { readonly at: 'staging'; readonly extents: readonly ListedExtent[]; readonly isChanged: boolean }
  | { readonly at: 'target' }
  | { readonly at: 'unknown' }

/** Where the extents are, told by what the staging table still has. Never rejects: then it is not known. */
export async function whereAre(
  context: SinkContext,
  { staging, extents, mayMerge }: Pick<MoveRequest, 'staging' | 'extents' | 'mayMerge'>,
  signal: AbortSignal | undefined,
): Promise<Place> {
  let listed: readonly ListedExtent[]
  try {
    listed = await listExtents(context, { table: staging }, signal)
  } catch {
    return { at: 'unknown' }
  }
  const present = new Set(listed.map(({ id }) => id))
  const here = extents.filter(({ id }) => present.has(id)).length
  if (here === extents.length) return { at: 'staging', extents, isChanged: false }
  // Merged extents hold the same rows under other ids.
  if (mayMerge && rowsOf(listed) === rowsOf(extents)) return { at: 'staging', extents: listed, isChanged: true }
  return here === 0 && (!mayMerge || listed.length === 0) ? { at: 'target' } : { at: 'unknown' }
}

/**
 * Ends the doubt about a move that may be under way: extents that are dropped here can no longer move. Only for rows that
 * nobody wants any more.
 */
export async function recallExtents(
  context: SinkContext,
  request: Pick<MoveRequest, 'staging' | 'extents' | 'mayMerge'>,
  signal: AbortSignal,
): Promise<'untouched' | 'moved' | 'unknown'> {
  const ids = request.extents.map(({ id }) => id)
  try {
    const rows = await context.command(dropExtents(request.staging, ids), signal)
    const dropped = new Set(rows.map((row) => row.text('ExtentId').toLowerCase()))
    if (ids.every((id) => dropped.has(id))) return 'untouched'
    if (dropped.size > 0) return 'unknown'
  } catch (error) {
    // The service may refuse to drop what is gone; a lost answer may have dropped all.
    if (mayBeUnderWay(error)) return 'unknown'
  }
  return (await whereAre(context, request, signal)).at === 'target' ? 'moved' : 'unknown'
}

/** A refusal is an answer: nothing runs. Anything else may have reached the service. */
function mayBeUnderWay(error: unknown): boolean {
  if (error instanceof KustoUsageError || error instanceof KustoAuthError) return false
  if (error instanceof KustoServiceError) return !(error.status >= 400 && error.status < 500 && error.status !== 408)
  return mayHaveArrived(error)
}

function isRetryable(error: unknown): boolean {
  return error instanceof KustoError && error.retryable
}

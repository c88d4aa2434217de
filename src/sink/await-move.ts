import { poll } from '../base/poll.ts'
import { sleep as realSleep } from '../base/sleep.ts'
import type { Sleep } from '../base/sleep.ts'
import { KustoError, KustoProtocolError, KustoServiceError } from '../errors.ts'
import { showOperation, showOperationDetails } from '../kql/commands/operation-commands.ts'
import { redact } from '../protocol/redact.ts'
import type { SinkContext } from './sink-context.ts'

export interface AwaitMoveOptions {
  readonly operationId: string
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly random?: () => number
  readonly sleep?: Sleep
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

/** One extent of a move or replace, as the operation's details tell it. */
export interface MovedRow {
  /** In lower case. */
  readonly from: string
  /** Whether it is in the target now. False for one that failed, and for one that was dropped. */
  readonly isMoved: boolean
  readonly details: string
}

/** `failed`: the service says that nothing was done. `open`: its end was not seen. */
export type MoveEnd =
  | { readonly kind: 'completed'; readonly rows: readonly MovedRow[] }
  | { readonly kind: 'failed' | 'open'; readonly error: unknown }

/** Ends that say that the operation did nothing. `Abandoned` and `PartiallySucceeded` do not say so. */
const FAILED: ReadonlySet<string> = new Set(['Failed', 'Throttled', 'BadInput', 'Canceled'])
const UNDER_WAY: ReadonlySet<string> = new Set(['InProgress', 'Scheduled'])
/** Few extents move in less: then one question is enough. */
const FIRST_LOOK_MS = 250
/** Questions that may fail in a row. */
const MAX_FAILED_POLLS = 5

/** Waits for the operation of a move and reads what it did. Never rejects. */
export async function awaitMove(context: SinkContext, options: AwaitMoveOptions): Promise<MoveEnd> {
  const { operationId, signal } = options
  try {
    await (options.sleep ?? realSleep)(FIRST_LOOK_MS, signal)
    const { state, status, shouldRetry } = await pollState(context, options)
    if (state === 'Completed') {
      const details = await context.command(showOperationDetails(operationId), signal)
      const rows = details.map((row) => {
        const result = row.text('ResultExtentId')
        return {
          from: row.text('OriginalExtentId').toLowerCase(),
          isMoved: result !== '' && result.toLowerCase() !== 'failed',
          details: redact(row.text('Details')),
        }
      })
      return { kind: 'completed', rows }
    }
    const error = new KustoServiceError(
      'KUSTO_MOVE_FAILED',
      `the move with operation id ${operationId} ended as ${state}: ${status === '' ? 'no reason given' : status}`,
      { status: 200, retryable: state === 'Throttled' || shouldRetry },
    )
    return { kind: FAILED.has(state) ? 'failed' : 'open', error }
  } catch (error) {
    return { kind: 'open', error }
  }
}

interface OperationEnd {
  readonly state: string
  readonly status: string
  readonly shouldRetry: boolean
}

async function pollState(context: SinkContext, options: AwaitMoveOptions): Promise<OperationEnd> {
  const { operationId, signal, timeoutMs, random, sleep, now } = options
  let failedPolls = 0
  return poll(
    async () => {
      try {
        const [row] = await context.command(showOperation(operationId), signal)
        if (row === undefined) {
          throw new KustoProtocolError('KUSTO_BAD_ANSWER', `expected operation ${operationId}, found no such operation`)
        }
        failedPolls = 0
        const state = row.text('State')
        if (UNDER_WAY.has(state)) return undefined
        const told = row.has('ShouldRetry') ? row.cell('ShouldRetry') : null
        const status = row.has('Status') ? redact(row.text('Status')) : ''
        return { state, status, shouldRetry: told === true || told === 1 }
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof KustoError && error.retryable) || ++failedPolls > MAX_FAILED_POLLS) throw error
        return undefined
      }
    },
    {
      what: `the move with operation id ${operationId}`,
      timeoutMs: Math.max(1, timeoutMs),
      firstDelayMs: 250,
      ...(signal === undefined ? {} : { signal }),
      ...(random === undefined ? {} : { random }),
      ...(sleep === undefined ? {} : { sleep }),
      ...(now === undefined ? {} : { now }),
    },
  )
}

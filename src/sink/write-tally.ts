import type { RetryNotice } from '../base/retry.ts'
import { shortReason } from '../storage/storage-error.ts'
import type { SinkContext } from './sink-context.ts'
import type { OnWriteEvent } from './write-events.ts'

/**
 * What a repeated request was for: a management command, a request of an upload, a whole blob in another container, handing
 * blobs to the service's queue, asking for their state.
 */
export type RetryPhase = 'command' | 'upload' | 'container' | 'submit' | 'status'

/** What a write has cost so far, beyond its bytes. */
export interface WriteTally {
  /** Management commands that were sent. */
  commands: number
  /** Requests that were repeated. */
  readonly retries: Record<RetryPhase, number>
}

export type TellRetry = (phase: RetryPhase) => (notice: RetryFacts) => void

type RetryFacts = Pick<RetryNotice, 'attempt' | 'error'> & Partial<Pick<RetryNotice, 'delayMs'>>

export function newTally(): WriteTally {
  return { commands: 0, retries: { command: 0, upload: 0, container: 0, submit: 0, status: 0 } }
}

/** Counts repeated requests and tells of each. */
export function retryTeller(tally: WriteTally, onEvent: OnWriteEvent): TellRetry {
  return (phase) =>
    ({ attempt, delayMs = 0, error }) => {
      tally.retries[phase]++
      onEvent({ kind: 'retry', phase, attempt, delayMs, reason: shortReason(error) })
    }
}

/** The context of one write: what it does is counted there, and not with that of others. */
export function contextForWrite(context: SinkContext, onEvent: OnWriteEvent): SinkContext {
  const tally = newTally()
  const tellRetry = retryTeller(tally, onEvent)
  return {
    ...context,
    tally,
    tellRetry,
    command: (csl, signal, call) => {
      tally.commands++
      return context.command(csl, signal, { ...call, onRetry: tellRetry('command') })
    },
  }
}

import { randomUUID } from 'node:crypto'
import { ticksFromUnixMs } from '../../base/ticks.ts'
import { LocalError } from '../server/local-error.ts'
import type { ResultTable } from './result-table.ts'

export type OperationState =
  | 'InProgress'
  | 'Completed'
  | 'PartiallySucceeded'
  | 'Failed'
  | 'Throttled'
  | 'Canceled'
  | 'Skipped'

/** What a command gives when it ends; `state` is Completed unless it says otherwise. */
export interface OperationResult extends ResultTable {
  readonly state?: 'Completed' | 'PartiallySucceeded' | 'Skipped' | undefined
  /** Text of the Status column. */
  readonly status?: string | undefined
}

export interface OperationRecord {
  readonly id: string
  /** The service's name of the kind: `DataExportToFile`, `TableAppend`, ... */
  readonly kind: string
  readonly database: string
  readonly clientRequestId: string
  /** datetime ticks. */
  readonly startedTicks: bigint
  readonly updatedTicks: bigint
  readonly state: OperationState
  readonly status: string
  readonly shouldRetry: boolean
  /** The rows of the synchronous form, when they are kept. */
  readonly details: ResultTable | undefined
}

export interface OperationOptions {
  /** Keep the result for `.show operation <id> details`; default true. */
  readonly keepDetails?: boolean
  readonly clientRequestId?: string
}

type Work = (signal: AbortSignal, operationId: string) => Promise<OperationResult>

interface Running {
  readonly abort: AbortController
  readonly ended: Promise<void>
}

/** The service keeps two weeks; this keeps the newest. */
const MAX_RECORDS = 10_000

/** Commands that run longer than their request, and the log of them. The log lives as long as the process. */
export class Operations {
  readonly #records = new Map<string, OperationRecord>()
  readonly #running = new Map<string, Running>()
  #closed = false

  /** Runs `work` in the background and gives its operation id at once. */
  start(kind: string, database: string, work: Work, options: OperationOptions = {}): string {
    const { id, ended } = this.#begin(kind, database, work, options)
    // The failure is in the record; nobody waits for this promise.
    ended.catch(() => undefined)
    return id
  }

  /** Runs `work` and waits for it; it is in the log like any other. An abort of `signal` stops it. */
  async run(
    kind: string,
    database: string,
    signal: AbortSignal,
    work: Work,
    options: OperationOptions = {},
  ): Promise<OperationResult> {
    const { id, ended } = this.#begin(kind, database, work, options)
    const stop = (): void => this.#running.get(id)?.abort.abort(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await ended
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  get(id: string): OperationRecord | undefined {
    return this.#records.get(id.toLowerCase())
  }

  /** In order of start. */
  list(): readonly OperationRecord[] {
    return [...this.#records.values()]
  }

  /** Stops a running operation and waits until it has stopped. False when it was not running. */
  async cancel(id: string, reason = ''): Promise<boolean> {
    const running = this.#running.get(id.toLowerCase())
    if (running === undefined) return false
    running.abort.abort(canceled(reason))
    await running.ended
    return this.get(id)?.state === 'Canceled'
  }

  /** Stops everything and waits for it. */
  async close(): Promise<void> {
    this.#closed = true
    const running = [...this.#running.values()]
    for (const { abort } of running) abort.abort(canceled('the embedded Kusto is closing'))
    await Promise.all(running.map(({ ended }) => ended))
  }

  #begin(
    kind: string,
    database: string,
    work: Work,
    options: OperationOptions,
  ): { readonly id: string; readonly ended: Promise<OperationResult> } {
    if (this.#closed)
      throw new LocalError('Aborted', 'the embedded Kusto is closing', { status: 503, permanent: false })
    const id = randomUUID()
    const abort = new AbortController()
    const now = ticksFromUnixMs(Date.now())
    const record: OperationRecord = {
      id,
      kind,
      database,
      clientRequestId: options.clientRequestId ?? '',
      startedTicks: now,
      updatedTicks: now,
      state: 'InProgress',
      status: '',
      shouldRetry: false,
      details: undefined,
    }
    this.#put(record)
    // A turn later, so that a caller holds the id before the work can end.
    const ended = Promise.resolve()
      .then(() => {
        abort.signal.throwIfAborted()
        return work(abort.signal, id)
      })
      .then(
        (result) => {
          this.#finish(record, completed(result, options.keepDetails ?? true))
          return result
        },
        (error: unknown) => {
          this.#finish(record, failed(error, abort.signal))
          throw abort.signal.aborted ? abort.signal.reason : error
        },
      )
    const settled = ended.then(
      () => undefined,
      () => undefined,
    )
    this.#running.set(id, { abort, ended: settled })
    return { id, ended }
  }

  #finish(record: OperationRecord, end: Partial<OperationRecord>): void {
    this.#running.delete(record.id)
    this.#put({ ...record, ...end, updatedTicks: ticksFromUnixMs(Date.now()) })
  }

  #put(record: OperationRecord): void {
    this.#records.set(record.id, record)
    for (const id of this.#records.keys()) {
      if (this.#records.size <= MAX_RECORDS) break
      if (!this.#running.has(id)) this.#records.delete(id)
    }
  }
}

function completed(result: OperationResult, keepDetails: boolean): Partial<OperationRecord> {
  const { columns, rows } = result
  return {
    state: result.state ?? 'Completed',
    status: result.status ?? '',
    details: keepDetails ? { columns, rows } : undefined,
  }
}

function failed(error: unknown, signal: AbortSignal): Partial<OperationRecord> {
  if (signal.aborted) return { state: 'Canceled', status: messageOf(signal.reason) }
  if (!(error instanceof LocalError)) return { state: 'Failed', status: messageOf(error), shouldRetry: false }
  return {
    state: error.status === 429 ? 'Throttled' : 'Failed',
    status: error.message,
    shouldRetry: !error.permanent,
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function canceled(reason: string): LocalError {
  return new LocalError('Request_Canceled', reason === '' ? 'the operation was canceled' : reason, {
    permanent: true,
    type: 'Kusto.Data.Exceptions.KustoRequestCanceledException',
  })
}

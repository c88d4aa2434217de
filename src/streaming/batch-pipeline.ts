import pLimit from 'p-limit'
import { AbortScope, untilAborted } from '../base/abort.ts'
import { NO_RETRY, retry } from '../base/retry.ts'
import type { RetryPolicy } from '../base/retry.ts'
import { KustoError, KustoIngestError, KustoServiceError } from '../errors.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { BatchOutcome, BatchSink, BatchStage, ResumePoint, SendOptions } from './batch-sink.ts'
import type { OnWriterEvent } from './writer-events.ts'
import type { MetricsRecorder } from './writer-metrics.ts'

export interface PipelineOptions<Setup> {
  readonly sink: BatchSink<Setup>
  readonly maxInFlightBatches: number
  /** Attempts at one batch begin no later than this after the first. */
  readonly retryTimeoutMs: number
  /** Takes a batch that failed for good; without it a failure ends the writer. */
  readonly reject: ((batch: SealedBatch<Setup>, error: unknown) => Promise<'dead-letter' | 'nowhere'>) | undefined
  readonly onEvent: OnWriterEvent
  readonly metrics: MetricsRecorder
  /** All batches before this sequence number are done. Called in order. */
  readonly onAdvance: (doneBefore: number) => void
  readonly onFailure: (error: unknown) => void
}

/** Attempts at one batch. What is inside of an attempt has retries of its own, so these are few and far between. */
const BATCH_RETRY: RetryPolicy = { maxAttempts: 6, firstDelayMs: 1_000, factor: 2, maxDelayMs: 30_000 }

/**
 * Sends batches, several at once, and tells of them in order: a batch counts as done when all before it are too. The first
 * failure ends all others; nothing is sent afterwards.
 */
export class BatchPipeline<Setup> {
  readonly #options: PipelineOptions<Setup>
  readonly #limit: ReturnType<typeof pLimit>
  readonly #scope: AbortScope
  readonly #running = new Set<Promise<void>>()
  readonly #doneAhead = new Set<number>()
  readonly #waiting = new Set<() => void>()
  #doneBefore: number
  #failure: { readonly error: unknown } | undefined

  constructor(options: PipelineOptions<Setup>, firstSequence = 0) {
    this.#options = options
    this.#limit = pLimit(options.maxInFlightBatches)
    this.#scope = new AbortScope()
    this.#doneBefore = firstSequence
  }

  /** All batches before this sequence number are done. */
  get doneBefore(): number {
    return this.#doneBefore
  }

  get inFlight(): number {
    return this.#running.size
  }

  /** Takes a batch; `release` is called when it is done or given up. */
  launch(batch: SealedBatch<Setup>, point: ResumePoint, release: () => void): void {
    const sealedAt = performance.now()
    const work = this.#limit(() => this.#run(batch, point, sealedAt)).then(release, (error: unknown) => {
      release()
      this.#fail(error)
    })
    const running: Promise<void> = work.finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Resolves when all batches before `sequence` are done; rejects with what ended the pipeline. */
  async until(sequence: number, signal?: AbortSignal): Promise<void> {
    while (this.#doneBefore < sequence) {
      if (this.#failure !== undefined) throw this.#failure.error
      let wake: (() => void) | undefined
      const woken = new Promise<void>((resolve) => {
        wake = resolve
        this.#waiting.add(resolve)
      })
      try {
        await untilAborted(woken, signal)
      } finally {
        if (wake !== undefined) this.#waiting.delete(wake)
      }
    }
  }

  /** Ends what is under way and waits for it. Nothing is sent afterwards. */
  async abort(reason: unknown): Promise<void> {
    this.#failure ??= { error: reason }
    this.#scope.abort(reason)
    this.#wake()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #run(batch: SealedBatch<Setup>, point: ResumePoint, sealedAt: number): Promise<void> {
    if (this.#failure !== undefined) return
    const { sequence, rows } = batch
    const { onEvent, metrics } = this.#options
    const outcome = await this.#sendOrGiveUp(batch, point)
    if (outcome !== undefined) {
      const elapsedMs = performance.now() - sealedAt
      metrics.counters.acknowledgedRows += rows
      metrics.counters.acknowledgedBytes += outcome.rawBytes
      metrics.counters.duplicateRows += outcome.duplicateRows
      metrics.counters.fallbackRows += outcome.fallbackRows ?? 0
      metrics.counters.ambiguous += outcome.ambiguous ?? 0
      metrics.counters.throttles += outcome.throttles ?? 0
      metrics.acknowledged(elapsedMs)
      const { rawBytes, duplicateRows, receipt } = outcome
      onEvent({ kind: 'batch-done', sequence, rows, elapsedMs, rawBytes, duplicateRows, receipt })
    }
    this.#done(sequence)
  }

  /** Undefined when the batch failed for good and somebody else has it now. */
  async #sendOrGiveUp(batch: SealedBatch<Setup>, point: ResumePoint): Promise<BatchOutcome | undefined> {
    const { sequence, rows } = batch
    try {
      return await this.#send(batch, point)
    } catch (error) {
      const { reject, sink, metrics, onEvent } = this.#options
      if (this.#scope.signal.aborted || reject === undefined || sink.refuses?.(error) === false) throw error
      const to = await reject(batch, error).catch((cause: unknown) => {
        throw letterFailed(batch, [error, cause])
      })
      await sink.giveUp?.(batch, error)
      metrics.counters.rejectedRows += rows
      onEvent({ kind: 'batch-rejected', sequence, rows, to, error })
      return undefined
    }
  }

  async #send(batch: SealedBatch<Setup>, point: ResumePoint): Promise<BatchOutcome> {
    const { sink, retryTimeoutMs } = this.#options
    const { sequence, rows } = batch
    const tellers = this.#tellers(sequence, rows)
    return retry((attempt) => sink.send(batch, { attempt, point, signal: this.#scope.signal, ...tellers }), {
      policy: sink.repeatsItself === true ? NO_RETRY : BATCH_RETRY,
      deadlineMs: retryTimeoutMs,
      signal: this.#scope.signal,
      onRetry: tellers.onRetry,
    })
  }

  /** A sink may tell of a batch long after it counts as done, so what it calls is made where no batch is in scope. */
  #tellers(sequence: number, rows: number): Pick<SendOptions, 'onStage' | 'onRetry' | 'onReject'> {
    const { onEvent, metrics } = this.#options
    const reached = new Set<BatchStage>()
    return {
      onStage: (stage) => {
        if (reached.has(stage)) return
        reached.add(stage)
        metrics.counters[`${stage}Rows`] += rows
        onEvent({ kind: 'batch-stage', sequence, stage })
      },
      onRetry: ({ attempt, delayMs, error }) => {
        const code = error instanceof KustoError ? error.code : 'unknown'
        metrics.retried(code)
        if (error instanceof KustoServiceError && error.status === 429) metrics.counters.throttles++
        onEvent({ kind: 'batch-retried', sequence, attempt, delayMs, code })
      },
      onReject: (error) => {
        metrics.counters.rejectedRows += rows
        onEvent({ kind: 'batch-rejected', sequence, rows, to: 'dead-letter', error })
      },
    }
  }

  #done(sequence: number): void {
    this.#doneAhead.add(sequence)
    const before = this.#doneBefore
    while (this.#doneAhead.delete(this.#doneBefore)) this.#doneBefore++
    if (this.#doneBefore === before) return
    this.#options.onAdvance(this.#doneBefore)
    this.#wake()
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { error }
    this.#scope.abort(error)
    this.#wake()
    this.#options.onFailure(error)
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}

/** Both failures, the one of the batch first: the dead letter's alone would hide why it was called. */
function letterFailed({ sequence, rows }: SealedBatch<unknown>, causes: readonly [unknown, unknown]): KustoIngestError {
  const [refusal, failure] = causes.map((each) => (each instanceof Error ? each.message : String(each)))
  return new KustoIngestError(
    'KUSTO_DEAD_LETTER_FAILED',
    `the dead letter did not take batch ${sequence} of ${rows} rows: ${failure}; the batch had failed: ${refusal}`,
    { cause: new AggregateError(causes) },
  )
}

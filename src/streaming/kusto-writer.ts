import { AbortScope, untilAborted } from '../base/abort.ts'
import { checkNames } from '../base/check-options.ts'
import { BatchPipeline } from './batch-pipeline.ts'
import type { BatchSink, ResumePoint } from './batch-sink.ts'
import { OpenBatch } from './open-batch.ts'
import { SourceProgress } from './source-progress.ts'
import { Turns } from './turns.ts'
import { WriterIntake } from './writer-intake.ts'
import type { WriterInput } from './writer-intake.ts'
import { MetricsRecorder } from './writer-metrics.ts'
import type { WriterMetrics } from './writer-metrics.ts'
import type { OnWriterEvent } from './writer-events.ts'
import type { WriterSettings } from './writer-settings.ts'
import { WriterState } from './writer-state.ts'

export interface WriterWriteOptions {
  /** Where the source stands after these rows, in its own terms; given back to `onAck`. */
  readonly position?: unknown
  readonly signal?: AbortSignal
}

/** Rows that a writer has taken. */
export interface WrittenRows {
  readonly rows: number
  /** Resolves when these rows, and all before them, count as written; rejects when the writer fails before. */
  acknowledged(signal?: AbortSignal): Promise<void>
}

/** What `flush` and `close` have seen to. */
export interface FlushedRows {
  /** Rows and batches written since the writer was opened. */
  readonly rows: number
  readonly batches: number
}

/** What is not an option of any writer. */
export interface WriterBehaviour {
  /** The rows of one write go into one batch, or are refused. */
  readonly wholeWrites?: boolean
  /** Rows of a write from which the schema of plain objects is inferred. Default: all that `readBatches` looks at. */
  readonly inferRows?: number | undefined
  /** Gets what goes wrong while something else is told. */
  readonly warn?: (message: string) => void
}

/** Keeps writing rows to one table: gathers them into batches, and sends those in the background. */
export class KustoWriter implements AsyncDisposable {
  readonly table: string
  /** Resolves when the writer was closed, and rejects with what ended it otherwise, without being an unhandled rejection. */
  readonly closed: Promise<void>
  readonly #state: WriterState
  readonly #sink: BatchSink
  readonly #intake: WriterIntake
  readonly #progress: SourceProgress
  readonly #settings: WriterSettings & WriterBehaviour
  readonly #batch: OpenBatch
  readonly #pipeline: BatchPipeline<unknown>
  readonly #scope: AbortScope
  readonly #metrics = new MetricsRecorder()
  readonly #turns = new Turns()
  // Nobody waits for it; what cannot be let go of is in the log.
  readonly #onAbort = (): void => void this.abort(this.#settings.signal?.reason).catch(() => undefined)
  #opening: Promise<ResumePoint | undefined> | undefined
  #ending: Promise<FlushedRows> | undefined
  #releasing: Promise<void> | undefined

  /** @internal Made by `KustoConnector.writer`. */
  constructor(table: string, sink: BatchSink, settings: WriterSettings & WriterBehaviour) {
    this.table = table
    this.#state = new WriterState(table)
    this.closed = this.#state.closed
    this.#sink = sink
    this.#settings = settings
    const { maxBatchBytes, wholeWrites = false, inferRows } = settings
    this.#intake = new WriterIntake(sink, { table, maxBatchBytes, wholeWrites, inferRows })
    this.#progress = new SourceProgress(table, settings.onAck)
    this.#scope = new AbortScope()
    const onEvent = (event: Parameters<OnWriterEvent>[0]): void => this.#guarded(() => settings.onEvent(event))
    this.#batch = new OpenBatch({
      settings: { ...settings, onEvent },
      metrics: this.#metrics,
      launch: (batch, release) => this.#pipeline.launch(batch, this.#progress.pointAfter(batch), release),
    })
    this.#pipeline = new BatchPipeline<unknown>({
      sink,
      maxInFlightBatches: settings.maxInFlightBatches,
      retryTimeoutMs: settings.retryTimeoutMs,
      reject: rejection(settings),
      onEvent,
      metrics: this.#metrics,
      onAdvance: (doneBefore) => this.#progress.advance(doneBefore),
      onFailure: (error) => this.#fail(error),
    })
    // While it closes, what else is under way is still brought to its end, and `close` tells.
    sink.watch?.((error) => void (this.#state.is('open') && this.#fail(error)))
    const { signal } = settings
    if (signal?.aborted === true) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /**
   * Opens the log of an exactly-once writer, sees to what an earlier one has left, and tells where the source goes on;
   * undefined when nothing was written before. The first `write` does the same. Other writers have nothing to open.
   * @throws {KustoUsageError} KUSTO_LOG_IN_USE, KUSTO_OTHER_STREAM, KUSTO_LOG_LOST, KUSTO_NOT_EXACTLY_ONCE
   */
  open(): Promise<ResumePoint | undefined> {
    this.#state.checkOpen()
    this.#opening ??= this.#open()
    return this.#opening
  }

  /**
   * Takes rows. Resolves when they fit into memory, not when they are written; rows of several calls keep the order of the
   * calls.
   * @throws {KustoUsageError} KUSTO_WRITER_CLOSED after `close` or `abort`
   * @throws {KustoError} what ended the writer; and what is wrong with these rows, of which none is written then and the
   * writer goes on
   */
  async write(data: WriterInput, options: WriterWriteOptions = {}): Promise<WrittenRows> {
    checkNames(options, ['position', 'signal'])
    this.#state.checkOpen()
    const { position } = options
    // Now: whoever calls may change what it has given while this waits for its turn.
    const kept = position === undefined ? undefined : (this.#sink.keepPosition?.(position) ?? position)
    return this.#turns.take(() => this.#take(data, { ...options, kept }), options.signal)
  }

  /** Ends the open batch, and waits until everything written before counts as written. */
  async flush(options: { readonly signal?: AbortSignal } = {}): Promise<FlushedRows> {
    checkNames(options, ['signal'])
    this.#state.checkOpen()
    const until = await this.#turns.take(() => {
      this.#batch.seal('flush')
      return this.#batch.nextSequence
    }, options.signal)
    return this.#flushed(until, options.signal)
  }

  /** Writes what is buffered, waits for all of it, and ends the writer. Calling it again gives the same promise. */
  close(): Promise<FlushedRows> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  /**
   * Ends the writer without writing what is buffered. Batches that the service has taken can no longer be recalled; when this
   * resolves nothing more is sent. Rows that were not acknowledged are the caller's to write again. Rejects when the log could
   * not be released; the writer is ended all the same.
   */
  async abort(reason: unknown = new DOMException('the writer was aborted', 'AbortError')): Promise<void> {
    if (this.#state.is('closed')) return
    this.#state.abort(reason)
    this.#discard(reason)
    await this.#release(reason)
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
  }

  /** Counters, and what the writer holds now. */
  metrics(): WriterMetrics {
    return this.#metrics.snapshot({
      inFlightBatches: this.#pipeline.inFlight,
      inFlightBytes: this.#batch.heldBytes,
      bufferedRows: this.#batch.rows,
      oldestAgeMs: this.#batch.ageMs,
    })
  }

  /** As `close`; quiet when the writer has failed and somebody was told. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.isKnown) {
      await this.#releasing?.catch(() => undefined)
      return
    }
    await this.close()
  }

  async #open(): Promise<ResumePoint | undefined> {
    try {
      const resume = await this.#sink.open?.(this.#scope.signal)
      if (resume !== undefined) this.#progress.resumeFrom(resume)
      return resume
    } catch (error) {
      this.#fail(error)
      throw this.#state.tell()
    }
  }

  async #take(
    data: WriterInput,
    { position, kept, signal }: WriterWriteOptions & { readonly kept: unknown },
  ): Promise<WrittenRows> {
    this.#opening ??= this.#open()
    await untilAborted(this.#opening, signal)
    // One that was called before `close` is still taken; what has ended the writer since is told as it is.
    if (this.#state.isBroken) throw this.#state.tell()
    if (!this.#state.is('closing')) this.#state.checkOpen()
    using scope = new AbortScope(this.#scope.signal)
    const onAbort = (): void => scope.abort(signal?.reason)
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const begun = this.#progress.begin(await this.#intake.read(data, scope.signal), kept)
      let rows = 0
      for (const [index, { batch, setup }] of begun.pieces.entries()) {
        const isLast = begun.hasPosition && index === begun.pieces.length - 1
        // Once rows are taken the caller's signal no longer counts: a write is not left half taken.
        const release = await this.#batch.room(batch, index === 0 ? scope.signal : this.#scope.signal)
        if (this.#scope.signal.aborted) release()
        this.#scope.signal.throwIfAborted()
        begun.take()
        this.#batch.add({ batch, setup, write: begun.write, isLast }, release)
        rows += batch.numRows
      }
      begun.take()
      if (begun.hasPosition && begun.pieces.length === 0) this.#batch.complete(begun.write)
      const needed = this.#batch.nextSequence + (this.#batch.rows > 0 ? 1 : 0)
      if (position !== undefined) this.#progress.await(position, needed)
      this.#guarded(() => this.#progress.advance(this.#pipeline.doneBefore))
      this.#scope.signal.throwIfAborted()
      return { rows, acknowledged: (until) => this.#acknowledged(needed, until) }
    } catch (error) {
      throw this.#state.is('failed') ? this.#state.tell() : error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** The age of a batch alone does not keep a process alive; somebody who waits for it does. */
  async #acknowledged(needed: number, signal: AbortSignal | undefined): Promise<void> {
    using _ = this.#batch.awaited()
    await this.#state.told(this.#pipeline.until(needed, signal))
  }

  async #end(): Promise<FlushedRows> {
    if (this.#state.isBroken) {
      await this.#releasing?.catch(() => undefined)
      throw this.#state.tell()
    }
    this.#state.close()
    const until = await this.#turns.take(() => {
      this.#batch.seal('end')
      return this.#batch.nextSequence
    })
    try {
      const flushed = await this.#flushed(until, undefined)
      await this.#sink.drain?.()
      await this.#release(undefined)
      if (!this.#state.is('closing')) throw this.#state.failure
      this.#state.ended()
      this.#scope.close()
      this.#settings.signal?.removeEventListener('abort', this.#onAbort)
      return flushed
    } catch (error) {
      this.#fail(error)
      await this.#releasing?.catch(() => undefined)
      throw this.#state.tell()
    }
  }

  async #flushed(until: number, signal: AbortSignal | undefined): Promise<FlushedRows> {
    await this.#state.told(this.#pipeline.until(until, signal))
    if (this.#state.is('failed')) throw this.#state.tell()
    return { rows: this.#metrics.counters.acknowledgedRows, batches: this.#metrics.acknowledgedBatches }
  }

  /** What the caller's own functions throw ends the writer, wherever they are called from. */
  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(reason: unknown): void {
    if (!this.#state.fail(reason)) return
    this.#discard(reason)
    // Whoever aborts or disposes waits for it; an error of letting go is in the log.
    this.#release(reason).catch(() => undefined)
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
  }

  /** What is buffered is given up, and whoever waits for memory is told. */
  #discard(reason: unknown): void {
    this.#batch.discard()
    this.#progress.stop()
    this.#scope.abort(reason)
  }

  /** Ends what is under way, and then lets go of what the sink holds, once. After a failure that is the error to tell. */
  #release(reason: unknown): Promise<void> {
    this.#releasing ??= this.#letGo(reason)
    return this.#releasing
  }

  async #letGo(reason: unknown): Promise<void> {
    const isOrderly = this.#state.is('closing')
    try {
      await this.#pipeline.abort(reason)
      await this.#opening?.catch(() => undefined)
      await this.#sink.close?.()
    } catch (error) {
      if (!isOrderly && error !== reason)
        this.#settings.warn?.(`the writer to table ${this.table} could not let go: ${String(error)}`)
      throw error
    }
  }
}

function rejection({ delivery, deadLetter }: WriterSettings): ConstructorParameters<typeof BatchPipeline>[0]['reject'] {
  if (deadLetter !== undefined) {
    return async ({ sequence, batches, rows }, error) => {
      await deadLetter({ sequence, batches, rows, error })
      return 'dead-letter'
    }
  }
  return delivery === 'none' ? async () => 'nowhere' as const : undefined
}

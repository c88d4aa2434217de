import { isArrowRecordBatch, isArrowTable } from 'apache-arrow'
import type { RecordBatch, Schema, Table } from 'apache-arrow'
import pLimit from 'p-limit'
import { readBatches, schemaDrift } from '../arrow/batches.ts'
import type { BatchInput, BatchItem } from '../arrow/batches.ts'
import { rowMeter, rowSlices } from '../arrow/row-meter.ts'
import { AbortScope } from '../base/abort.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import type { ReleaseBytes } from '../base/byte-budget.ts'
import { checkNames } from '../base/check-options.ts'
import { KustoDataError, KustoUsageError } from '../errors.ts'
import { BatchBuffer } from './batch-buffer.ts'
import type { SealedBatch, SealReason } from './batch-buffer.ts'
import { BatchPipeline } from './batch-pipeline.ts'
import type { BatchSink, ResumePoint } from './batch-sink.ts'
import { MetricsRecorder } from './writer-metrics.ts'
import type { WriterMetrics } from './writer-metrics.ts'
import type { WriterSettings } from './writer-settings.ts'

/** What a writer takes at once: batches, a table, Arrow IPC bytes, rows, or one row. Streams go to `writeStream`. */
export type WriterInput =
  | Table
  | RecordBatch
  | Uint8Array
  | ArrayBuffer
  | readonly BatchItem[]
  | Readonly<Record<string, unknown>>

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
}

type State = 'open' | 'closing' | 'closed' | 'failed' | 'aborted'

interface PreparedSchema {
  readonly schema: Schema
  readonly setup: unknown
  readonly preparedAtMs: number
}

interface PendingAck {
  /** Batches that must be done. */
  readonly batches: number
  readonly position: { readonly value: unknown } | undefined
}

/** After this time the table is looked at again before more rows are taken. */
const SETUP_AGE_MS = 300_000
/** Batches that end by age before the writer says that they are small, and what small is. */
const SMALL_BATCHES = 5
const SMALL_BYTES = 1024 * 1024

/** Keeps writing rows to one table: gathers them into batches, and sends those in the background. */
export class KustoWriter implements AsyncDisposable {
  readonly table: string
  /** Resolves when the writer was closed, and rejects with what ended it otherwise, without being an unhandled rejection. */
  readonly closed: Promise<void>
  readonly #settle: { readonly resolve: () => void; readonly reject: (reason: unknown) => void }
  readonly #sink: BatchSink
  readonly #settings: WriterSettings & WriterBehaviour
  readonly #buffer: BatchBuffer<unknown>
  readonly #pipeline: BatchPipeline<unknown>
  readonly #budget: ByteBudget
  readonly #scope: AbortScope
  readonly #metrics = new MetricsRecorder()
  readonly #inTurn = pLimit(1)
  readonly #acks: PendingAck[] = []
  readonly #onAbort = (): void => void this.abort(this.#settings.signal?.reason)
  #prepared: PreparedSchema | undefined
  #releases: ReleaseBytes[] = []
  #ageTimer: NodeJS.Timeout | undefined
  #oldestAtMs = 0
  #writes = 0
  /** Of writes that no sealed batch completes yet, the last complete one first. */
  readonly #positions: { readonly write: number; readonly position: unknown }[] = []
  #opening: Promise<ResumePoint | undefined> | undefined
  #resume: ResumePoint = { partialRows: 0 }
  /** Rows that the source repeats and an earlier writer has seen to. */
  #skipRows = 0
  #state: State = 'open'
  #failure: unknown
  #wasTold = false
  #ending: Promise<FlushedRows> | undefined
  #releasing: Promise<void> | undefined
  readonly #aged = { batches: 0, bytes: 0, isTold: false }

  /** @internal Made by `KustoConnector.writer`. */
  constructor(table: string, sink: BatchSink, settings: WriterSettings & WriterBehaviour) {
    this.table = table
    this.#sink = sink
    this.#settings = settings
    this.#scope = new AbortScope()
    let settle: { resolve: () => void; reject: (reason: unknown) => void } | undefined
    this.closed = new Promise((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.closed.catch(() => undefined)
    this.#settle = settle ?? { resolve: () => undefined, reject: () => undefined }
    this.#buffer = new BatchBuffer(settings)
    this.#budget = new ByteBudget(settings.maxBufferedBytes)
    this.#pipeline = new BatchPipeline<unknown>({
      sink,
      maxInFlightBatches: settings.maxInFlightBatches,
      retryTimeoutMs: settings.retryTimeoutMs,
      reject: rejection(settings),
      onEvent: settings.onEvent,
      metrics: this.#metrics,
      onAdvance: () => this.#acknowledge(),
      onFailure: (error) => this.#fail(error),
    })
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
    this.#checkOpen()
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
    this.#checkOpen()
    return this.#inTurn(() => this.#take(isOneRow(data) ? [data] : data, options))
  }

  /** Ends the open batch, and waits until everything written before counts as written. */
  async flush(options: { readonly signal?: AbortSignal } = {}): Promise<FlushedRows> {
    checkNames(options, ['signal'])
    this.#checkOpen()
    const until = await this.#inTurn(() => {
      this.#seal('flush')
      return this.#buffer.nextSequence
    })
    return this.#flushed(until, options.signal)
  }

  /** Writes what is buffered, waits for all of it, and ends the writer. Calling it again gives the same promise. */
  close(): Promise<FlushedRows> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  /**
   * Ends the writer without writing what is buffered. Batches that the service has taken can no longer be recalled; when this
   * resolves nothing more is sent. Rows that were not acknowledged are the caller's to write again.
   */
  async abort(reason: unknown = new DOMException('the writer was aborted', 'AbortError')): Promise<void> {
    if (this.#state === 'closed') return
    if (this.#state !== 'failed') {
      this.#state = 'aborted'
      this.#failure ??= reason
    }
    this.#discard(reason)
    await this.#release(reason)
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
  }

  /** Counters, and what the writer holds now. */
  metrics(): WriterMetrics {
    return this.#metrics.snapshot({
      inFlightBatches: this.#pipeline.inFlight,
      inFlightBytes: this.#budget.usedBytes,
      bufferedRows: this.#buffer.rows,
      oldestAgeMs: this.#buffer.rows === 0 ? 0 : performance.now() - this.#oldestAtMs,
    })
  }

  /** As `close`; quiet when the writer has failed and somebody was told. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'aborted' || (this.#state === 'failed' && this.#wasTold)) {
      await this.#releasing?.catch(() => undefined)
      return
    }
    await this.close()
  }

  async #open(): Promise<ResumePoint | undefined> {
    try {
      const resume = await this.#sink.open?.(this.#scope.signal)
      if (resume !== undefined) {
        this.#resume = resume
        this.#skipRows = resume.partialRows
      }
      return resume
    } catch (error) {
      if (this.#state === 'open' || this.#state === 'closing') this.#fail(error)
      throw this.#tell()
    }
  }

  async #take(data: BatchInput, { position, signal }: WriterWriteOptions): Promise<WrittenRows> {
    this.#opening ??= this.#open()
    await this.#opening
    // One that was called before `close` is still taken; what has ended the writer since is told as it is.
    if (this.#state === 'aborted' || this.#state === 'failed') throw this.#tell()
    if (this.#state !== 'closing') this.#checkOpen()
    using scope = new AbortScope(this.#scope.signal)
    const onAbort = (): void => scope.abort(signal?.reason)
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const batches = await this.#batchesOf(data, scope.signal)
      const write = this.#writes++
      if (position !== undefined) this.#positions.push({ write, position })
      let rows = 0
      const taken = this.#withoutSkipped(batches)
      for (const [index, { batch, setup }] of taken.entries()) {
        // Once rows are taken the caller's signal no longer counts: a write is not left half taken.
        const wait = index === 0 ? scope.signal : this.#scope.signal
        await this.#add(batch, { setup, write, isLast: index === taken.length - 1 }, wait)
        rows += batch.numRows
      }
      if (taken.length === 0) this.#buffer.complete(write)
      const needed = this.#buffer.nextSequence + (this.#buffer.rows > 0 ? 1 : 0)
      if (position !== undefined) this.#acks.push({ batches: needed, position: { value: position } })
      this.#acknowledge()
      return { rows, acknowledged: async (until) => this.#told(this.#pipeline.until(needed, until)) }
    } catch (error) {
      throw this.#hasFailed() ? this.#tell() : error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** All batches of one write, checked before the first row of it is taken. */
  async #batchesOf(
    data: BatchInput,
    signal: AbortSignal,
  ): Promise<readonly { readonly batch: RecordBatch; readonly setup: unknown }[]> {
    const source = await readBatches(data, {
      columnTypes: (names) => this.#sink.columnTypes(names, signal),
      signal,
    })
    const found: { batch: RecordBatch; setup: unknown }[] = []
    let bytes = 0
    for await (const batch of source.batches) {
      bytes += rowMeter(batch).bytes(0, batch.numRows)
      if (this.#settings.wholeWrites === true && bytes > this.#settings.maxBatchBytes) throw this.#tooLarge()
      const setup = await this.#setupFor({ schema: source.schema, isInferred: source.isInferred }, signal)
      for (const piece of rowSlices(batch, this.#settings.maxBatchBytes)) found.push({ batch: piece, setup })
    }
    return found
  }

  #tooLarge(): KustoDataError {
    return new KustoDataError(
      'KUSTO_WRITE_TOO_LARGE',
      `expected at most ${this.#settings.maxBatchBytes} bytes of Arrow data in one write to table ${this.table}, found more`,
    )
  }

  /** The first rows of a source that goes on in the middle of a write are those that were seen to before. */
  #withoutSkipped<Piece extends { readonly batch: RecordBatch }>(pieces: readonly Piece[]): readonly Piece[] {
    if (this.#skipRows === 0) return pieces
    const rows = pieces.reduce((sum, { batch }) => sum + batch.numRows, 0)
    if (rows < this.#skipRows) {
      throw new KustoUsageError(
        'KUSTO_REPLAY_MISMATCH',
        `expected at least the ${this.#skipRows} rows of this write that were written before, found ${rows}: after a restart the source must give the same rows again`,
        { context: { table: this.table } },
      )
    }
    const rest: Piece[] = []
    for (const piece of pieces) {
      const skipped = Math.min(this.#skipRows, piece.batch.numRows)
      this.#skipRows -= skipped
      if (skipped === 0) rest.push(piece)
      else if (skipped < piece.batch.numRows) rest.push({ ...piece, batch: piece.batch.slice(skipped) })
    }
    return rest
  }

  async #setupFor(
    source: { readonly schema: Schema; readonly isInferred: boolean },
    signal: AbortSignal,
  ): Promise<unknown> {
    const known = this.#prepared
    const isFresh = known !== undefined && performance.now() - known.preparedAtMs < SETUP_AGE_MS
    if (isFresh && schemaDrift(known.schema, source.schema) === undefined) return known.setup
    const setup = await this.#sink.prepare(source, signal)
    this.#prepared = { schema: source.schema, setup, preparedAtMs: performance.now() }
    return setup
  }

  /** Waits until the rows fit into memory, and takes them. */
  async #add(
    batch: RecordBatch,
    place: { readonly setup: unknown; readonly write: number; readonly isLast: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = rowMeter(batch).bytes(0, batch.numRows)
    // What is buffered would otherwise hold the memory that it waits for.
    if (this.#budget.usedBytes + bytes > this.#budget.limitBytes) this.#seal('memory')
    const release = await this.#budget.acquire(bytes, signal)
    const sealed = this.#buffer.add({ batch, ...place })
    this.#metrics.counters.acceptedRows += batch.numRows
    this.#metrics.counters.acceptedBytes += bytes
    for (const [index, each] of sealed.entries()) {
      // These rows lie in the last of the sealed batches, unless the open one has the rest of them.
      if (index === sealed.length - 1 && this.#buffer.rows === 0) this.#releases.push(release)
      this.#launch(each)
    }
    if (this.#buffer.rows > 0) {
      this.#releases.push(release)
      if (this.#ageTimer === undefined) this.#startAge()
    } else if (sealed.length === 0) release()
  }

  #startAge(): void {
    this.#oldestAtMs = performance.now()
    this.#ageTimer = setTimeout(() => this.#seal('age'), this.#settings.maxBatchAgeMs)
    this.#ageTimer.unref()
  }

  #seal(reason: SealReason): void {
    const sealed = this.#buffer.seal(reason)
    if (sealed !== undefined) this.#launch(sealed)
  }

  #launch(batch: SealedBatch<unknown>): void {
    clearTimeout(this.#ageTimer)
    this.#ageTimer = undefined
    const { sequence, rows, bytes, reason } = batch
    this.#metrics.sealed(reason)
    this.#settings.onEvent({ kind: 'batch-sealed', sequence, rows, bytes, reason })
    if (reason === 'age') this.#watchSize(bytes)
    const releases = this.#releases
    this.#releases = []
    this.#pipeline.launch(batch, this.#pointAfter(batch), () => {
      for (const release of releases) release()
    })
  }

  #pointAfter({ lastWrite, partialRows }: SealedBatch<unknown>): ResumePoint {
    const behind = this.#positions.findLastIndex(({ write }) => write <= lastWrite)
    const last = this.#positions[behind]
    // The last one stays: the next batch may end in the middle of the next write.
    this.#positions.splice(0, behind)
    if (lastWrite < 0) return { ...this.#resume, partialRows: this.#resume.partialRows + partialRows }
    return last === undefined ? { partialRows } : { position: last.position, partialRows }
  }

  #watchSize(bytes: number): void {
    const aged = this.#aged
    aged.batches++
    aged.bytes += bytes
    const averageBytes = aged.bytes / aged.batches
    if (aged.isTold || aged.batches < SMALL_BATCHES || averageBytes >= SMALL_BYTES) return
    aged.isTold = true
    this.#settings.onEvent({ kind: 'small-batches', averageBytes })
  }

  #acknowledge(): void {
    for (let next = this.#acks[0]; next !== undefined; next = this.#acks[0]) {
      if (next.batches > this.#pipeline.doneBefore) return
      this.#acks.shift()
      if (next.position !== undefined) this.#settings.onAck(next.position.value)
    }
  }

  async #end(): Promise<FlushedRows> {
    if (this.#state === 'failed' || this.#state === 'aborted') {
      await this.#releasing?.catch(() => undefined)
      throw this.#tell()
    }
    this.#state = 'closing'
    const until = await this.#inTurn(() => {
      this.#seal('end')
      return this.#buffer.nextSequence
    })
    const flushed = await this.#flushed(until, undefined)
    await this.#sink.drain?.()
    await this.#release(undefined)
    this.#state = 'closed'
    this.#settle.resolve()
    this.#scope.close()
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    return flushed
  }

  async #flushed(until: number, signal: AbortSignal | undefined): Promise<FlushedRows> {
    await this.#told(this.#pipeline.until(until, signal))
    return { rows: this.#metrics.counters.acceptedRows, batches: until }
  }

  #fail(reason: unknown): void {
    if (this.#state === 'aborted' || this.#state === 'closed') return
    this.#state = 'failed'
    this.#failure = reason
    this.#discard(reason)
    // Whoever aborts or disposes waits for it; an error of letting go is none that matters after this one.
    this.#release(reason).catch(() => undefined)
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
  }

  /** What is buffered is given up, and whoever waits for memory is told. */
  #discard(reason: unknown): void {
    this.#settle.reject(reason)
    clearTimeout(this.#ageTimer)
    this.#ageTimer = undefined
    this.#buffer.seal('end')
    for (const release of this.#releases.splice(0)) release()
    this.#acks.length = 0
    this.#scope.abort(reason)
  }

  /** Ends what is under way, and then lets go of what the sink holds, once. */
  #release(reason: unknown): Promise<void> {
    this.#releasing ??= (async () => {
      await this.#pipeline.abort(reason)
      await this.#opening?.catch(() => undefined)
      await this.#sink.close?.()
    })()
    return this.#releasing
  }

  #checkOpen(): void {
    if (this.#state === 'failed') throw this.#tell()
    if (this.#state === 'open') return
    throw new KustoUsageError(
      'KUSTO_WRITER_CLOSED',
      `expected an open writer to table ${this.table}, found it ${this.#state}`,
      {
        context: { table: this.table },
      },
    )
  }

  #hasFailed(): boolean {
    return this.#state === 'failed'
  }

  async #told(promise: Promise<void>): Promise<void> {
    try {
      await promise
    } catch (error) {
      if (error === this.#failure) this.#wasTold = true
      throw error
    }
  }

  #tell(): unknown {
    this.#wasTold = true
    return this.#failure
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

/** A plain object that is none of the inputs. */
function isOneRow(data: WriterInput): data is Readonly<Record<string, unknown>> {
  return (
    !Array.isArray(data) &&
    !isArrowTable(data) &&
    !isArrowRecordBatch(data) &&
    !(data instanceof Uint8Array) &&
    !(data instanceof ArrayBuffer)
  )
}

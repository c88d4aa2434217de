import type { Schema } from 'apache-arrow'
import pLimit from 'p-limit'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { KustoError } from '../errors.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import type { WriteSettings } from '../sink/write-settings.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { BatchOutcome, BatchSink, ResumePoint, SendOptions } from './batch-sink.ts'
import { commitByMove, dropStaging, stagingTablesOf } from './commit-by-move.ts'
import { refuseEarlierTags, refuseForgetfulTable } from './exactly-once-checks.ts'
import { refuseUnsafe } from './exactly-once-settings.ts'
import type { ExactlyOnceSettings } from './exactly-once-settings.ts'
import { QueuedBatchSink } from './queued-batch-sink.ts'
import type { QueuedSetup } from './queued-batch-sink.ts'
import { logPosition } from './log-position.ts'
import { stageBatch } from './stage-batch.ts'
import { submitBatch } from './submit-batch.ts'
import { TagWatch } from './tag-budget.ts'
import { batchTag } from './wal-records.ts'
import type { EntryRecord } from './wal-records.ts'
import { WriteAheadLog } from './write-ahead-log.ts'
import type { UnsettledBatch } from './read-log.ts'
import type { WriterSettings } from './writer-settings.ts'

/** What somebody wants to know of a batch that nobody waits for. */
type Behind = Pick<SendOptions, 'signal' | 'onStage' | 'onRetry' | 'onReject'>

/** What an earlier writer left is settled so many batches at a time. */
const RECOVERIES = 4

/**
 * Writes each batch to a log first, and from there into the table, once and only once: see `submitBatch` for how a batch is
 * brought into the table, and `WriteAheadLog` for what a crash leaves.
 */
export class ExactlyOnceSink implements BatchSink<QueuedSetup> {
  readonly repeatsItself = true
  readonly #context: SinkContext
  readonly #table: string
  readonly #schemas: QueuedBatchSink
  readonly #write: WriteSettings
  readonly #writer: WriterSettings
  readonly #settings: ExactlyOnceSettings
  readonly #inTurn = pLimit(1)
  /** Of what goes on behind acknowledged batches: each holds its rows while it is sent. */
  readonly #background: ReturnType<typeof pLimit>
  readonly #entries = new Map<number, EntryRecord>()
  readonly #tags: TagWatch
  readonly #settling = new Set<Promise<void>>()
  #log: WriteAheadLog | undefined
  #broken: unknown
  #onFailure: (error: unknown) => void = () => undefined
  #isSafe = false

  constructor(
    context: SinkContext,
    table: string,
    options: { readonly write: WriteSettings; readonly writer: WriterSettings; readonly settings: ExactlyOnceSettings },
  ) {
    this.#context = context
    this.#table = table
    this.#write = options.write
    this.#writer = options.writer
    this.#settings = options.settings
    this.#background = pLimit(options.writer.maxInFlightBatches)
    this.#tags = new TagWatch(options.settings.tagLifetimeMs)
    this.#schemas = new QueuedBatchSink(context, table, options)
    refuseUnsafe(options.write, options.settings, Date.now())
  }

  async open(signal: AbortSignal | undefined): Promise<ResumePoint | undefined> {
    const { log: store, stream, commit, takeOver, reset } = this.#settings
    const { cluster, database } = this.#context
    const target = { stream, cluster, database, table: this.#table, commit }
    const { log, unsettled, settled, resume } = await WriteAheadLog.open(store, target, {
      takeOver,
      beforeCreate: async () => {
        if (!reset) await refuseEarlierTags(this.#context, { table: this.#table, stream, place: store.place }, signal)
      },
      ...(signal === undefined ? {} : { signal }),
    })
    this.#log = log
    const limit = pLimit(RECOVERIES)
    const inner = signal ?? new AbortController().signal
    await Promise.all([
      ...settled.map((batch) => limit(() => this.#dropStaging(batch, inner))),
      ...unsettled.map((batch) => limit(() => this.#recover(batch, inner))),
    ])
    return resume
  }

  async prepare(
    source: { readonly schema: Schema; readonly isInferred: boolean },
    signal: AbortSignal | undefined,
  ): Promise<QueuedSetup> {
    const setup = await this.#schemas.prepare(source, signal)
    if (!this.#isSafe && this.#settings.commit === 'tag') await refuseForgetfulTable(this.#context, this.#table, signal)
    this.#isSafe = true
    return setup
  }

  columnTypes(names: readonly string[], signal: AbortSignal | undefined): Promise<readonly (ScalarName | undefined)[]> {
    return this.#schemas.columnTypes(names, signal)
  }

  async send(batch: SealedBatch<QueuedSetup>, options: SendOptions): Promise<BatchOutcome> {
    const entry = await this.#inTurn(() => this.#stage(batch, options))
    options.onStage('staged')
    const outcome = {
      duplicateRows: 0,
      rawBytes: entry.rawBytes,
      receipt: { sequence: entry.sequence, tag: this.#tag(entry) },
    }
    const staged = { entry, attempts: [], move: undefined }
    if (this.#settings.acknowledge === 'committed') {
      const evidence = await this.#settle(staged, options)
      return { ...outcome, duplicateRows: evidence === 'skipped' ? entry.rows : 0 }
    }
    const { signal, onStage, onRetry, onReject } = options
    this.#settleBehind(staged, { signal, onStage, onRetry, onReject })
    return outcome
  }

  /**
   * The log has the rows; whether they reach the table is seen to here and, after a crash, by the next writer. In a method of its own: what
   * waits here, without bound, would keep everything that is in scope where it was made, and so the rows.
   */
  #settleBehind(staged: UnsettledBatch, options: Behind): void {
    const settled = this.#background(() => this.#settleOrReject(staged, options))
    const background: Promise<void> = settled.then(
      () => void this.#settling.delete(background),
      (error: unknown) => {
        this.#settling.delete(background)
        this.#fail(error, options.signal)
      },
    )
    this.#settling.add(background)
  }

  watch(onFailure: (error: unknown) => void): void {
    this.#onFailure = onFailure
  }

  keepPosition(position: unknown): unknown {
    return logPosition(position)
  }

  /** Anything else is no word of the service on these rows, and the next writer brings them. */
  refuses(error: unknown): boolean {
    return codeOf(error) === 'KUSTO_INGESTION_FAILED'
  }

  async giveUp({ sequence }: SealedBatch<QueuedSetup>, error: unknown): Promise<void> {
    const entry = this.#entries.get(sequence)
    if (entry !== undefined) await this.#skip({ entry, attempts: [], move: undefined }, error)
  }

  async drain(): Promise<void> {
    await Promise.all(this.#settling)
  }

  async close(): Promise<void> {
    await this.drain()
    await this.#log?.release()
    if (this.#broken !== undefined) throw this.#broken
  }

  async #stage(batch: SealedBatch<QueuedSetup>, { point, signal }: SendOptions): Promise<EntryRecord> {
    signal.throwIfAborted()
    // Set before the next batch begins: none is staged behind one that was not.
    if (this.#broken !== undefined) throw this.#broken
    try {
      const entry = await stageBatch(this.#context, batch, { log: this.#opened(), write: this.#write, point, signal })
      this.#entries.set(batch.sequence, entry)
      this.#watchTags(entry)
      return entry
    } catch (error) {
      this.#fail(error, signal)
      throw error
    }
  }

  /** What an abort ends has not failed. */
  #fail(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#broken ??= error
    this.#onFailure(error)
  }

  /** Sees to it that a staged batch is in the table, and writes that down. */
  async #settle(
    batch: UnsettledBatch,
    { signal, onStage, onRetry }: Pick<SendOptions, 'signal' | 'onStage' | 'onRetry'>,
  ): Promise<string> {
    const log = this.#opened()
    const { entry } = batch
    const request = {
      ...batch,
      log,
      tag: this.#tag(entry),
      write: this.#write,
      settings: this.#settings,
      signal,
      onSent: () => onStage('queued'),
      onRetry,
    }
    const { evidence, stagingTables } =
      this.#settings.commit === 'tag'
        ? { ...(await submitBatch(this.#context, { ...request, table: this.#table })), stagingTables: [] }
        : await commitByMove(this.#context, { ...request, target: this.#table })
    onStage('ingested')
    await log.note(entry, { outcome: 'committed', evidence }, signal)
    await dropStaging(this.#context, stagingTables, signal)
    await log.forget(entry, signal)
    this.#entries.delete(entry.sequence)
    return evidence
  }

  async #recover(batch: UnsettledBatch, signal: AbortSignal): Promise<void> {
    const { sequence, rows } = batch.entry
    const { onEvent } = this.#writer
    const evidence = await this.#settleOrReject(batch, {
      signal,
      onStage: () => undefined,
      onRetry: ({ attempt, delayMs, error }) =>
        onEvent({ kind: 'batch-retried', sequence, attempt, delayMs, code: codeOf(error) ?? 'unknown' }),
      onReject: (error) => onEvent({ kind: 'batch-rejected', sequence, rows, to: 'dead-letter', error }),
    })
    if (evidence !== undefined) onEvent({ kind: 'batch-recovered', sequence, rows, evidence })
  }

  /** Of a batch that nobody waits for. Undefined when the service refused it and the dead letter has it. */
  async #settleOrReject(batch: UnsettledBatch, options: Behind): Promise<string | undefined> {
    const { entry } = batch
    try {
      options.signal.throwIfAborted()
      return await this.#settle(batch, options)
    } catch (error) {
      const { deadLetter } = this.#writer
      if (options.signal.aborted || deadLetter === undefined || !this.refuses(error)) throw error
      const { sequence, rows, extension } = entry
      const bytes = await this.#opened().staged(entry, options.signal)
      await deadLetter({ sequence, batches: [], rows, error, staged: { bytes, extension } })
      await this.#skip(batch, error)
      options.onReject(error)
      return undefined
    }
  }

  async #skip(batch: UnsettledBatch, error: unknown): Promise<void> {
    const { entry } = batch
    await this.#opened().note(entry, { outcome: 'skipped', evidence: codeOf(error) ?? 'refused' })
    await this.#dropStaging(batch, undefined)
    await this.#opened().forget(entry)
    this.#entries.delete(entry.sequence)
  }

  /** What a batch with an outcome may have left in hidden tables is of no use. */
  async #dropStaging(batch: UnsettledBatch, signal: AbortSignal | undefined): Promise<void> {
    if (this.#settings.commit !== 'staging-table') return
    const { entry } = batch
    const request = { ...batch, log: this.#opened(), tag: this.#tag(entry), target: this.#table }
    await dropStaging(this.#context, stagingTablesOf(request), signal)
  }

  #watchTags(entry: EntryRecord): void {
    if (this.#settings.commit !== 'tag') return
    const exceeded = this.#tags.add(this.#tag(entry), Date.now())
    if (exceeded === undefined) return
    const { batchesPerDay, characters, limitCharacters } = exceeded
    this.#writer.onEvent({ kind: 'tag-budget', batchesPerDay, characters, limitCharacters })
  }

  #tag({ sequence }: EntryRecord): string {
    return batchTag(this.#opened().stream, sequence)
  }

  #opened(): WriteAheadLog {
    if (this.#log === undefined) throw new Error('expected the log to be open')
    return this.#log
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof KustoError ? error.code : undefined
}

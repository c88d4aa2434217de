import type { Schema } from 'apache-arrow'
import pLimit from 'p-limit'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { KustoError, KustoUsageError } from '../errors.ts'
import { showExtentsWithTagPrefix } from '../kql/commands/extent-commands.ts'
import { showTablePolicy } from '../kql/commands/policy-commands.ts'
import { kql } from '../kql/kql.ts'
import { ingestionProperties } from '../sink/blob-format.ts'
import { cutBlobs } from '../sink/cut-blobs.ts'
import { encodeCut } from '../sink/encode-cut.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { isMissingTable } from '../sink/table-schema.ts'
import type { WriteSettings } from '../sink/write-settings.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { BatchOutcome, BatchSink, ResumePoint, SendOptions } from './batch-sink.ts'
import { commitByMove } from './commit-by-move.ts'
import { refuseUnsafe, unsafe } from './exactly-once-settings.ts'
import type { ExactlyOnceSettings } from './exactly-once-settings.ts'
import { each, QueuedBatchSink } from './queued-batch-sink.ts'
import type { QueuedSetup } from './queued-batch-sink.ts'
import { submitBatch } from './submit-batch.ts'
import { batchTag, hashOf, streamTagPrefix } from './wal-records.ts'
import type { EntryRecord } from './wal-records.ts'
import { WriteAheadLog } from './write-ahead-log.ts'
import type { UnsettledBatch } from './write-ahead-log.ts'
import type { RejectedStagedBatch, WriterSettings } from './writer-settings.ts'

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
  readonly #entries = new Map<number, EntryRecord>()
  readonly #settling = new Set<Promise<void>>()
  #log: WriteAheadLog | undefined
  #broken: unknown
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
    this.#schemas = new QueuedBatchSink(context, table, options)
    refuseUnsafe(options.write, options.settings, Date.now())
  }

  async open(signal: AbortSignal | undefined): Promise<ResumePoint | undefined> {
    const { log: store, stream, commit, takeOver, reset } = this.#settings
    const { cluster, database } = this.#context
    const target = { stream, cluster, database, table: this.#table, commit }
    const { log, unsettled, resume } = await WriteAheadLog.open(store, target, {
      takeOver,
      beforeCreate: async () => {
        if (!reset) await this.#refuseEarlierTags(signal)
      },
      ...(signal === undefined ? {} : { signal }),
    })
    this.#log = log
    const limit = pLimit(RECOVERIES)
    const inner = signal ?? new AbortController().signal
    await Promise.all(unsettled.map((batch) => limit(() => this.#recover(batch, inner))))
    return resume
  }

  async prepare(
    source: { readonly schema: Schema; readonly isInferred: boolean },
    signal: AbortSignal | undefined,
  ): Promise<QueuedSetup> {
    const setup = await this.#schemas.prepare(source, signal)
    if (!this.#isSafe && this.#settings.commit === 'tag') await this.#refuseUnsafeTable(signal)
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
    const settled = this.#settle({ entry, attempts: [], move: undefined }, options)
    if (this.#settings.acknowledge === 'committed') {
      const evidence = await settled
      return { ...outcome, duplicateRows: evidence === 'skipped' ? entry.rows : 0 }
    }
    // The log has the rows; whether they reach the table is seen to here and, after a crash, by the next writer.
    const background: Promise<void> = settled.then(
      () => void this.#settling.delete(background),
      (error: unknown) => {
        this.#settling.delete(background)
        this.#fail(error, options.signal)
      },
    )
    this.#settling.add(background)
    return outcome
  }

  async giveUp({ sequence }: SealedBatch<QueuedSetup>, error: unknown): Promise<void> {
    const entry = this.#entries.get(sequence)
    if (entry !== undefined) await this.#skip(entry, error)
  }

  async drain(): Promise<void> {
    await Promise.all(this.#settling)
  }

  async close(): Promise<void> {
    await this.drain()
    await this.#log?.release()
    if (this.#broken !== undefined) throw this.#broken
  }

  async #stage(
    { setup, batches, bytes, rows, sequence }: SealedBatch<QueuedSetup>,
    { point, signal }: SendOptions,
  ): Promise<EntryRecord> {
    signal.throwIfAborted()
    // Set before the next batch begins: none is staged behind one that was not.
    if (this.#broken !== undefined) throw this.#broken
    try {
      const log = this.#opened()
      const { plan, format, columns } = setup.write
      const settings = {
        ...this.#write,
        maxBlobBytes: Math.max(1, bytes),
        maxBufferedBytes: Math.max(1, bytes),
        signal,
      }
      const { compression, ignoreFirstRecord: hasHeader, encodeWorkers } = this.#write
      const { value: cut } = await cutBlobs(each(batches), settings).next()
      if (cut === undefined) throw new Error(`expected rows in batch ${sequence}, found none`)
      try {
        const encoded = encodeCut(cut, {
          schema: setup.schema,
          encoding: { format, compression, columns, hasHeader },
          pool: this.#context.encodePool(encodeWorkers),
          signal,
        })
        const entry = await log.append(
          {
            chunks: encoded.chunks,
            extension: encoded.extension,
            entry: () => ({
              rows,
              rawBytes: encoded.measured().rawBytes,
              properties: ingestionProperties(plan, format, this.#write),
              schema: hashOf(setup.schema.fields.map(String).join()),
              ...point,
            }),
          },
          signal,
        )
        this.#entries.set(sequence, entry)
        return entry
      } finally {
        cut.release()
      }
    } catch (error) {
      this.#fail(error, signal)
      throw error
    }
  }

  /** What an abort ends has not failed. */
  #fail(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) this.#broken ??= error
  }

  /** Sees to it that a staged batch is in the table, and writes that down. */
  async #settle(batch: UnsettledBatch, { signal, onStage }: Pick<SendOptions, 'signal' | 'onStage'>): Promise<string> {
    const log = this.#opened()
    const { entry } = batch
    const request = {
      ...batch,
      log,
      tag: this.#tag(entry),
      settings: this.#settings,
      signal,
      onSent: () => onStage('queued'),
      onRetry: (error: unknown) => this.#tellRetry(entry, error),
    }
    const { evidence } =
      this.#settings.commit === 'tag'
        ? await submitBatch(this.#context, { ...request, table: this.#table })
        : await commitByMove(this.#context, { ...request, target: this.#table, write: this.#write })
    onStage('ingested')
    await log.settle(entry, { outcome: 'committed', evidence }, signal)
    return evidence
  }

  async #recover(batch: UnsettledBatch, signal: AbortSignal): Promise<void> {
    const { entry } = batch
    try {
      const evidence = await this.#settle(batch, { signal, onStage: () => undefined })
      this.#writer.onEvent({ kind: 'batch-recovered', sequence: entry.sequence, rows: entry.rows, evidence })
    } catch (error) {
      const { deadLetter } = this.#writer
      const isRefused = error instanceof KustoError && error.code === 'KUSTO_INGESTION_FAILED'
      if (signal.aborted || deadLetter === undefined || !isRefused) throw error
      const staged: RejectedStagedBatch = {
        bytes: await this.#opened().staged(entry, signal),
        extension: entry.extension,
      }
      await deadLetter({ sequence: entry.sequence, batches: [], rows: entry.rows, error, staged })
      await this.#skip(entry, error)
    }
  }

  async #skip(entry: EntryRecord, error: unknown): Promise<void> {
    const evidence = error instanceof KustoError ? error.code : 'refused'
    await this.#opened().settle(entry, { outcome: 'skipped', evidence })
  }

  #tellRetry({ sequence }: EntryRecord, error: unknown): void {
    const code = error instanceof KustoError ? error.code : 'unknown'
    this.#writer.onEvent({ kind: 'batch-retried', sequence, attempt: 0, delayMs: 0, code })
  }

  #tag({ sequence }: EntryRecord): string {
    return batchTag(this.#opened().stream, sequence)
  }

  #opened(): WriteAheadLog {
    if (this.#log === undefined) throw new Error('expected the log to be open')
    return this.#log
  }

  /** A log that was lost leaves its tags in the table. */
  async #refuseEarlierTags(signal: AbortSignal | undefined): Promise<void> {
    const prefix = `ingest-by:${streamTagPrefix(this.#settings.stream)}`
    try {
      const found = await this.#context.command(kql`${showExtentsWithTagPrefix(this.#table, prefix)} | take 1`, signal)
      if (found.length === 0) return
    } catch (error) {
      if (isMissingTable(error)) return
      throw error
    }
    throw new KustoUsageError(
      'KUSTO_LOG_LOST',
      `expected the log of stream ${this.#settings.stream} in ${this.#settings.log.place}, found none, while table ${this.#table} has rows of such a log: ` +
        'bring it back, or begin a new one with reset: true after making sure where the source must go on',
      { context: { table: this.#table } },
    )
  }

  /** Where extents are not kept nothing tells whether a batch was there. */
  async #refuseUnsafeTable(signal: AbortSignal | undefined): Promise<void> {
    const [row] = await this.#context.command(showTablePolicy(this.#table, 'retention'), signal)
    const policy = row?.text('Policy') ?? ''
    if (/"SoftDeletePeriod"\s*:\s*"(0?0:)*00:00:00(\.0+)?"/.test(policy)) {
      throw unsafe(
        `table ${this.#table}, which keeps no rows (its soft delete period is zero)`,
        'its extents and their tags are gone at once',
      )
    }
  }
}

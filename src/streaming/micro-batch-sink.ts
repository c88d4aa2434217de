import { isRecordBatch, isTable } from '../arrow/arrow-kinds.ts'
import type { BatchInput, BatchItem } from '../arrow/batches.ts'
import { untilAborted } from '../base/abort.ts'
import { badOption, checkNames } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import type { KustoWriter } from './kusto-writer.ts'
import type { WriterInput } from './writer-intake.ts'
import type { LogStore } from './log-store.ts'
import { openWriter } from './open-writer.ts'
import { Turns } from './turns.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { ExactlyOnceWriterOptions } from './writer-settings.ts'

/** Options of a micro-batch sink: those of an exactly-once writer, whose batches are the caller's. */
export interface MicroBatchOptions extends Omit<
  ExactlyOnceWriterOptions,
  | 'delivery'
  | 'log'
  | 'maxBatchRows'
  | 'maxBatchBytes'
  | 'maxBatchAgeMs'
  | 'maxBufferedBytes'
  | 'maxInFlightBatches'
  | 'onAck'
> {
  /** Where it is written down which batches are written: `fileLog(folder)` or `blobLog(...)`. One sink, one log. */
  readonly checkpoint: LogStore
}

/** What became of a micro-batch. */
export interface AddedBatch {
  readonly batchId: number
  readonly rows: number
  /** Whether it was written before, by this process or an earlier one, and nothing was done. */
  readonly skipped: boolean
}

/** Why an option of a writer is none of this. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['delivery', 'it is always exactly-once'],
  ['log', 'give it as checkpoint'],
  ['maxBatchRows', 'a micro-batch becomes one blob, whatever its rows'],
  ['maxBatchBytes', 'a micro-batch becomes one blob, of at most 1 GiB of Arrow data'],
  ['maxBatchAgeMs', 'a micro-batch is sent when it is added'],
  ['maxBufferedBytes', 'a micro-batch is held as a whole'],
  ['maxInFlightBatches', 'micro-batches are written one after the other'],
  ['onAck', 'addBatch resolves when its batch is written'],
])

/** One micro-batch becomes one blob, and is written as a whole or not at all. */
const MAX_BYTES = 1024 * 1024 * 1024

/**
 * Writes numbered micro-batches, as the sink of Spark's `writeStream` gets them: a batch that is given again after a restart is not
 * written twice, although its rows may come in another order then.
 */
export class MicroBatchSink implements AsyncDisposable {
  readonly #writer: KustoWriter
  /** A batch that is given again while it is written waits, and is skipped then. */
  readonly #turns = new Turns()
  #last: Promise<number> | undefined

  /** @internal Made by `KustoConnector.microBatchSink`. */
  constructor(context: StreamingContext, table: string, { checkpoint, ...options }: MicroBatchOptions) {
    for (const [name, value] of Object.entries(options)) {
      const reason = value === undefined ? undefined : REFUSED.get(name)
      if (reason !== undefined) throw badOption(`expected options of a micro-batch sink, found ${name}: ${reason}`)
    }
    this.#writer = openWriter(
      context,
      table,
      {
        ...options,
        delivery: 'exactly-once',
        log: checkpoint,
        maxBatchRows: 1_000_000_000,
        maxBatchBytes: MAX_BYTES,
        maxBatchAgeMs: 86_400_000,
        maxBufferedBytes: MAX_BYTES,
        maxInFlightBatches: 1,
      },
      { wholeWrites: true },
    )
  }

  /** The last batch that is written; -1 when there is none. Opens the log, and sees to what an earlier process has left. */
  async lastBatchId(options: { readonly signal?: AbortSignal } = {}): Promise<number> {
    checkNames(options, ['signal'])
    options.signal?.throwIfAborted()
    this.#last ??= this.#writer.open().then((resume) => (typeof resume?.position === 'number' ? resume.position : -1))
    return untilAborted(this.#last, options.signal)
  }

  /**
   * Writes a batch and resolves when that is durable: in the table, or in a log that survives this machine. Batches come in the
   * order of their ids, one after the other; a batch without rows is not written down. An abort ends the wait, not what is staged by then: give
   * the batch again to learn what became of it.
   * @throws {KustoUsageError} KUSTO_BAD_OPTION for an id that is none
   * @throws {KustoDataError} KUSTO_WRITE_TOO_LARGE for more than 1 GiB of Arrow data
   */
  async addBatch(
    batchId: number,
    data: BatchInput,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<AddedBatch> {
    checkNames(options, ['signal'])
    if (!Number.isSafeInteger(batchId) || batchId < 0) {
      throw new KustoUsageError('KUSTO_BAD_OPTION', `expected a batch id of 0 or more, found ${batchId}`)
    }
    return this.#turns.take(() => this.#add(batchId, data, options), options.signal)
  }

  async #add(batchId: number, data: BatchInput, options: { readonly signal?: AbortSignal }): Promise<AddedBatch> {
    if (batchId <= (await this.lastBatchId(options))) return { batchId, rows: 0, skipped: true }
    const rows = await collected(data, options.signal)
    const written = await this.#writer.write(rows, { position: batchId, ...options })
    // Whoever asks next waits for it, also when this call does not.
    const last = this.#writer.flush().then(() => batchId)
    this.#last = last
    await untilAborted(last, options.signal)
    return { batchId, rows: written.rows, skipped: false }
  }

  async close(): Promise<void> {
    await this.#writer.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#writer[Symbol.asyncDispose]()
  }
}

/** A source as an array of what it gives; anything else as it is. */
async function collected(data: BatchInput, signal: AbortSignal | undefined): Promise<WriterInput> {
  if (isTable(data) || isRecordBatch(data) || data instanceof Uint8Array || data instanceof ArrayBuffer) {
    return data
  }
  const items: BatchItem[] = []
  const reading = async (): Promise<void> => {
    for await (const item of data as AsyncIterable<BatchItem>) {
      signal?.throwIfAborted()
      items.push(item)
    }
  }
  await untilAborted(reading(), signal)
  return items
}

import { randomUUID } from 'node:crypto'
import type { RecordBatch, Schema } from 'apache-arrow'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { ingestionProperties } from '../sink/blob-format.ts'
import { cutBlobs } from '../sink/cut-blobs.ts'
import { loadBlobs } from '../sink/load-blobs.ts'
import { columnTypesOf } from '../sink/open-input.ts'
import { prepareTable } from '../sink/prepare-table.ts'
import { prepareWrite } from '../sink/prepare-write.ts'
import type { WriteSetup } from '../sink/prepare-write.ts'
import { receiptOf } from '../sink/receipt-of.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { WriteReceipt } from '../sink/write-receipt.ts'
import type { WriteSettings } from '../sink/write-settings.ts'
import { contextForWrite } from '../sink/write-tally.ts'
import { fetchWriteTarget } from '../sink/write-target.ts'
import type { WriteTarget } from '../sink/write-target.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { BatchOutcome, BatchSink, SendOptions } from './batch-sink.ts'
import type { WriterSettings } from './writer-settings.ts'

/** What is settled once for all batches of a schema. */
export interface QueuedSetup {
  readonly schema: Schema
  readonly write: WriteSetup
}

/** How long the table's columns are remembered for rows of plain objects. */
const TARGET_AGE_MS = 300_000

/** Sends each batch as one blob into the service's queue. */
export class QueuedBatchSink implements BatchSink<QueuedSetup> {
  readonly #context: SinkContext
  readonly #table: string
  readonly #settings: WriteSettings
  readonly #writer: Pick<WriterSettings, 'acknowledge' | 'completionTimeoutMs' | 'tagBatches'>
  /** Part of the tag of every batch, so that tags of two writers never meet. */
  readonly #name = randomUUID()
  #target: { readonly known: WriteTarget; readonly atMs: number } | undefined

  constructor(
    context: SinkContext,
    table: string,
    options: { readonly write: WriteSettings; readonly writer: WriterSettings },
  ) {
    this.#context = context
    this.#table = table
    this.#writer = options.writer
    this.#settings = options.write
  }

  async prepare(
    { schema, isInferred }: { readonly schema: Schema; readonly isInferred: boolean },
    signal: AbortSignal | undefined,
  ): Promise<QueuedSetup> {
    const input = { table: this.#table, schema, isInferred, batches: none(), close: () => Promise.resolve() }
    const write = await prepareWrite(this.#context, input, { ...this.#settings, signal }, prepareTable)
    // A table that was made by it is there for the types of later rows.
    if (write.plan.create !== undefined || write.plan.add.length > 0) this.#target = undefined
    return { schema, write }
  }

  async columnTypes(
    names: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly (ScalarName | undefined)[]> {
    const settings = { ...this.#settings, signal }
    if (this.#target === undefined || performance.now() - this.#target.atMs > TARGET_AGE_MS) {
      const known = await fetchWriteTarget(this.#context, this.#table, settings)
      // A table that is not there may be there next time.
      if (known.columns === undefined) return columnTypesOf(names, known, settings)
      this.#target = { known, atMs: performance.now() }
    }
    return columnTypesOf(names, this.#target.known, settings)
  }

  async send(
    { setup, batches, bytes, sequence }: SealedBatch<QueuedSetup>,
    { signal, onStage }: SendOptions,
  ): Promise<BatchOutcome> {
    const { tagBatches, acknowledge, completionTimeoutMs } = this.#writer
    const { plan, format, via } = setup.write
    const context = contextForWrite(this.#context, this.#settings.onEvent)
    const settings: WriteSettings = {
      ...this.#settings,
      signal,
      // One batch, one blob: what fails has not been written in part. Memory is the writer's to bound.
      maxBufferedBytes: Math.max(1, bytes),
      ...(tagBatches ? { deduplicateBlobs: `${this.#name}-${sequence}` } : {}),
    }
    const elapsed = { schema: 0, encode: 0, upload: 0, queue: 0 }
    const { queued, failure } = await loadBlobs(context, {
      target: this.#table,
      schema: setup.schema,
      cuts: cutBlobs(each(batches), { ...settings, maxBlobBytes: Infinity }),
      setup: setup.write,
      properties: ingestionProperties(plan, format, settings),
      settings,
      elapsed,
    })
    await failure?.removal
    if (failure !== undefined) throw failure.error
    const receipt = receiptOf(context, { table: this.#table, mode: 'queued', plan, format, via, queued, elapsed })
    onStage('queued')
    const outcome = { duplicateRows: 0, rawBytes: receipt.rawBytes, receipt }
    if (acknowledge === 'queued') return outcome
    const write = new WriteReceipt(receipt, this.#context.ingestion)
    await write.completed({ timeoutMs: completionTimeoutMs, signal })
    onStage('ingested')
    const skipped = tagBatches ? await skippedRows(write, signal) : 0
    return { ...outcome, duplicateRows: skipped }
  }
}

/** Rows of blobs that the service left out, because an earlier attempt had brought them. */
async function skippedRows(receipt: WriteReceipt, signal: AbortSignal): Promise<number> {
  const states = new Map((await receipt.status({ signal })).map(({ sourceId, state }) => [sourceId, state]))
  return receipt.blobs.reduce((sum, { sourceId, rows }) => (states.get(sourceId) === 'Skipped' ? sum + rows : sum), 0)
}

/** Batches as a source of one write. */
export async function* each(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  yield* batches
}

async function* none(): AsyncGenerator<RecordBatch> {}

import type { RecordBatch, Schema } from 'apache-arrow'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { WriteInput } from '../sink/write-input.ts'
import { contextForWrite } from '../sink/write-tally.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { BatchOutcome, BatchSink, SendOptions } from './batch-sink.ts'
import { IngestReceipt } from './ingest-receipt.ts'
import { each } from './queued-batch-sink.ts'
import { prepareStreamTarget } from './stream-target.ts'
import type { StreamingContext } from './streaming-context.ts'
import { streamingWriteSettings } from './streaming-write-settings.ts'
import type { StreamingWriteOptions, StreamingWriteSettings } from './streaming-write-settings.ts'
import { writeStreaming } from './write-streaming.ts'
import type { WriterSettings } from './writer-settings.ts'

/** How long the table's columns are remembered for rows of plain objects. */
const TARGET_AGE_MS = 300_000

/** The schema of batches, and whether it was inferred from rows. */
export type StreamedSetup = Pick<WriteInput, 'schema' | 'isInferred'>

/** Sends each batch by streaming ingestion; what does not stream goes into the queue, as the options say. */
export class StreamingBatchSink implements BatchSink<StreamedSetup> {
  /** Every piece is repeated, queued or told by itself. */
  readonly repeatsItself = true
  readonly #context: StreamingContext
  readonly #table: string
  readonly #settings: StreamingWriteSettings
  readonly #writer: Pick<WriterSettings, 'acknowledge' | 'completionTimeoutMs'>
  #types: { readonly known: ReadonlyMap<string, ScalarName>; readonly atMs: number } | undefined

  constructor(
    context: StreamingContext,
    table: string,
    options: { readonly write: StreamingWriteOptions; readonly writer: WriterSettings },
  ) {
    // Here, so that what is wrong with them is told when the writer is opened, not when the first batch is due.
    this.#settings = streamingWriteSettings(options.write)
    this.#context = context
    this.#table = table
    this.#writer = options.writer
  }

  async prepare(
    { schema, isInferred }: { readonly schema: Schema; readonly isInferred: boolean },
    signal: AbortSignal | undefined,
  ): Promise<StreamedSetup> {
    const setup = { schema, isInferred }
    await prepareStreamTarget(this.#context, this.#inputOf(setup, []), { ...this.#settings, signal })
    // It may have made the table, or columns of it, for the types of later rows.
    this.#types = undefined
    return setup
  }

  async columnTypes(
    names: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly (ScalarName | undefined)[]> {
    if (this.#settings.mapping !== undefined) return names.map(() => undefined)
    if (this.#types === undefined || performance.now() - this.#types.atMs > TARGET_AGE_MS) {
      const columns = await fetchTableColumns(this.#context.sink, this.#table, signal)
      if (columns === undefined) return names.map(() => undefined)
      this.#types = { known: new Map(columns.map(({ name, type }) => [name, type])), atMs: performance.now() }
    }
    const { known } = this.#types
    return names.map((name) => known.get(name))
  }

  async send({ setup, batches }: SealedBatch<StreamedSetup>, { signal, onStage }: SendOptions): Promise<BatchOutcome> {
    const settings = { ...this.#settings, signal }
    const context = { ...this.#context, sink: contextForWrite(this.#context.sink, settings.onEvent) }
    const written = await writeStreaming(context, this.#inputOf(setup, batches), settings)
    const receipt = new IngestReceipt(written, this.#context.sink.ingestion)
    const { pieces, counts } = receipt.toJSON()
    onStage('queued')
    if (this.#writer.acknowledge === 'ingested') {
      await receipt.completed({ timeoutMs: this.#writer.completionTimeoutMs, signal })
    }
    const fallbackRows = pieces.reduce((sum, { path, rows = 0 }) => (path === 'queued' ? sum + rows : sum), 0)
    if (fallbackRows === 0 || this.#writer.acknowledge === 'ingested') onStage('ingested')
    const rawBytes = pieces.reduce((sum, piece) => sum + piece.rawBytes, 0)
    return {
      duplicateRows: 0,
      rawBytes,
      fallbackRows,
      ambiguous: counts.ambiguous,
      throttles: counts.throttled,
      receipt: receipt.toJSON(),
    }
  }

  #inputOf(setup: StreamedSetup, batches: readonly RecordBatch[]): WriteInput {
    return { ...setup, table: this.#table, batches: each(batches), close: () => Promise.resolve() }
  }
}

import type { Schema } from 'apache-arrow'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { BatchOutcome, BatchSink, SendOptions } from './batch-sink.ts'
import { streamRows } from './stream-rows.ts'
import type { StreamingContext } from './streaming-context.ts'
import { streamingWriteSettings } from './streaming-write-settings.ts'
import type { StreamingWriteOptions } from './streaming-write-settings.ts'
import type { WriterSettings } from './writer-settings.ts'

/** How long the table's columns are remembered for rows of plain objects. */
const TARGET_AGE_MS = 300_000

/** Sends each batch by streaming ingestion; what does not stream goes into the queue, as the options say. */
export class StreamingBatchSink implements BatchSink<Schema> {
  /** Every piece is repeated, queued or told by itself. */
  readonly repeatsItself = true
  readonly #context: StreamingContext
  readonly #table: string
  readonly #options: StreamingWriteOptions
  readonly #writer: Pick<WriterSettings, 'acknowledge' | 'completionTimeoutMs'>
  #types: { readonly known: ReadonlyMap<string, ScalarName>; readonly atMs: number } | undefined

  constructor(
    context: StreamingContext,
    table: string,
    options: { readonly write: StreamingWriteOptions; readonly writer: WriterSettings },
  ) {
    // Refused when the writer is opened, not when the first batch is due.
    streamingWriteSettings(options.write)
    this.#context = context
    this.#table = table
    this.#options = options.write
    this.#writer = options.writer
  }

  prepare({ schema }: { readonly schema: Schema }): Promise<Schema> {
    return Promise.resolve(schema)
  }

  async columnTypes(
    names: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly (ScalarName | undefined)[]> {
    if (this.#options.ingestionMappingReference !== undefined) return names.map(() => undefined)
    if (this.#types === undefined || performance.now() - this.#types.atMs > TARGET_AGE_MS) {
      const columns = await fetchTableColumns(this.#context.sink, this.#table, signal)
      if (columns === undefined) return names.map(() => undefined)
      this.#types = { known: new Map(columns.map(({ name, type }) => [name, type])), atMs: performance.now() }
    }
    const { known } = this.#types
    return names.map((name) => known.get(name))
  }

  async send({ batches }: SealedBatch<Schema>, { signal, onStage }: SendOptions): Promise<BatchOutcome> {
    const request = { table: this.#table, data: batches }
    const receipt = await streamRows(this.#context, request, { ...this.#options, signal })
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
}

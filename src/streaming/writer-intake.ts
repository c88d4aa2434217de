import type { RecordBatch, Schema, Table } from 'apache-arrow'
import { isRecordBatch, isTable } from '../arrow/arrow-kinds.ts'
import { readBatches } from '../arrow/batches.ts'
import type { BatchItem, RowInput } from '../arrow/batches.ts'
import { schemaDrift } from '../arrow/schema-drift.ts'
import { rowMeter, rowSlices } from '../arrow/row-meter.ts'
import { KustoDataError } from '../errors.ts'
import type { BatchSink } from './batch-sink.ts'
import type { RowsToTake } from './source-progress.ts'

/** What a writer takes at once: batches, a table, Arrow IPC bytes, rows, or one row. Streams go to `writeStream`. */
export type WriterInput = Table | RecordBatch | Uint8Array | ArrayBuffer | readonly BatchItem[] | RowInput

export interface IntakeOptions {
  readonly table: string
  readonly maxBatchBytes: number
  /** The rows of one write go into one batch, or are refused. */
  readonly wholeWrites: boolean
  /** Rows of a write from which the schema of plain objects is inferred. */
  readonly inferRows: number | undefined
}

interface PreparedSchema {
  readonly schema: Schema
  readonly setup: unknown
  readonly preparedAtMs: number
}

/** After this time the table is looked at again before more rows are taken. */
const SETUP_AGE_MS = 300_000

/** Reads what is given to a writer, and has the sink get ready for each new schema. */
export class WriterIntake {
  readonly #sink: BatchSink
  readonly #options: IntakeOptions
  #prepared: PreparedSchema | undefined

  constructor(sink: BatchSink, options: IntakeOptions) {
    this.#sink = sink
    this.#options = options
  }

  /** All rows of one write, in parts of about a batch, checked before the first of them is taken. */
  async read(data: WriterInput, signal: AbortSignal): Promise<readonly RowsToTake[]> {
    const { maxBatchBytes, wholeWrites, inferRows } = this.#options
    const { schema, isInferred, batches } = await readBatches(isOneRow(data) ? [data] : data, {
      columnTypes: (names) => this.#sink.columnTypes(names, signal),
      ...(inferRows === undefined ? {} : { inferRows }),
      signal,
    })
    const found: RowsToTake[] = []
    let bytes = 0
    // Once for all of them, so that a write is never cut in two where the table happened to be looked at again.
    let settled: { readonly setup: unknown } | undefined
    for await (const batch of batches) {
      bytes += rowMeter(batch).bytes(0, batch.numRows)
      if (wholeWrites && bytes > maxBatchBytes) throw this.#tooLarge()
      settled ??= { setup: await this.#setupFor({ schema, isInferred }, signal) }
      const { setup } = settled
      for (const piece of rowSlices(batch, maxBatchBytes)) found.push({ batch: piece, setup })
    }
    return found
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

  #tooLarge(): KustoDataError {
    const { maxBatchBytes, table } = this.#options
    return new KustoDataError(
      'KUSTO_WRITE_TOO_LARGE',
      `expected at most ${maxBatchBytes} bytes of Arrow data in one write to table ${table}, found more`,
    )
  }
}

/** A plain object that is none of the inputs. */
function isOneRow(data: WriterInput): data is RowInput {
  return (
    !Array.isArray(data) &&
    !isTable(data) &&
    !isRecordBatch(data) &&
    !(data instanceof Uint8Array) &&
    !(data instanceof ArrayBuffer)
  )
}

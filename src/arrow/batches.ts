import { type RecordBatch, RecordBatchReader, Schema, type Table } from 'apache-arrow'
import { isRecordBatch, isTable } from './arrow-kinds.ts'
import { untilAborted } from '../base/abort.ts'
import { KustoDataError } from '../errors.ts'
import { adoptBatch, adoptSchema } from './adopt-batch.ts'
import { badInput } from './bad-input.ts'
import { openIpc } from './open-ipc.ts'
import { openRows, type RowBatchesOptions } from './row-batches.ts'
import { schemaDrift } from './schema-drift.ts'

/** A row: an object with a property for each column. Of an interface too, which has no index signature; a list or a stream is none. */
export type RowInput =
  | Readonly<Record<string, unknown>>
  | (object & { readonly [Symbol.iterator]?: never; readonly [Symbol.asyncIterator]?: never })

/** One element of a stream of data: a batch, a table, bytes of Arrow IPC streams, or a row. */
export type BatchItem = RecordBatch | Table | Uint8Array | RowInput

/** Everything that can be written: see {@link readBatches}. */
export type BatchInput =
  | Table
  | RecordBatch
  | RecordBatchReader
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<BatchItem>
  | Iterable<BatchItem>
  | AsyncIterable<BatchItem>

/** Choices of {@link readBatches}. */
export interface ReadBatchesOptions extends RowBatchesOptions {
  readonly signal?: AbortSignal
}

/** Batches that all have one schema. */
export interface BatchStream {
  readonly schema: Schema
  /** May be iterated once. Ending early ends the input. */
  readonly batches: AsyncIterable<RecordBatch>
}

/** What {@link readBatches} makes of an input. */
export interface BatchSource extends BatchStream {
  /** Whether the schema was inferred from rows, whose numbers know nothing of widths. */
  readonly isInferred: boolean
  /** Rows, and bytes of Arrow data about, when the input is a table or a batch. */
  readonly size?: { readonly rows: number; readonly bytes: number }
  /** Ends the input, for whoever does not come to iterate. */
  close(): Promise<void>
}

/**
 * Reads any input as a stream of record batches: a Table, RecordBatch or RecordBatchReader, Arrow IPC bytes (stream or
 * file), or an iterable, async iterable or Web ReadableStream of batches, tables, IPC bytes or rows. Awaits only what
 * the schema needs. An empty input has a schema without fields; batches without rows or columns are left out.
 * @throws {KustoUsageError} KUSTO_BAD_INPUT when the input is none of these
 * @throws {KustoDataError} while iterating: KUSTO_SCHEMA_DRIFT when a batch's schema differs from the first's, and the
 * errors of {@link inferSchema} and {@link rowsToBatch}
 */
export async function readBatches(input: BatchInput, options: ReadBatchesOptions = {}): Promise<BatchSource> {
  const source = await openSource(input, options)
  const schema = adoptSchema(source.schema)
  const { isInferred = false, end } = source
  const size = sizeOf(input)
  return {
    schema,
    isInferred,
    ...(size === undefined ? {} : { size }),
    batches: checked({ ...source, schema }, options.signal),
    close: async () => end?.(),
  }
}

/** What is known without reading; a slice has its share of the buffers it was cut from. */
function sizeOf(input: BatchInput): { readonly rows: number; readonly bytes: number } | undefined {
  const batches = isTable(input) ? input.batches : isRecordBatch(input) ? [input] : undefined
  if (batches === undefined) return undefined
  const shares = batches.flatMap(({ data, numRows }) =>
    data.children.map((column) =>
      column.length === 0 ? 0 : (column.byteLength * numRows) / Math.max(numRows, column.length),
    ),
  )
  return {
    rows: batches.reduce((sum, { numRows }) => sum + numRows, 0),
    bytes: Math.ceil(shares.reduce((sum, bytes) => sum + bytes, 0)),
  }
}

interface Source {
  readonly schema: Schema
  readonly batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>
  readonly isInferred?: boolean
  readonly end?: () => Promise<void>
}

async function openSource(input: BatchInput, options: ReadBatchesOptions): Promise<Source> {
  if (isTable(input)) return { schema: input.schema, batches: input.batches }
  if (isRecordBatch(input)) return { schema: input.schema, batches: [input] }
  if (input instanceof RecordBatchReader) return openReader(input)
  if (input instanceof Uint8Array) return openIpc(input)
  if (input instanceof ArrayBuffer) return openIpc(new Uint8Array(input))
  const { signal } = options
  const items = iteratorOf(input)
  const end = async (): Promise<void> => {
    // What a source has to say about its end does not matter to whoever gave it up.
    const ended = Promise.resolve(items.return?.()).then(
      () => undefined,
      () => undefined,
    )
    // After an abort the source may be in the middle of a read that never ends.
    if (signal?.aborted !== true) await ended
  }
  try {
    return { ...(await openItems(items, options)), end }
  } catch (error) {
    await end()
    throw error
  }
}

async function openItems(
  items: AsyncIterator<unknown> | Iterator<unknown>,
  options: ReadBatchesOptions,
): Promise<Source> {
  const { signal } = options
  signal?.throwIfAborted()
  const first = await untilAborted(Promise.resolve(items.next()), signal)
  if (first.done === true) return { schema: new Schema([]), batches: [] }
  const rest = rejoined(first.value, items)
  if (isTable(first.value) || isRecordBatch(first.value)) {
    return { schema: first.value.schema, batches: batchesOf(rest) }
  }
  if (first.value instanceof Uint8Array || first.value instanceof ArrayBuffer) {
    return untilAborted(openIpc(rest), signal)
  }
  return openRows(rest, options, signal)
}

async function openReader(reader: RecordBatchReader): Promise<Source> {
  const opened: RecordBatchReader = await reader.open()
  return { schema: opened.schema, batches: opened }
}

async function* batchesOf(items: AsyncIterable<unknown>): AsyncGenerator<RecordBatch, void, undefined> {
  for await (const item of items) {
    if (isTable(item)) yield* item.batches
    else if (isRecordBatch(item)) yield item
    else throw badInput('a record batch or table like the first element', item)
  }
}

async function* checked(source: Source, signal: AbortSignal | undefined): AsyncGenerator<RecordBatch, void, undefined> {
  let index = 0
  for await (const given of source.batches) {
    signal?.throwIfAborted()
    const batch = adoptBatch(given)
    const drift = schemaDrift(source.schema, batch.schema)
    if (drift !== undefined) throw new KustoDataError('KUSTO_SCHEMA_DRIFT', `batch ${index}: ${drift}`)
    if (batch.numRows > 0 && batch.numCols === 0) {
      throw new KustoDataError(
        'KUSTO_NO_COLUMNS',
        `batch ${index}: expected columns, found ${batch.numRows} rows of none`,
      )
    }
    if (batch.numRows > 0) yield batch
    index++
  }
}

async function* rejoined(
  first: unknown,
  items: AsyncIterator<unknown> | Iterator<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  try {
    yield first
    for (let next = await items.next(); next.done !== true; next = await items.next()) yield next.value
  } finally {
    await items.return?.()
  }
}

function iteratorOf(input: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  if (typeof input === 'object' && input !== null) {
    if (Symbol.asyncIterator in input) return (input as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    if (Symbol.iterator in input) return (input as Iterable<unknown>)[Symbol.iterator]()
  }
  throw badInput('a table, batches, Arrow IPC bytes or an iterable of rows', input)
}

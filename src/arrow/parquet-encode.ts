import { type Field, makeData, RecordBatch, Schema, Struct, Table } from 'apache-arrow'
import type { RecordBatch as WasmBatch } from 'parquet-wasm'
import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { located, targetColumns } from './encode-csv.ts'
import { IpcScratch } from './ipc-scratch.ts'
import { byteSink } from './kernels/write-bytes.ts'
import { kustoColumns } from './kusto-columns.ts'
import { parquetColumn, parquetField, parquetVerdict } from './parquet-columns.ts'
import { footerRows } from './parquet-footer.ts'
import { type ParquetCompression, writerProperties } from './parquet-properties.ts'
import { rowMeter, rowSlices } from './row-meter.ts'
import { sliceBytesOf } from './slice-bytes.ts'
import type { KustoColumn } from './scalar-types.ts'

export type { ParquetCompression } from './parquet-properties.ts'

/** Choices of {@link encodeParquet}. */
export interface EncodeParquetOptions {
  /** The table's columns, by position, when they are not those of the schema's own types. */
  readonly columns?: readonly KustoColumn[]
  /** Default `zstd`, the smallest; `snappy` is faster where the network is. */
  readonly compression?: ParquetCompression
  /** Rows of a row group at most. Default 131,072. */
  readonly rowGroupRows?: number
  /** Added to row numbers in errors. Default 0. */
  readonly rowOffset?: number
  /** Arrow bytes handed to the encoder at a time, about. Default {@link sliceBytesOf} the columns. */
  readonly sliceBytes?: number
}

/** What a caller must know about a Parquet file. */
export interface ParquetMeasures {
  readonly rows: number
  /** Bytes of the values before encoding and compression: what Kusto calls the raw size. */
  readonly rawBytes: number
  /** Cells over 1 MiB: with the default encoding policy Kusto cuts such strings and makes such dynamics null. */
  readonly oversizeCells: number
  /** Times written into text columns whose digits below 100 ns were cut. */
  readonly cutTimes: number
}

/** A Parquet file made of batches, and what a caller must know about it. */
export interface EncodedParquet extends ParquetMeasures {
  readonly bytes: Uint8Array
}

/** A Parquet file while it is made. */
export interface ParquetParts {
  /** The bytes, a row group or more at a time. Owned by the caller. */
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>
  /** Call it after the chunks are consumed. */
  readonly measured: () => ParquetMeasures
}

type Batches = Iterable<RecordBatch> | AsyncIterable<RecordBatch>

/** The pages of a row group are held until it is complete. */
const ROW_GROUP_ROWS = 128 * 1024

/**
 * Writes batches as one Parquet file that Kusto loads into the columns. All batches have the given schema.
 * @throws {KustoDataError} naming column and row, for a value that Parquet or the Kusto type cannot carry
 * @throws {KustoUsageError} KUSTO_PARQUET_UNSUPPORTED when {@link parquetVerdict} rules a column out by its type
 */
export async function encodeParquet(
  schema: Schema,
  batches: Batches,
  options: EncodeParquetOptions = {},
): Promise<EncodedParquet> {
  const { chunks, measured } = parquetParts(schema, batches, options)
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const [first] = parts
  return { bytes: parts.length === 1 && first !== undefined ? first : joined(parts), ...measured() }
}

/** As {@link encodeParquet}, part by part: what is held is a slice of the rows and the row group being made. */
export function parquetParts(schema: Schema, batches: Batches, options: EncodeParquetOptions = {}): ParquetParts {
  const columns = options.columns ?? kustoColumns(schema)
  const counts = byteSink(0)
  const found = { rows: 0, rawBytes: 0 }
  const slices = readySlices(schema, batches, { columns, counts, found, options })
  return {
    chunks: encode(slices, columns, { schema, found, options }),
    measured: () => ({ ...found, oversizeCells: counts.oversizeCells, cutTimes: counts.cutTimes }),
  }
}

interface Found {
  rows: number
  rawBytes: number
}

interface StreamedSlices {
  readonly head: Table[]
  readonly rest: AsyncGenerator<Table, void, undefined>
  readonly found: Found
  readonly scratch: IpcScratch
}

async function* encode(
  slices: AsyncGenerator<Table, void, undefined>,
  columns: readonly KustoColumn[],
  { schema, found, options }: { schema: Schema; found: Found; options: EncodeParquetOptions },
): AsyncGenerator<Uint8Array, void, undefined> {
  const verdict = parquetVerdict(columns, schema.fields)
  if (!verdict.ok && !verdict.valuesMayFit) {
    throw new KustoUsageError('KUSTO_PARQUET_UNSUPPORTED', `column ${verdict.column}: ${verdict.reason}; use csv`)
  }
  const parquet = await import('parquet-wasm')
  const { compression = 'zstd', rowGroupRows = ROW_GROUP_ROWS, sliceBytes = sliceBytesOf(columns.length) } = options
  const scratch = new IpcScratch(sliceBytes + sliceBytes / 4)
  try {
    const [first, second] = [await slices.next(), await slices.next()]
    if (first.done === true) return
    const properties = writerProperties(parquet, first.value, { compression, rowGroupRows })
    if (second.done === true) {
      yield parquet.writeParquet(parquet.Table.fromIPCStream(scratch.write(first.value)), properties)
      return
    }
    yield* streamed(parquet, properties, { head: [first.value, second.value], rest: slices, found, scratch })
  } finally {
    await slices.return()
  }
}

/**
 * The encoder's stream swallows errors of its source and of its own: an error of the source is kept here, and a file
 * whose footer does not count all rows is an error.
 */
async function* streamed(
  parquet: typeof import('parquet-wasm'),
  properties: import('parquet-wasm').WriterProperties,
  { head, rest, found, scratch }: StreamedSlices,
): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: { readonly error: unknown } | undefined
  let isLeft = false
  const source = new ReadableStream<WasmBatch>(
    {
      async pull(controller) {
        try {
          // Nothing else here waits for more than promises: timers and sockets of this thread would wait for the whole file.
          await new Promise<void>((resolve) => void setImmediate(resolve))
          const table = isLeft ? undefined : (head.shift() ?? (await rest.next()).value)
          if (table === undefined) return controller.close()
          const loaded = parquet.Table.fromIPCStream(scratch.write(table))
          for (const batch of loaded.recordBatches()) controller.enqueue(batch)
          loaded.free()
        } catch (error) {
          failure = { error }
          controller.close()
        }
      },
    },
    { highWaterMark: 0 },
  )
  // The encoder writes indexes and footer at once, after the last row group: the last chunks hold them.
  let last: readonly Uint8Array[] = []
  try {
    for await (const chunk of await parquet.transformParquetStream(source, properties)) {
      last = [...last.slice(-1), chunk as Uint8Array]
      yield chunk as Uint8Array
    }
  } finally {
    // The encoder goes on when nobody reads any more, until its source ends.
    isLeft = true
  }
  if (failure !== undefined) throw failure.error
  const written = footerRows(joined(last))
  if (written !== found.rows) {
    throw new KustoProtocolError(
      'KUSTO_ROW_COUNT_MISMATCH',
      `expected ${found.rows} rows in the encoded file, found ${written}`,
    )
  }
}

interface SliceOptions {
  readonly columns: readonly KustoColumn[]
  readonly counts: ReturnType<typeof byteSink>
  readonly found: Found
  readonly options: EncodeParquetOptions
}

/** Tables of about `sliceBytes` in Parquet's types; one without rows when there are no batches. */
async function* readySlices(
  schema: Schema,
  batches: Batches,
  { columns, counts, found, options }: SliceOptions,
): AsyncGenerator<Table, void, undefined> {
  const { sliceBytes = sliceBytesOf(columns.length), rowOffset = 0 } = options
  const ready = (batch: RecordBatch, start: number): RecordBatch =>
    readyBatch(batch, { columns, counts, rowOffset: rowOffset + start })
  let held: RecordBatch[] = []
  let heldBytes = 0
  for await (const whole of batches) {
    for (const batch of rowSlices(whole, sliceBytes)) {
      const made = ready(batch, found.rows)
      const bytes = rowMeter(made).bytes(0, made.numRows)
      found.rows += made.numRows
      found.rawBytes += bytes
      held.push(made)
      heldBytes += bytes
      if (heldBytes < sliceBytes) continue
      yield new Table(held)
      held = []
      heldBytes = 0
    }
  }
  if (held.length > 0) yield new Table(held)
  // An empty batch gives the file its columns even when there are no rows.
  else if (found.rows === 0) yield new Table([ready(new RecordBatch(schema, undefined), 0)])
}

function readyBatch(
  batch: RecordBatch,
  how: Pick<SliceOptions, 'columns' | 'counts'> & { readonly rowOffset: number },
): RecordBatch {
  const { columns, counts, rowOffset } = how
  targetColumns(batch, columns)
  const fields: Field[] = []
  const children = batch.schema.fields.map((field, index) => {
    const data = batch.data.children[index]
    const column = columns[index]
    const at = { row: 0 }
    if (data === undefined || column === undefined) throw new KustoUsageError('KUSTO_COLUMN_MISMATCH', 'missing column')
    try {
      const made = parquetColumn(field, data, { target: column.type, counts, at })
      fields.push(parquetField(column, made))
      return made
    } catch (error) {
      throw located(error, { column, row: rowOffset + at.row })
    }
  })
  return new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children }),
  )
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

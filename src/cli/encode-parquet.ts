import { RecordBatch, type Schema, Table, tableToIPC } from 'apache-arrow'
import type { RecordBatch as WasmBatch, WriterProperties } from 'parquet-wasm'
import { KustoProtocolError } from '../errors.ts'

/** Rows of a row group: enough to compress well, little enough to hold. */
const ROW_GROUP_ROWS = 131_072
/** Arrow bytes handed to the encoder at a time, about: they are in its memory several times, and that never shrinks. */
const SLICE_BYTES = 1024 * 1024

type Parquet = typeof import('parquet-wasm')

/**
 * Parquet, row group by row group, so that memory does not grow with the rows. Fails with what the batches fail with.
 * @throws {KustoProtocolError} KUSTO_ROW_COUNT_MISMATCH when the footer does not count the rows that were given
 */
export async function* encodeParquet(schema: Schema, batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const properties = new parquet.WriterPropertiesBuilder()
    .setCompression(parquet.Compression.ZSTD)
    .setMaxRowGroupSize(ROW_GROUP_ROWS)
    .setCreatedBy('kusto-arrow')
    .build()
  const slices = slicesOf(batches)
  try {
    const first = await slices.next()
    if (first.done === true) {
      yield parquet.writeParquet(loaded(parquet, new RecordBatch(schema, undefined)), properties)
      return
    }
    yield* streamed(parquet, properties, { first: first.value, rest: slices })
  } finally {
    await slices.return()
  }
}

interface Slices {
  readonly first: RecordBatch
  readonly rest: AsyncGenerator<RecordBatch, void, undefined>
}

/**
 * The encoder ends its file well when its source fails, and swallows errors of its own: an error of the source is kept
 * here, and the footer must count all rows.
 */
async function* streamed(
  parquet: Parquet,
  properties: WriterProperties,
  { first, rest }: Slices,
): AsyncGenerator<Uint8Array> {
  let failure: { readonly error: unknown } | undefined
  let isLeft = false
  let next: RecordBatch | undefined = first
  let rows = 0
  const source = new ReadableStream<WasmBatch>(
    {
      async pull(controller) {
        try {
          // Timers, sockets and signals have their turn between two slices.
          await new Promise<void>((resolve) => void setImmediate(resolve))
          const slice = isLeft ? undefined : (next ?? (await rest.next()).value)
          next = undefined
          if (slice === undefined) {
            controller.close()
            return
          }
          const table = loaded(parquet, slice)
          for (const batch of table.recordBatches()) controller.enqueue(batch)
          table.free()
          rows += slice.numRows
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
  let size = 0
  try {
    for await (const chunk of (await parquet.transformParquetStream(
      source,
      properties,
    )) as ReadableStream<Uint8Array>) {
      last = [...last.slice(-1), chunk]
      size += chunk.length
      yield chunk
    }
  } finally {
    // The encoder goes on when nobody reads any more, until its source ends.
    isLeft = true
  }
  if (failure !== undefined) throw failure.error
  const written = await footerRows(parquet, Buffer.concat(last), size)
  if (written === rows) return
  throw new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected ${rows} rows in the Parquet file, found ${written}`,
  )
}

/** Batches of about {@link SLICE_BYTES}; none without rows. */
async function* slicesOf(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch, void, undefined> {
  for await (const batch of batches) {
    const bytesOfRow = Math.max(1, batch.data.byteLength / Math.max(1, batch.numRows))
    const rows = Math.max(1, Math.floor(SLICE_BYTES / bytesOfRow))
    for (let start = 0; start < batch.numRows; start += rows) yield batch.slice(start, start + rows)
  }
}

function loaded(parquet: Parquet, batch: RecordBatch): import('parquet-wasm').Table {
  return parquet.Table.fromIPCStream(tableToIPC(new Table([batch]), 'stream'))
}

/** The rows that the footer at the end of a file of `size` bytes counts. */
async function footerRows(parquet: Parquet, end: Uint8Array, size: number): Promise<number> {
  const before = size - end.length
  const part = (from: number, to: number): Pick<Blob, 'size' | 'arrayBuffer'> => ({
    size: to - from,
    // Bytes before the end that is here are empty, which no footer is.
    arrayBuffer: async () => Uint8Array.from(end.subarray(from - before, to - before)).buffer,
  })
  const blob: Pick<Blob, 'size' | 'arrayBuffer'> & { readonly slice: typeof part } = { ...part(0, size), slice: part }
  const file = await parquet.ParquetFile.fromFile(blob as unknown as Blob)
  try {
    return file.metadata().fileMetadata().numRows()
  } finally {
    file.free()
  }
}

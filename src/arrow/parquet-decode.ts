import { Field, makeData, RecordBatch, RecordBatchReader, Schema, Struct, Type, tableFromIPC, Utf8 } from 'apache-arrow'
import type { ParquetFile, Table as DecodedTable } from 'parquet-wasm'
import { KustoProtocolError } from '../errors.ts'
import { cDataBatch, isCarriedByCData } from './c-data-batch.ts'
import { castText } from './kernels/cast-column.ts'
import { ReusedSlices } from './reused-slices.ts'

/** One row group, as the footer describes it. */
export interface ParquetRowGroup {
  readonly rows: number
  /** Bytes of its columns before compression. */
  readonly bytes: number
}

/** Choices of {@link OpenParquet.batches}. */
export interface ParquetReadOptions {
  /** Columns to decode, in file order. Default: all. */
  readonly columns?: readonly string[]
  /** Row groups to decode. Default: all. */
  readonly rowGroups?: readonly number[]
  /** Rows of a batch at most. Default 131,072. */
  readonly batchRows?: number
}

/** A Parquet file whose footer has been read. */
export interface OpenParquet {
  /** The footer's row count. */
  readonly rows: number
  readonly rowGroups: readonly ParquetRowGroup[]
  /** The schema that {@link batches} delivers: every text column is Utf8. */
  readonly schema: Schema
  /** Decodes one row group at a time, so that memory holds one. Batches own their buffers. */
  batches(options?: ParquetReadOptions): AsyncGenerator<RecordBatch, void, undefined>
  /** Frees what the decoder holds. */
  close(): void
}

/**
 * Reads the footer of a Parquet file in memory. The bytes must not change until it is closed.
 * @throws {KustoProtocolError} KUSTO_BAD_PARQUET when the bytes are not a whole Parquet file
 */
export async function openParquet(bytes: Uint8Array): Promise<OpenParquet> {
  const parquet = await import('parquet-wasm')
  const slices = new ReusedSlices(bytes)
  const file = await guarded(() => parquet.ParquetFile.fromFile(blobOver(bytes.length, slices)))
  const { rows, rowGroups } = footerOf(file)
  const schema = textSchema(schemaFrom(file.schema().intoIPCStream()))
  const decoder = { file, slices, memory: () => parquet.wasmMemory().buffer }
  return {
    rows,
    rowGroups,
    schema,
    batches: (options = {}) => decode(decoder, { rowGroups: rowGroups.map((_, index) => index), ...options }),
    close: () => file.free(),
  }
}

/** What decoding of one file needs again and again. */
interface Decoder {
  readonly file: ParquetFile
  readonly slices: ReusedSlices
  /** The decoder's memory as it is now: it is another one after it has grown. */
  readonly memory: () => ArrayBuffer
}

async function* decode(
  decoder: Decoder,
  options: ParquetReadOptions & { readonly rowGroups: readonly number[] },
): AsyncGenerator<RecordBatch, void, undefined> {
  const { columns, batchRows = 131_072 } = options
  for (const rowGroup of options.rowGroups) {
    const range = {
      rowGroups: [rowGroup],
      batchSize: batchRows,
      ...(columns === undefined ? {} : { columns: [...columns] }),
    }
    const table = await guarded(() => decoder.slices.during(() => decoder.file.read(range)))
    for (const batch of batchesOf(decoder, table)) yield withUtf8(batch)
  }
}

/** The table's batches in JavaScript's memory; the decoder's own is freed. */
function batchesOf({ memory }: Decoder, table: DecodedTable): readonly RecordBatch[] {
  const schema = schemaFrom(table.schema.intoIPCStream())
  // IPC copies twice, and reads every type.
  if (!isCarriedByCData(schema)) return [...RecordBatchReader.from(table.intoIPCStream())]
  const arrays = table.intoFFI()
  try {
    const addresses = arrays.arrayAddrs()
    return Array.from(addresses, (address) => cDataBatch(schema, memory(), address))
  } finally {
    arrays.free()
  }
}

/** Schemas by their bytes: the files of an export have the same, and reading one costs as much as copying a batch. */
const SCHEMAS = new Map<string, Schema>()
const SCHEMAS_KEPT = 16

function schemaFrom(ipc: Uint8Array): Schema {
  const key = Buffer.from(ipc.buffer, ipc.byteOffset, ipc.byteLength).toString('latin1')
  const known = SCHEMAS.get(key)
  if (known !== undefined) return known
  const { schema } = tableFromIPC(ipc)
  if (SCHEMAS.size >= SCHEMAS_KEPT) SCHEMAS.clear()
  SCHEMAS.set(key, schema)
  return schema
}

function footerOf(file: ParquetFile): { readonly rows: number; readonly rowGroups: readonly ParquetRowGroup[] } {
  const metadata = file.metadata()
  const fileMetadata = metadata.fileMetadata()
  const rows = fileMetadata.numRows()
  fileMetadata.free()
  const rowGroups = metadata.rowGroups().map((group) => {
    const found = { rows: group.numRows(), bytes: group.totalByteSize() }
    group.free()
    return found
  })
  metadata.free()
  return { rows, rowGroups }
}

/** Files that embed an Arrow schema may give large offsets; the rest of the package reads Utf8 only. */
function withUtf8(batch: RecordBatch): RecordBatch {
  const { fields } = batch.schema
  if (!fields.some(isOtherText)) return batch
  const schema = textSchema(batch.schema)
  const children = batch.data.children.map((data, index) => {
    const field = fields[index]
    return field !== undefined && isOtherText(field) ? castText(data) : data
  })
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: batch.numRows, children }))
}

function textSchema(schema: Schema): Schema {
  if (!schema.fields.some(isOtherText)) return schema
  const fields = schema.fields.map((field) => (isOtherText(field) ? field.clone({ type: new Utf8() }) : field))
  return new Schema(fields, schema.metadata)
}

function isOtherText(field: Field): boolean {
  return field.type.typeId === Type.LargeUtf8 || field.type.typeId === Type.Utf8View
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new KustoProtocolError('KUSTO_BAD_PARQUET', 'expected a whole Parquet file', { cause })
  }
}

/**
 * The part of a Blob that the decoder uses, over bytes in memory: a real one copies them when it is made and again, through
 * a stream, when it is read.
 */
function blobOver(bytes: number, slices: ReusedSlices): Blob {
  const part = (start: number, end: number): Pick<Blob, 'size' | 'arrayBuffer'> => ({
    size: end - start,
    arrayBuffer: () => Promise.resolve(slices.copy(start, end)),
  })
  const whole: Pick<Blob, 'size' | 'arrayBuffer'> & { slice: typeof part } = { ...part(0, bytes), slice: part }
  return whole as unknown as Blob
}

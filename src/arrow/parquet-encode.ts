import {
  type Data,
  type Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Type,
  Vector,
} from 'apache-arrow'
import { KustoUsageError } from '../errors.ts'
import { located, targetColumns } from './encode-csv.ts'
import { byteSink } from './kernels/write-bytes.ts'
import { parquetColumn, parquetField, parquetVerdict } from './parquet-columns.ts'
import { kustoColumns } from './kusto-columns.ts'
import type { KustoColumn } from './scalar-types.ts'

/** Page compression; Kusto reads all of them. */
export type ParquetCompression = 'zstd' | 'snappy' | 'gzip' | 'none'

/** Choices of {@link encodeParquet}. */
export interface EncodeParquetOptions {
  /** The table's columns, by position, when they are not those of the schema's own types. */
  readonly columns?: readonly KustoColumn[]
  /** Default `zstd`, the smallest; `snappy` is faster where the network is. */
  readonly compression?: ParquetCompression
  /** Rows of a row group at most. Default 1,048,576. */
  readonly rowGroupRows?: number
  /** Added to row numbers in errors. Default 0. */
  readonly rowOffset?: number
}

/** A Parquet file made of batches, and what a caller must know about it. */
export interface EncodedParquet {
  readonly bytes: Uint8Array
  readonly rows: number
  /** Bytes of the values before encoding and compression: what Kusto calls the raw size. */
  readonly rawBytes: number
  /** Cells over 1 MiB: with the default encoding policy Kusto cuts such strings and makes such dynamics null. */
  readonly oversizeCells: number
  /** Times written into text columns whose digits below 100 ns were cut. */
  readonly cutTimes: number
}

const SAMPLE_ROWS = 4096

/**
 * Writes batches as one Parquet file that Kusto loads into the columns. All batches have the given schema.
 * @throws {KustoDataError} naming column and row, for a value that Parquet or the Kusto type cannot carry
 * @throws {KustoUsageError} KUSTO_PARQUET_UNSUPPORTED when {@link parquetVerdict} rules a column out by its type
 */
export async function encodeParquet(
  schema: Schema,
  batches: readonly RecordBatch[],
  options: EncodeParquetOptions = {},
): Promise<EncodedParquet> {
  const { compression = 'zstd', rowGroupRows = 1 << 20 } = options
  const columns = options.columns ?? kustoColumns(schema)
  const verdict = parquetVerdict(columns, schema.fields)
  if (!verdict.ok && !verdict.valuesMayFit) {
    throw new KustoUsageError('KUSTO_PARQUET_UNSUPPORTED', `column ${verdict.column}: ${verdict.reason}; use csv`)
  }
  const counts = byteSink(0)
  const table = readyTable(schema, batches, { columns, counts, rowOffset: options.rowOffset ?? 0 })
  const parquet = await import('parquet-wasm')
  const codecs = {
    zstd: parquet.Compression.ZSTD,
    snappy: parquet.Compression.SNAPPY,
    gzip: parquet.Compression.GZIP,
    none: parquet.Compression.UNCOMPRESSED,
  } as const
  // Each setter consumes its builder, and writeParquet consumes the table and the properties: nothing is left to free.
  let properties = new parquet.WriterPropertiesBuilder()
    .setCompression(codecs[compression])
    .setMaxRowGroupSize(rowGroupRows)
    .setCreatedBy('kusto-arrow')
  for (const name of repetitionFree(table)) properties = properties.setColumnDictionaryEnabled(name, false)
  const bytes = parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(table, 'stream')), properties.build())
  return {
    bytes,
    rows: table.numRows,
    rawBytes: table.batches.reduce((sum, batch) => sum + batch.data.byteLength, 0),
    oversizeCells: counts.oversizeCells,
    cutTimes: counts.cutTimes,
  }
}

function readyTable(
  schema: Schema,
  batches: readonly RecordBatch[],
  how: {
    readonly columns: readonly KustoColumn[]
    readonly counts: ReturnType<typeof byteSink>
    readonly rowOffset: number
  },
): Table {
  const { columns, counts } = how
  // An empty batch gives the schema its Parquet types even when there are no batches.
  const all = batches.length > 0 ? batches : [new RecordBatch(schema, undefined)]
  let rowOffset = how.rowOffset
  let fields: Field[] | undefined
  const ready = all.map((batch) => {
    targetColumns(batch, columns)
    const children = batch.schema.fields.map((field, index) => {
      const data = batch.data.children[index]
      const column = columns[index]
      const at = { row: 0 }
      if (data === undefined || column === undefined)
        throw new KustoUsageError('KUSTO_COLUMN_MISMATCH', 'missing column')
      try {
        return parquetColumn(field, data, { target: column.type, counts, at })
      } catch (error) {
        throw located(error, { column, row: rowOffset + at.row })
      }
    })
    fields ??= children.map((data, index) => parquetField(columns[index] ?? { name: '', type: 'string' }, data))
    rowOffset += batch.numRows
    return makeData({ type: new Struct(fields), length: batch.numRows, children })
  })
  const out = new Schema(fields ?? [])
  return new Table(
    out,
    ready.map((data) => new RecordBatch(out, data)),
  )
}

/** Columns whose sampled values hardly repeat: a dictionary would only cost time. */
function repetitionFree(table: Table): readonly string[] {
  const [batch] = table.batches
  if (batch === undefined || batch.numRows < 64) return []
  return table.schema.fields.filter((_, index) => isRepetitionFree(batch.data.children[index])).map(({ name }) => name)
}

function isRepetitionFree(data: Data | undefined): boolean {
  if (data === undefined || data.type.typeId === Type.Bool) return false
  const rows = Math.min(data.length, SAMPLE_ROWS)
  const vector = new Vector([data.slice(0, rows)])
  const distinct = new Set<unknown>()
  let present = 0
  for (const value of vector) {
    if (value === null) continue
    present++
    distinct.add(typeof value === 'object' ? String(value) : value)
  }
  return distinct.size > present / 2
}

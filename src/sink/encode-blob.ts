import type { RecordBatch, Schema } from 'apache-arrow'
import { type EncodeCsvOptions, type EncodedCsv, encodeCsv } from '../arrow/encode-csv.ts'
import { gzipMember } from '../arrow/gzip-member.ts'
import { parquetParts } from '../arrow/parquet-encode.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoDataError } from '../errors.ts'
import { MAX_RECORD_BYTES } from './cut-blobs.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

/** What decides how rows become the bytes of a blob. Plain data: it goes to other threads as it is. */
export interface BlobEncoding {
  readonly format: WriteFormat
  /** Of Parquet pages; CSV is always compressed with gzip. */
  readonly compression: WriteSettings['compression']
  /** The table's columns, by position of the batches' columns. */
  readonly columns: readonly KustoColumn[]
  /** CSV begins with a record of the columns' names. */
  readonly hasHeader: boolean
  /** Rows of the write before this blob, for errors that name a row. */
  readonly rowOffset: number
}

/** The bytes of a blob as they are made, and what is known once they are all consumed. */
export interface EncodedBlob {
  readonly chunks: AsyncIterable<Uint8Array>
  readonly extension: string
  /** Call it after the chunks are consumed. */
  readonly measured: () => BlobMeasures
}

export interface BlobMeasures {
  readonly rows: number
  /** Uncompressed bytes. */
  readonly rawBytes: number
  /** Cells over 1 MiB: with the default encoding policy Kusto cuts such strings and makes such dynamics null. */
  readonly oversizeCells: number
  /** Datetimes and timespans whose digits below 100 ns were cut, because Kusto has none. */
  readonly cutTimes: number
}

export interface RowsToEncode {
  readonly schema: Schema
  /** Read once. */
  readonly batches: Iterable<RecordBatch> | AsyncIterable<RecordBatch>
}

const EXTENSIONS: Readonly<Record<WriteFormat, string>> = { csv: 'csv.gz', parquet: 'parquet' }

/** The end of a blob's name, by which the service knows format and compression. */
export function blobExtension(format: WriteFormat): string {
  return EXTENSIONS[format]
}

/** Encodes rows slice by slice: neither the text nor, but for a row group, the file is ever whole in memory. */
export function encodeBlob(rows: RowsToEncode, encoding: BlobEncoding, signal?: AbortSignal): EncodedBlob {
  const extension = blobExtension(encoding.format)
  if (encoding.format === 'csv') return { extension, ...encodeCsvBlob(rows, encoding, signal) }
  const { columns, compression, rowOffset } = encoding
  return { extension, ...parquetParts(rows.schema, rows.batches, { columns, compression, rowOffset }) }
}

function encodeCsvBlob(
  { batches }: RowsToEncode,
  encoding: BlobEncoding,
  signal: AbortSignal | undefined,
): Pick<EncodedBlob, 'chunks' | 'measured'> {
  const found = { rows: 0, rawBytes: 0, oversizeCells: 0, cutTimes: 0 }
  const { columns } = encoding
  async function* text(): AsyncGenerator<Uint8Array> {
    if (encoding.hasHeader) {
      const header = headerRecord(columns)
      found.rawBytes += header.length
      yield header
    }
    for await (const batch of batches) {
      const rowOffset = encoding.rowOffset + found.rows
      for (let startRow = 0; startRow < batch.numRows;) {
        const encoded = encodeSome(batch, { columns, startRow, rowOffset })
        startRow = encoded.nextRow
        found.rawBytes += encoded.bytes.length
        found.oversizeCells += encoded.oversizeCells
        found.cutTimes += encoded.cutTimes
        yield encoded.bytes
      }
      found.rows += batch.numRows
    }
  }
  return { chunks: gzipMember(text(), signal === undefined ? {} : { signal }), measured: () => ({ ...found }) }
}

/** Text that is made at once, unless a single record is longer: compressing waits for it. */
const TEXT_BYTES = 1024 * 1024

function encodeSome(batch: RecordBatch, options: EncodeCsvOptions): EncodedCsv {
  try {
    return encodeCsv(batch, { ...options, maxBytes: TEXT_BYTES })
  } catch (error) {
    if (!(error instanceof KustoDataError) || error.code !== 'KUSTO_RECORD_TOO_LARGE') throw error
    return encodeCsv(batch, { ...options, maxBytes: MAX_RECORD_BYTES })
  }
}

function headerRecord(columns: readonly KustoColumn[]): Uint8Array {
  const names = columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`)
  return new TextEncoder().encode(`${names.join(',')}\n`)
}

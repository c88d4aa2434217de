import type { Schema } from 'apache-arrow'
import { encodeCsv } from '../arrow/encode-csv.ts'
import { gzipMember } from '../arrow/gzip-member.ts'
import { encodeParquet } from '../arrow/parquet-encode.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import type { BlobCut } from './cut-blobs.ts'
import type { WriteSettings } from './write-settings.ts'

/** The bytes of a blob as they are made, and what is known once they are all consumed. */
export interface EncodedBlob {
  readonly chunks: AsyncIterable<Uint8Array>
  readonly extension: string
  /** Call it after the chunks are consumed. */
  measured(): BlobMeasures
}

export interface BlobMeasures {
  /** Uncompressed bytes. */
  readonly rawBytes: number
  /** Cells over 1 MiB: with the default encoding policy Kusto cuts such strings and makes such dynamics null. */
  readonly oversizeCells: number
  /** Datetimes and timespans whose digits below 100 ns were cut, because Kusto has none. */
  readonly cutTimes: number
}

export interface EncodeBlobOptions {
  readonly schema: Schema
  /** The table's columns, by position of the batch's columns. */
  readonly columns: readonly KustoColumn[]
  readonly compression: WriteSettings['compression']
  /** CSV begins with a record of the columns' names. Default false. */
  readonly header?: boolean
  readonly signal: AbortSignal | undefined
}

/** CSV is made batch by batch and compressed on the way: no blob is ever whole in memory. */
export function encodeCsvBlob(cut: BlobCut, { columns, header, signal }: EncodeBlobOptions): EncodedBlob {
  let rawBytes = 0
  let oversizeCells = 0
  let cutTimes = 0
  function* text(): Generator<Uint8Array> {
    let rowOffset = cut.rowOffset
    if (header === true) {
      const names = headerRecord(columns)
      rawBytes += names.length
      yield names
    }
    for (const batch of cut.batches) {
      for (let row = 0; row < batch.numRows;) {
        const encoded = encodeCsv(batch, { columns, startRow: row, maxBytes: MAX_RECORD_BYTES, rowOffset })
        row = encoded.nextRow
        rawBytes += encoded.bytes.length
        oversizeCells += encoded.oversizeCells
        cutTimes += encoded.cutTimes
        yield encoded.bytes
      }
      rowOffset += batch.numRows
    }
  }
  const chunks = gzipMember(text(), signal === undefined ? {} : { signal })
  return { chunks, extension: 'csv.gz', measured: () => ({ rawBytes, oversizeCells, cutTimes }) }
}

/** Parquet needs its rows at once: the blob is encoded in memory, `maxBlobBytes` bounds it. */
export function encodeParquetBlob(cut: BlobCut, { schema, columns, compression }: EncodeBlobOptions): EncodedBlob {
  let measures: BlobMeasures = { rawBytes: 0, oversizeCells: 0, cutTimes: 0 }
  async function* once(): AsyncGenerator<Uint8Array> {
    const encoded = await encodeParquet(schema, cut.batches, { columns, compression, rowOffset: cut.rowOffset })
    measures = encoded
    yield encoded.bytes
  }
  return { chunks: once(), extension: 'parquet', measured: () => measures }
}

/** The longest record Kusto takes, and so the most that is encoded at once. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024

/** The names as one record, each quoted. */
function headerRecord(columns: readonly KustoColumn[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(',')}\n`)
}

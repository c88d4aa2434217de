import type { RecordBatch, Schema } from 'apache-arrow'
import { encodeArrow } from './encode-arrow.ts'
import { encodeDelimited } from './encode-delimited.ts'
import { encodeJson, encodeNdjson } from './encode-json.ts'
import { encodeParquet } from './encode-parquet.ts'
import type { OutputFormat } from './output-format.ts'
import type { OutputTarget } from './output-target.ts'

export type StreamFormat = Exclude<OutputFormat, 'table'>

/** Rows with the schema they have even when there are none. */
export interface Rows {
  readonly schema: Schema
  readonly batches: AsyncIterable<RecordBatch>
}

/** The rows in a format, piece by piece. */
export function encodeRows({ schema, batches }: Rows, format: StreamFormat): AsyncIterable<Uint8Array> {
  switch (format) {
    case 'csv':
      return encodeDelimited(schema, batches)
    case 'json':
      return encodeJson(batches)
    case 'ndjson':
      return encodeNdjson(batches)
    case 'arrow':
      return encodeArrow(schema, batches, 'file')
    case 'arrows':
      return encodeArrow(schema, batches, 'stream')
    case 'parquet':
      return encodeParquet(schema, batches)
  }
}

/** Encodes the rows into a target; on any failure nothing of a file is left. */
export async function writeRows(
  rows: Rows,
  format: StreamFormat,
  target: OutputTarget,
): Promise<{ readonly bytes: number }> {
  try {
    for await (const bytes of encodeRows(rows, format)) await target.write(bytes)
    return await target.finish()
  } catch (error) {
    await target.abandon()
    throw error
  }
}

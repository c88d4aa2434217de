import type { RecordBatch, Schema } from 'apache-arrow'
import { encodeCsv } from '../index.ts'

/** CSV bytes that go to the sink in one piece, about. */
const MAX_BYTES = 4 * 1024 * 1024

/** RFC 4180 with a header. */
export async function* encodeDelimited(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${schema.fields.map(({ name }) => quoted(name)).join(',')}\n`)
  let rowOffset = 0
  for await (const batch of batches) {
    const bytesOfRow = Math.max(1, batch.data.byteLength / Math.max(1, batch.numRows))
    const rows = Math.max(1, Math.floor(MAX_BYTES / bytesOfRow))
    for (let start = 0; start < batch.numRows; start += rows) {
      yield encodeCsv(batch.slice(start, start + rows), { rowOffset: rowOffset + start }).bytes
    }
    rowOffset += batch.numRows
  }
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text
}

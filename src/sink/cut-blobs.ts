import type { Data, RecordBatch } from 'apache-arrow'

/** Batches that go into one blob. */
export interface BlobCut {
  readonly batches: readonly RecordBatch[]
  readonly rows: number
  /** Bytes of the Arrow data, about. */
  readonly arrowBytes: number
  /** Rows of the whole write before this blob, for errors that name a row. */
  readonly rowOffset: number
}

/**
 * Groups batches into blobs of about `maxBlobBytes` of Arrow data. Batches are split between rows only, and only when
 * one alone is larger than a blob. A source without rows gives no blob.
 */
export async function* cutBlobs(batches: AsyncIterable<RecordBatch>, maxBlobBytes: number): AsyncGenerator<BlobCut> {
  let group: RecordBatch[] = []
  let rows = 0
  let arrowBytes = 0
  let rowOffset = 0
  const finish = (): BlobCut => {
    const cut = { batches: group, rows, arrowBytes, rowOffset }
    rowOffset += rows
    group = []
    rows = 0
    arrowBytes = 0
    return cut
  }
  for await (const whole of batches) {
    for (const batch of pieces(whole, maxBlobBytes)) {
      if (batch.numRows === 0) continue
      const bytes = byteLength(batch)
      if (rows > 0 && arrowBytes + bytes > maxBlobBytes) yield finish()
      group.push(batch)
      rows += batch.numRows
      arrowBytes += bytes
    }
  }
  if (rows > 0) yield finish()
}

function* pieces(batch: RecordBatch, maxBytes: number): Generator<RecordBatch> {
  const count = Math.min(batch.numRows, Math.ceil(byteLength(batch) / maxBytes))
  if (count <= 1) {
    yield batch
    return
  }
  const rows = Math.ceil(batch.numRows / count)
  for (let start = 0; start < batch.numRows; start += rows) {
    yield batch.slice(start, Math.min(batch.numRows, start + rows))
  }
}

/** Bytes of the values, about: a slice has its share of the buffers it was cut from, a dictionary counts once per row. */
function byteLength(batch: RecordBatch): number {
  return Math.ceil(batch.data.children.reduce((sum, column) => sum + columnBytes(column, batch.numRows), 0))
}

function columnBytes(column: Data, rows: number): number {
  const values = column.dictionary
  if (values !== undefined) return values.length === 0 ? 0 : (values.byteLength * rows) / values.length
  return column.length === 0 ? 0 : (column.byteLength * rows) / Math.max(rows, column.length)
}

import type { RecordBatch } from 'apache-arrow'

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

/** A slice shares the buffers it was cut from, so its share is by rows. */
function byteLength(batch: RecordBatch): number {
  const bytes = batch.data.byteLength
  const first = batch.data.children[0]
  const held = first === undefined ? batch.numRows : Math.max(batch.numRows, first.length)
  return held === 0 ? 0 : Math.ceil((bytes * batch.numRows) / held)
}

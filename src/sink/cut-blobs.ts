import type { RecordBatch } from 'apache-arrow'
import { type RowMeter, rowMeter } from '../arrow/row-meter.ts'
import { ByteBudget, type ReleaseBytes } from '../base/byte-budget.ts'
import { KustoDataError } from '../errors.ts'
import type { WriteSettings } from './write-settings.ts'

/** Batches that go into one blob. */
export interface BlobCut {
  /** @throws {Error} once they were released */
  readonly batches: readonly RecordBatch[]
  readonly rows: number
  /** Bytes of the Arrow data. */
  readonly arrowBytes: number
  /** Rows of the whole write before this blob, for errors that name a row. */
  readonly rowOffset: number
  /** Lets go of the batches, and of their bytes in the write's budget all but `keptBytes`. The receiver owes one call. */
  readonly release: ReleaseBytes
}

export interface CutSettings extends Pick<WriteSettings, 'maxBufferedBytes' | 'signal'> {
  /** `Infinity` for one blob of everything. */
  readonly maxBlobBytes: number
  /** The error for rows that make more than one blob; told before the second takes any memory. Default: they may. */
  readonly severalBlobs?: () => Error
}

/** The longest record that Kusto takes. */
export const MAX_RECORD_BYTES: number = 64 * 1024 * 1024

/**
 * Groups batches into blobs of at most `maxBlobBytes` of Arrow data. Batches are split between rows only, and only where
 * one alone is larger than a blob or than `MAX_RECORD_BYTES`. A source without rows gives no blob. Before a blob's first
 * batch is asked for, `maxBlobBytes` are taken from the budget, or all of it; a finished blob keeps what it holds until it is released.
 * @throws {KustoDataError} KUSTO_RECORD_TOO_LARGE naming row and widest column, for a row that is larger than a blob may be
 */
export async function* cutBlobs(
  batches: AsyncIterable<RecordBatch>,
  { maxBlobBytes, maxBufferedBytes, signal, severalBlobs }: CutSettings,
): AsyncGenerator<BlobCut> {
  const budget = new ByteBudget(maxBufferedBytes)
  const maxPieceBytes = Math.min(maxBlobBytes, MAX_RECORD_BYTES)
  const reservedBytes = Math.min(maxBlobBytes, maxBufferedBytes)
  let release = await budget.acquire(reservedBytes, signal)
  let group: RecordBatch[] = []
  let rows = 0
  let arrowBytes = 0
  let rowOffset = 0
  const finish = (): BlobCut => {
    const cut = blobCut(group, { rows, arrowBytes, rowOffset, release })
    release(arrowBytes)
    rowOffset += rows
    group = []
    rows = 0
    arrowBytes = 0
    return cut
  }
  for await (const whole of batches) {
    for (const { batch, bytes } of pieces(whole, maxPieceBytes, rowOffset + rows)) {
      if (rows > 0 && arrowBytes + bytes > maxBlobBytes) {
        if (severalBlobs !== undefined) throw severalBlobs()
        yield finish()
        release = await budget.acquire(reservedBytes, signal)
      }
      group.push(batch)
      rows += batch.numRows
      arrowBytes += bytes
    }
  }
  if (rows > 0) yield finish()
}

function blobCut(
  batches: RecordBatch[],
  { release, ...facts }: Pick<BlobCut, 'rows' | 'arrowBytes' | 'rowOffset' | 'release'>,
): BlobCut {
  let held: readonly RecordBatch[] | undefined = batches
  return {
    ...facts,
    get batches() {
      if (held === undefined) throw new Error('expected the rows of a blob, found them released')
      return held
    },
    release(keptBytes) {
      held = undefined
      release(keptBytes)
    },
  }
}

interface Piece {
  readonly batch: RecordBatch
  readonly bytes: number
}

function* pieces(batch: RecordBatch, maxBytes: number, rowOffset: number): Generator<Piece> {
  if (batch.numRows === 0) return
  const meter = rowMeter(batch)
  const all = meter.bytes(0, batch.numRows)
  if (all <= maxBytes) {
    yield { batch, bytes: all }
    return
  }
  for (let start = 0; start < batch.numRows;) {
    const end = lastFitting(meter, { start, end: batch.numRows, maxBytes })
    if (end === start) throw rowTooLarge(meter, { row: start, rowOffset, maxBytes })
    yield { batch: batch.slice(start, end), bytes: meter.bytes(start, end) }
    start = end
  }
}

/** The end of the longest run of rows from `start` that fits; `start` when its row alone does not. */
function lastFitting(meter: RowMeter, span: { start: number; end: number; maxBytes: number }): number {
  let fits = span.start
  let tooLong = span.end + 1
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2)
    if (meter.bytes(span.start, middle) <= span.maxBytes) fits = middle
    else tooLong = middle
  }
  return fits
}

function rowTooLarge(meter: RowMeter, at: { row: number; rowOffset: number; maxBytes: number }): KustoDataError {
  const [row, column] = [at.rowOffset + at.row, meter.widest(at.row)]
  const found = meter.bytes(at.row, at.row + 1)
  return new KustoDataError(
    'KUSTO_RECORD_TOO_LARGE',
    `row ${row}: expected at most ${at.maxBytes} bytes in a row, found ${found}, most of them in column ${column}`,
    { row, column },
  )
}

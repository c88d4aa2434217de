import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import type { RecordBatch } from 'apache-arrow'
import { KustoDataError } from '../errors.ts'
import type { Piece, PieceBody } from './piece.ts'

/** Rows as bytes, from `startRow` on, whole records only and at most `maxBytes`. */
export type EncodeRows = (
  batch: RecordBatch,
  options: { readonly startRow: number; readonly maxBytes: number; readonly rowOffset: number },
) => EncodedRows

export interface EncodedRows {
  readonly bytes: Uint8Array
  readonly nextRow: number
  readonly oversizeCells: number
  readonly cutTimes: number
}

export interface EncodePiecesOptions {
  readonly encode: EncodeRows
  /** Bytes of a piece; asked for each one, because it may be learned on the way. */
  readonly maxBytes: () => number
  /** Called for values that the service may not keep whole. */
  readonly onRisk: (risk: { readonly oversizeCells: number; readonly cutTimes: number }) => void
}

/** Rows of a batch: `[start, end)`. */
interface RowRange {
  readonly batch: RecordBatch
  readonly start: number
  readonly end: number
}

/** The longest record the service takes at all. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024
const gzip = promisify<Uint8Array, zlib.ZlibOptions, Uint8Array>(zlib.gzip)

/**
 * Cuts batches into pieces of at most `maxBytes` of encoded rows, between rows only; small batches share a piece. A row
 * that is longer is a piece of its own, to be recognised by its size.
 */
export async function* encodePieces(
  batches: AsyncIterable<RecordBatch>,
  options: EncodePiecesOptions,
): AsyncGenerator<Piece> {
  const { encode, onRisk } = options
  let chunks: Uint8Array[] = []
  let ranges: RowRange[] = []
  let rawBytes = 0
  let rows = 0
  let rowOffset = 0
  const finish = (): Piece => {
    const piece = pieceOf({ ranges, chunks, rawBytes, rowOffset, encode })
    rowOffset += rows
    chunks = []
    ranges = []
    rawBytes = 0
    rows = 0
    return piece
  }
  const take = (batch: RecordBatch, start: number, encoded: EncodedRows): void => {
    chunks.push(encoded.bytes)
    ranges.push({ batch, start, end: encoded.nextRow })
    rawBytes += encoded.bytes.length
    rows += encoded.nextRow - start
    const { oversizeCells, cutTimes } = encoded
    if (oversizeCells + cutTimes > 0) onRisk({ oversizeCells, cutTimes })
  }
  let batchOffset = 0
  for await (const batch of batches) {
    for (let row = 0; row < batch.numRows;) {
      const maxBytes = options.maxBytes()
      const encoded = fitting(encode, batch, { startRow: row, maxBytes: maxBytes - rawBytes, rowOffset: batchOffset })
      if (encoded !== undefined) {
        take(batch, row, encoded)
        row = encoded.nextRow
        if (row < batch.numRows || rawBytes >= maxBytes) yield finish()
      } else if (rawBytes > 0) yield finish()
      else {
        const one = { ...encode(batch.slice(row, row + 1), oneRow(batchOffset + row)), nextRow: row + 1 }
        take(batch, row, one)
        row += 1
        yield finish()
      }
    }
    batchOffset += batch.numRows
  }
  if (rows > 0) yield finish()
}

const oneRow = (rowOffset: number): Parameters<EncodeRows>[1] => ({
  startRow: 0,
  maxBytes: MAX_RECORD_BYTES,
  rowOffset,
})

/** As many rows as fit; undefined when not even one does. */
function fitting(encode: EncodeRows, batch: RecordBatch, options: Parameters<EncodeRows>[1]): EncodedRows | undefined {
  if (options.maxBytes < 1) return undefined
  try {
    return encode(batch, options)
  } catch (error) {
    if (error instanceof KustoDataError && error.code === 'KUSTO_RECORD_TOO_LARGE') return undefined
    throw error
  }
}

interface PieceParts {
  readonly ranges: readonly RowRange[]
  readonly chunks: readonly Uint8Array[]
  readonly rawBytes: number
  readonly rowOffset: number
  readonly encode: EncodeRows
}

function pieceOf({ ranges, chunks, rawBytes, rowOffset, encode }: PieceParts): Piece {
  const rows = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  let body: Promise<PieceBody> | undefined
  const compress = async (): Promise<PieceBody> => ({
    bytes: await gzip(Buffer.concat(chunks, rawBytes), { level: 1 }),
    gzip: true,
  })
  const half = Math.ceil(rows / 2)
  const part = (skip: number, count: number): Piece => {
    const own = sliced(ranges, skip, count)
    const bytes = own.map(({ batch, start, end }) => encode(batch.slice(start, end), oneRow(rowOffset + skip)).bytes)
    const ownBytes = bytes.reduce((sum, chunk) => sum + chunk.length, 0)
    return pieceOf({ ranges: own, chunks: bytes, rawBytes: ownBytes, rowOffset: rowOffset + skip, encode })
  }
  return {
    sourceId: randomUUID(),
    rowOffset,
    rows,
    rawBytes,
    body: () => (body ??= compress()),
    ...(rows < 2 ? {} : { halves: () => [part(0, half), part(half, rows - half)] as const }),
  }
}

/** `count` rows after the first `skip` ones. */
function sliced(ranges: readonly RowRange[], skip: number, count: number): readonly RowRange[] {
  let before = skip
  let left = count
  return ranges.flatMap(({ batch, start, end }) => {
    const from = Math.min(end, start + before)
    before -= from - start
    const to = Math.min(end, from + left)
    left -= to - from
    return to > from ? [{ batch, start: from, end: to }] : []
  })
}

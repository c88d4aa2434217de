import type { Schema } from 'apache-arrow'
import { KustoProtocolError } from '../errors.ts'
import type { ByteBudget } from '../base/byte-budget.ts'
import type { BlobCut } from './cut-blobs.ts'
import { type BlobEncoding, blobExtension, type BlobMeasures, encodeBlob, type EncodedBlob } from './encode-blob.ts'
import type { Encoder, WholeBlob } from './encode-pool.ts'

export interface EncodeCutOptions {
  readonly schema: Schema
  readonly encoding: Omit<BlobEncoding, 'rowOffset'>
  /** Absent: rows are encoded on the calling thread. */
  readonly pool: Encoder | undefined
  /** One byte of it is taken while rows are encoded on the calling thread: several at once would only need more memory. */
  readonly turn?: ByteBudget
  readonly signal: AbortSignal
}

/** Below this a thread's start and the way to it cost more than the work. */
const INLINE_BYTES = 4 * 1024 * 1024

/**
 * The bytes of a blob, to be read as often as an upload is tried. On the calling thread they are made again for each; a
 * thread's are kept, and the rows are released for them.
 * @throws {KustoProtocolError} KUSTO_ROW_COUNT_MISMATCH after the last chunk, when not all rows are in it
 */
export function encodeCut(cut: BlobCut, { schema, pool, turn, signal, ...options }: EncodeCutOptions): EncodedBlob {
  const encoding = { ...options.encoding, rowOffset: cut.rowOffset }
  let measures: BlobMeasures = { rows: 0, rawBytes: 0, oversizeCells: 0, cutTimes: 0 }
  let whole: Promise<WholeBlob> | undefined
  async function* inline(): AsyncGenerator<Uint8Array, void, undefined> {
    const done = await turn?.acquire(1, signal)
    try {
      const encoded = encodeBlob({ schema, batches: cut.batches }, encoding, signal)
      yield* encoded.chunks
      measures = checked(encoded.measured(), cut)
    } finally {
      done?.()
    }
  }
  async function* inThread(threads: Encoder): AsyncGenerator<Uint8Array, void, undefined> {
    whole ??= encodeWhole(cut, threads.encode({ schema, batches: cut.batches }, encoding, signal))
    const encoded = await whole
    measures = encoded.measures
    yield* encoded.chunks
  }
  const chunks = pool === undefined || cut.arrowBytes < INLINE_BYTES ? inline : () => inThread(pool)
  return {
    chunks: { [Symbol.asyncIterator]: chunks },
    extension: blobExtension(encoding.format),
    measured: () => measures,
  }
}

async function encodeWhole(cut: BlobCut, encoding: Promise<WholeBlob>): Promise<WholeBlob> {
  const encoded = await encoding
  checked(encoded.measures, cut)
  cut.release(encoded.chunks.reduce((sum, { length }) => sum + length, 0))
  return encoded
}

function checked(measures: BlobMeasures, { rows }: BlobCut): BlobMeasures {
  if (measures.rows === rows) return measures
  throw new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected ${rows} rows in the encoded blob, found ${measures.rows}`,
  )
}

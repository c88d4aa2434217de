import { Int32, type RecordBatch, Table, vectorFromArray } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { ByteBudget } from '../../src/base/byte-budget.ts'
import type { BlobCut } from '../../src/sink/cut-blobs.ts'
import { encodeCut } from '../../src/sink/encode-cut.ts'
import type { Encoder, WholeBlob } from '../../src/sink/encode-pool.ts'

const batch: RecordBatch = new Table({ n: vectorFromArray([1, 2, 3], new Int32()) }).batches[0]!
const MEASURES = { rows: 3, rawBytes: 6, oversizeCells: 0, cutTimes: 0 }

interface Watched extends BlobCut {
  readonly kept: number[]
}

function cutOf(arrowBytes: number): Watched {
  const kept: number[] = []
  const release = (bytes = 0): void => void kept.push(bytes)
  return { batches: [batch], rows: 3, arrowBytes, rowOffset: 7, release, kept }
}

/** Stands in for the threads. */
function encoderOf(answer: () => Promise<WholeBlob>): Encoder & { readonly calls: unknown[] } {
  const calls: unknown[] = []
  return {
    calls,
    encode(_, encoding) {
      calls.push(encoding.rowOffset)
      return answer()
    },
  }
}

const whole = (rows = 3): WholeBlob => ({
  chunks: [Uint8Array.of(1, 2), Uint8Array.of(3)],
  measures: { ...MEASURES, rows },
})
const { signal } = new AbortController()
const encoding = {
  format: 'csv',
  compression: 'zstd',
  columns: [{ name: 'n', type: 'int' }],
  hasHeader: false,
} as const
const options = { schema: batch.schema, encoding, signal }

async function read(chunks: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = []
  for await (const chunk of chunks) bytes.push(...chunk)
  return bytes
}

const MB = 1024 * 1024

describe('encodeCut', () => {
  it('encodes one blob after the other on the calling thread, also when one is left', async () => {
    const turn = new ByteBudget(1)
    const begin = (): AsyncIterator<Uint8Array> =>
      encodeCut(cutOf(10), { ...options, pool: undefined, turn }).chunks[Symbol.asyncIterator]()
    const [first, second, third] = [begin(), begin(), begin()]
    await first.next()
    const waiting = second.next()
    const waitingToo = third.next()
    expect(turn.waiting).toBe(2)
    await first.return!()
    expect((await waiting).value).toHaveLength(10)
    expect(turn.waiting).toBe(1)
    for (let next = await second.next(); next.done !== true; next = await second.next());
    expect((await waitingToo).value).toHaveLength(10)
    await third.return!()
    expect(turn.usedBytes).toBe(0)
  })

  it('does not wait for its turn after an abort', async () => {
    const turn = new ByteBudget(1)
    await turn.acquire(1)
    const stop = new AbortController()
    const encoded = encodeCut(cutOf(10), { ...options, pool: undefined, turn, signal: stop.signal })
    const reading = read(encoded.chunks)
    stop.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(turn.waiting).toBe(0)
  })

  it('encodes less than 4 MiB of rows on the calling thread, however many threads there are', async () => {
    const pool = encoderOf(() => Promise.resolve(whole()))
    const encoded = encodeCut(cutOf(4 * MB - 1), { ...options, pool })
    expect((await read(encoded.chunks)).slice(0, 2)).toEqual([0x1f, 0x8b])
    expect(encoded.measured()).toEqual(MEASURES)
    expect(pool.calls).toEqual([])
  })

  it('encodes more in a thread, once for all tries of an upload, and keeps the encoded bytes only', async () => {
    const pool = encoderOf(() => Promise.resolve(whole()))
    const cut = cutOf(4 * MB)
    const encoded = encodeCut(cut, { ...options, pool })
    expect(await read(encoded.chunks)).toEqual([1, 2, 3])
    expect(await read(encoded.chunks)).toEqual([1, 2, 3])
    expect(encoded.measured()).toEqual(MEASURES)
    expect([pool.calls, cut.kept]).toEqual([[7], [3]])
  })

  it('encodes anything on the calling thread where there are no threads, again for each try', async () => {
    const cut = cutOf(100 * MB)
    const encoded = encodeCut(cut, { ...options, pool: undefined })
    expect(await read(encoded.chunks)).toEqual(await read(encoded.chunks))
    expect([encoded.measured(), cut.kept]).toEqual([MEASURES, []])
  })

  it('is an error when not all rows are in the blob, before its last byte is out', async () => {
    const pool = encoderOf(() => Promise.resolve(whole(2)))
    const cut = cutOf(4 * MB)
    await expect(read(encodeCut(cut, { ...options, pool }).chunks)).rejects.toMatchObject({
      code: 'KUSTO_ROW_COUNT_MISMATCH',
    })
    expect(cut.kept).toEqual([])
    const inline = encodeCut({ ...cutOf(1), rows: 4 }, { ...options, pool: undefined })
    await expect(read(inline.chunks)).rejects.toMatchObject({ code: 'KUSTO_ROW_COUNT_MISMATCH' })
  })

  it("passes a thread's failure on", async () => {
    const pool = encoderOf(() => Promise.reject(new Error('out of memory')))
    await expect(read(encodeCut(cutOf(4 * MB), { ...options, pool }).chunks)).rejects.toThrow('out of memory')
  })
})

import { Worker } from 'node:worker_threads'
import { Int32, type RecordBatch, Schema, Table, tableFromArrays, Utf8, vectorFromArray } from 'apache-arrow'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { KustoDataError } from '../../src/errors.ts'
import { kustoColumns } from '../../src/arrow/kusto-columns.ts'
import { type BlobEncoding, encodeBlob, type EncodedBlob } from '../../src/sink/encode-blob.ts'
import { EncodePool, type WholeBlob } from '../../src/sink/encode-pool.ts'
import { COLUMN_CASES, drawnBatches, oneColumn, spans } from '../arrow/any-columns.ts'
import { nestedBatch } from '../arrow/nested-columns.ts'

const DYING = new URL('./fixtures/dying-encoder.mjs', import.meta.url)
const pools: EncodePool[] = []
const poolOf = (...args: ConstructorParameters<typeof EncodePool>): EncodePool => {
  const pool = new EncodePool(...args)
  pools.push(pool)
  return pool
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

const encodingOf = (schema: Schema, options: Partial<BlobEncoding> = {}): BlobEncoding => ({
  format: 'csv',
  compression: 'zstd',
  columns: kustoColumns(schema),
  hasHeader: false,
  rowOffset: 0,
  ...options,
})
const rowsOf = (...batches: RecordBatch[]): { schema: Schema; batches: RecordBatch[] } => ({
  schema: batches[0]!.schema,
  batches,
})
const fate = (name: string): ReturnType<typeof rowsOf> =>
  rowsOf(new Table({ [name]: vectorFromArray([1, 2, 3], new Int32()) }).batches[0]!)

const bytesOf = ({ chunks }: WholeBlob): Buffer => Buffer.concat(chunks)
async function inline(encoded: EncodedBlob): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of encoded.chunks) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('an encoding thread', () => {
  it('makes the same bytes as the calling thread of every Arrow type, and leaves its buffers alone', async () => {
    const pool = poolOf(1)
    await fc.assert(
      fc.asyncProperty(fc.array(drawnBatches(COLUMN_CASES), { minLength: 1, maxLength: 1 }), async ([drawn]) => {
        const rows = rowsOf(drawn!.batch)
        const encoding = encodingOf(rows.schema, { rowOffset: 5 })
        const before = await inline(encodeBlob(rows, encoding))
        const whole = await pool.encode(rows, encoding)
        expect(bytesOf(whole)).toEqual(before)
        expect(await inline(encodeBlob(rows, encoding))).toEqual(before)
      }),
      { numRuns: 60 },
    )
  })

  it.each(['csv', 'parquet'] as const)(
    'makes the same of nested and sliced columns, dictionaries too, %s',
    async (format) => {
      const pool = poolOf(1)
      const batch = nestedBatch(500)
      const batches = [batch.slice(3, 200), batch.slice(200, 201), batch.slice(333)]
      const rows = { schema: batch.schema, batches }
      const encoding = encodingOf(batch.schema, { format, hasHeader: format === 'csv' })
      expect(bytesOf(await pool.encode(rows, encoding))).toEqual(await inline(encodeBlob(rows, encoding)))
    },
  )

  it('gets rows in portions, each only when it asks for it', async () => {
    const pool = poolOf(1)
    const batch = oneColumn(spans(new Utf8())(Array.from({ length: 24 }, () => 'x'.repeat(1 << 20))))
    const posted = vi.spyOn(Worker.prototype, 'postMessage')
    const { measures } = await pool.encode(rowsOf(batch), encodingOf(batch.schema))
    const messages = posted.mock.calls.length
    posted.mockRestore()
    expect(measures.rows).toBe(24)
    // The request, a portion for each row, and the end.
    expect(messages).toBe(26)
    expect(batch.getChildAt(0)!.get(11)).toHaveLength(1 << 20)
  })

  it('names column and row of the whole write for a value that does not fit', async () => {
    const pool = poolOf(1)
    const rows = rowsOf(tableFromArrays({ n: BigInt64Array.from([1n, 2n ** 40n]) }).batches[0]!)
    const encoding = encodingOf(rows.schema, { columns: [{ name: 'n', type: 'int' }], rowOffset: 100 })
    const failure: unknown = await pool.encode(rows, encoding).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KustoDataError)
    expect(failure).toMatchObject({ code: 'KUSTO_INTEGER_RANGE', column: 'n', row: 101 })
  })

  it('starts when there is a blob for it, no more of them than blobs at once', async () => {
    const pool = poolOf(3, DYING)
    expect(pool.threads).toBe(0)
    const rows = fate('fine')
    const encoding = encodingOf(rows.schema)
    await pool.encode(rows, encoding)
    await pool.encode(rows, encoding)
    expect(pool.threads).toBe(1)
    const found = await Promise.all([1, 2, 3, 4, 5].map(() => pool.encode(rows, encoding)))
    expect(new Set(found.map(({ measures }) => measures.rawBytes)).size).toBe(3)
    expect(pool.threads).toBe(3)
  })

  it('fails its blob when it exits in the middle, with its exit code, and is replaced', async () => {
    const pool = poolOf(1, DYING)
    const rows = fate('exit')
    const failure: unknown = await pool.encode(rows, encodingOf(rows.schema)).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'KUSTO_WORKER_FAILED', retryable: true })
    expect(String(failure)).toMatch(/one of the encoding threads ended with exit code 9/)
    const fine = fate('fine')
    expect((await pool.encode(fine, encodingOf(fine.schema))).measures.rows).toBe(3)
  })

  it('fails its blob when something is thrown in it, with that as the cause; the blob that waits is encoded', async () => {
    const pool = poolOf(1, DYING)
    const [bad, fine] = [fate('throw'), fate('fine')]
    const [first, second] = await Promise.allSettled([
      pool.encode(bad, encodingOf(bad.schema)),
      pool.encode(fine, encodingOf(fine.schema)),
    ])
    expect(first).toMatchObject({
      reason: { code: 'KUSTO_WORKER_FAILED', cause: { name: 'RangeError', message: 'thrown in the thread' } },
    })
    expect(second).toMatchObject({ value: { measures: { rows: 3 } } })
  })

  it('does not hold up an abort, of a blob that is encoded or waits', async () => {
    const pool = poolOf(1, DYING)
    const stop = new AbortController()
    const rows = fate('hang')
    const both = [1, 2].map(() => pool.encode(rows, encodingOf(rows.schema), stop.signal))
    stop.abort(new Error('enough'))
    for (const { reason } of (await Promise.allSettled(both)) as PromiseRejectedResult[]) {
      expect(reason).toBe(stop.signal.reason)
    }
    await expect(pool.encode(rows, encodingOf(rows.schema), stop.signal)).rejects.toThrow('enough')
  })

  it('stops at its next portion after an abort, and is free for another blob', async () => {
    const pool = poolOf(1)
    const stop = new AbortController()
    const batch = oneColumn(spans(new Utf8())(Array.from({ length: 40 }, () => 'x'.repeat(1 << 20))))
    let portions = 0
    const watched = {
      schema: batch.schema,
      batches: Array.from({ length: 10 }, (_, i) => {
        const part = batch.slice(i * 4, i * 4 + 4)
        return new Proxy(part, {
          get: (target, name) => {
            if (name === 'numRows' && ++portions === 8) stop.abort(new Error('enough'))
            return Reflect.get(target, name) as unknown
          },
        })
      }),
    }
    await expect(pool.encode(watched, encodingOf(batch.schema), stop.signal)).rejects.toThrow('enough')
    const atAbort = portions
    const fine = fate('n')
    expect((await pool.encode(fine, encodingOf(fine.schema))).measures.rows).toBe(3)
    expect(portions).toBeLessThanOrEqual(atAbort + 4)
  })

  it('is gone after close, and what waited for it fails', async () => {
    const ended = vi.fn()
    const on = vi.spyOn(Worker.prototype, 'terminate')
    const pool = new EncodePool(2, DYING)
    const rows = fate('hang')
    const waiting = [1, 2, 3].map(async () =>
      pool.encode(rows, encodingOf(rows.schema)).catch((error: unknown) => error),
    )
    await new Promise((resolve) => setImmediate(resolve))
    await pool.close()
    await Promise.all(on.mock.results.map((result) => (result.value as Promise<number>).then(ended)))
    on.mockRestore()
    expect(ended).toHaveBeenCalledTimes(2)
    for (const failure of await Promise.all(waiting)) expect(failure).toMatchObject({ code: 'KUSTO_WORKER_FAILED' })
    await expect(pool.encode(rows, encodingOf(rows.schema))).rejects.toMatchObject({ code: 'KUSTO_WORKER_FAILED' })
  })
})

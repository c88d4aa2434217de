import { Worker } from 'node:worker_threads'
import { tableFromArrays } from 'apache-arrow'
import { expect, it, describe, vi } from 'vitest'
import { encodeParquet } from '../../src/arrow/parquet-encode.ts'
import { DEFAULT_TYPE_SETTINGS } from '../../src/arrow/scalar-types.ts'
import { KustoDataError, KustoError, KustoProtocolError, KustoUsageError } from '../../src/errors.ts'
import { DecodePool } from '../../src/source/decode-pool.ts'
import { errorData, errorFromData } from '../../src/base/error-transfer.ts'

const settings = {
  columns: [{ name: 'a', type: 'long' }],
  types: DEFAULT_TYPE_SETTINGS,
  batchRows: 10,
} as const
const DYING = new URL('./fixtures/dying-worker.mjs', import.meta.url)
const shared = (length: number): Uint8Array<SharedArrayBuffer> => new Uint8Array(new SharedArrayBuffer(length))
const copied = (bytes: Uint8Array): Uint8Array<SharedArrayBuffer> => {
  const copy = shared(bytes.length)
  copy.set(bytes)
  return copy
}
const file = (first: number): Uint8Array<SharedArrayBuffer> => shared(2).fill(first, 0, 1)

describe('a decoding thread', () => {
  it('spark:R4 fails what waits for it when it exits, with its exit code, and is replaced', async () => {
    const pool = new DecodePool(1, DYING)
    const failure: unknown = await pool.open(file(1), settings).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'KUSTO_WORKER_FAILED', retryable: true })
    expect(String(failure)).toMatch(/exit code 9/)
    expect((await pool.open(file(0), settings)).rows).toBe(4)
    await pool.close()
  })

  it('fails what waits for it when something is thrown in it, with that as the cause', async () => {
    const pool = new DecodePool(1, DYING)
    await expect(pool.open(file(2), settings)).rejects.toMatchObject({
      code: 'KUSTO_WORKER_FAILED',
      cause: { message: 'thrown in the thread' },
    })
    expect((await pool.open(file(0), settings)).rows).toBe(4)
    await pool.close()
  })

  it('takes the row group of any file when the others are busy', async () => {
    const pool = new DecodePool(2, DYING)
    const opened = await pool.open(file(0), settings)
    const threads = await Promise.all([opened.read(0), opened.read(1), opened.read(2), opened.read(3)])
    expect(new Set(threads.map(({ rows }) => rows)).size).toBe(2)
    expect(threads.every(({ rows }) => rows > 0)).toBe(true)
    opened.close()
    await pool.close()
  })

  it('does not hold up an abort, and serves the next file', async () => {
    const pool = new DecodePool(1, DYING)
    const stop = new AbortController()
    const waiting = pool.open(file(3), settings, stop.signal)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect((await pool.open(file(0), settings)).rows).toBe(4)
    await pool.close()
  })

  it('is gone after close, and what waited for it fails', async () => {
    const ended = vi.fn()
    const on = vi.spyOn(Worker.prototype, 'terminate')
    const pool = new DecodePool(2, DYING)
    const waiting = pool.open(file(3), settings).catch((error: unknown) => error)
    await pool.close()
    await Promise.all(on.mock.results.map((result) => (result.value as Promise<number>).then(ended)))
    on.mockRestore()
    expect(ended).toHaveBeenCalledTimes(2)
    expect(await waiting).toMatchObject({ code: 'KUSTO_WORKER_FAILED' })
    await expect(pool.open(file(0), settings)).rejects.toMatchObject({ code: 'KUSTO_WORKER_FAILED' })
  })

  it('says what is wrong with bytes that are not Parquet, and goes on', async () => {
    const pool = new DecodePool(1)
    for (const bytes of [0, 8, 5000]) {
      const failure: unknown = await pool.open(shared(bytes), settings).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(KustoProtocolError)
      expect(failure).toMatchObject({ code: 'KUSTO_BAD_PARQUET' })
    }
    await pool.close()
  }, 30_000)
})

describe('damaged bytes', () => {
  it('are told from whole ones, or change a value, and never end the thread or keep it waiting', async () => {
    const rows = 6000
    const table = tableFromArrays({
      a: BigInt64Array.from({ length: rows }, (_, row) => BigInt(row * 7919)),
      s: Array.from({ length: rows }, (_, row) => `row ${row % 500}`),
    })
    const whole = (await encodeParquet(table.schema, table.batches)).bytes
    const both = {
      ...settings,
      columns: [...settings.columns, { name: 's', type: 'string' }],
      batchRows: rows,
    } as const
    const pool = new DecodePool(1)
    const outcomes = new Set<string>()
    for (let flip = 0; flip < 60; flip++) {
      const bytes = copied(whole)
      const at = Math.floor((flip * whole.length) / 60)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip % 8))
      outcomes.add(await outcomeOf(pool, bytes, both))
    }
    expect([...outcomes].toSorted()).toEqual(['KUSTO_BAD_PARQUET', 'KUSTO_BAD_PARQUET by RuntimeError', 'read'])
    expect(await outcomeOf(pool, copied(whole), both)).toBe('read')
    await pool.close()
  }, 60_000)

  async function outcomeOf(
    pool: DecodePool,
    bytes: Uint8Array<SharedArrayBuffer>,
    columns: Parameters<DecodePool['open']>[1],
  ): Promise<string> {
    try {
      const opened = await pool.open(bytes, columns)
      for (const [group] of opened.rowGroups.entries()) await opened.read(group)
      opened.close()
      return 'read'
    } catch (error) {
      const { code, cause } = error as KustoError & { readonly cause?: Error }
      return cause?.name === 'RuntimeError' ? `${code} by RuntimeError` : code
    }
  }
})

describe('errors between threads', () => {
  it('keep class, code, fields and causes', () => {
    const cause = new KustoProtocolError('KUSTO_X', 'inner', { cause: new RangeError('innermost') })
    const sent = new KustoDataError('KUSTO_Y', 'outer', { column: 'c', row: 3, type: 'long', cause })
    const error = errorFromData(structuredClone(errorData(sent)))
    expect(error).toBeInstanceOf(KustoDataError)
    expect(error).toMatchObject({ code: 'KUSTO_Y', message: 'outer', column: 'c', row: 3, type: 'long' })
    expect(error.cause).toBeInstanceOf(KustoProtocolError)
    expect((error.cause as Error).cause).toMatchObject({ name: 'RangeError', message: 'innermost' })
    expect(errorFromData(errorData(new KustoUsageError('KUSTO_Z', 'use')))).toBeInstanceOf(KustoUsageError)
    expect(errorFromData(errorData(new KustoError('KUSTO_Z', 'x', { retryable: true })))).toMatchObject({
      retryable: true,
    })
  })

  it('turn anything thrown into an error', () => {
    expect(errorFromData(errorData('text'))).toMatchObject({ name: 'Error', message: 'text' })
    expect(errorFromData(errorData(undefined))).toMatchObject({ message: 'undefined' })
  })
})

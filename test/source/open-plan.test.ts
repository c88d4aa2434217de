import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { kql } from '../../src/kql/kql.ts'
import { forEachPartition } from '../../src/source/for-each-partition.ts'
import { createPlan } from '../../src/source/open-plan.ts'
import { openDistributedRead } from '../../src/source/read-auto.ts'
import { readSettings } from '../../src/source/read-settings.ts'
import type { SourceContext } from '../../src/source/source-context.ts'
import { FakeService, FakeStorage } from './fake-service.ts'
import type { FakeBlob } from './fake-service.ts'

let storage: FakeStorage
let service: FakeService

beforeEach(async () => {
  storage = await new FakeStorage().listen()
})
afterEach(async () => {
  await service.close()
  await storage[Symbol.asyncDispose]()
})

const source = { query: kql`T`, operators: [] }

/** A service whose export wrote these blobs; and how long each removal of blobs was waited for at most. */
function exported(blobs: readonly FakeBlob[]): { readonly context: SourceContext; readonly limits: unknown[] } {
  service = new FakeService(storage, [{ states: [{ state: 'Completed' }], blobs }])
  const context = service.context()
  const limits: unknown[] = []
  const remove: SourceContext['sweeps']['remove'] = async (work, options) => {
    limits.push(options.limitMs)
    await context.sweeps.remove(work, options)
  }
  return { context: { ...context, sweeps: { ...context.sweeps, remove } }, limits }
}

describe('a plan that cannot be made', () => {
  it('asks storage for no other blob once it refused one, and waits for the removal of its blobs for a while only', async () => {
    const { context, limits } = exported(Array.from({ length: 20 }, () => ({ rows: 1 })))
    storage.looks = (name) => name.endsWith('_4.parquet')
    const settings = readSettings({ partitions: 2, workers: 1 })
    await expect(createPlan(context, { source, settings }, {})).rejects.toMatchObject({ code: 'KUSTO_STORAGE_DENIED' })
    await vi.waitFor(() => expect(storage.unanswered).toBe(0))
    expect([limits, storage.blobs.size]).toEqual([[10_000], 0])
  })
})

describe('a module in a thread', () => {
  const read = { source, settings: readSettings({ partitions: 1, workers: 1, maxBufferedBytes: 1 }) }
  const moduleOf = (body: string): URL =>
    new URL(`data:text/javascript,${encodeURIComponent(`export default async (batches) => { ${body} }`)}`)

  it('gets every blob once with a budget smaller than any of them', async () => {
    const { context } = exported(Array.from({ length: 5 }, (_, index) => ({ rows: 25 + index })))
    const module = moduleOf('let rows = 0; for await (const batch of batches) rows += batch.numRows; return rows')
    expect(await forEachPartition(context, read, { module, options: {} })).toEqual([135])
    expect(storage.blobs.size).toBe(0)
  })

  it('that ends does not wait for the download of a blob that nobody will read', async () => {
    for (const [end, outcome] of [
      ['return batch.numRows', [10]],
      ['setTimeout(() => process.exit(7))', 'partition 0 failed: one of the decoding threads ended with exit code 7'],
    ] as const) {
      const { context } = exported([{ rows: 10 }, { rows: 10 }])
      storage.hangs = (name) => name.endsWith('_1.parquet')
      const module = moduleOf(`for await (const batch of batches) ${end}`)
      const found = await forEachPartition(context, read, { module, options: {} }).catch(
        (error: Error) => error.message,
      )
      expect(found).toEqual(outcome)
      await vi.waitFor(() => expect(storage.unanswered).toBe(0))
      await service.close()
    }
  })
})

describe('the removal of exported blobs', () => {
  it('is waited for to its end after a read that went well, and for a while after one that failed', async () => {
    for (const [said, limitMs] of [
      [3, Infinity],
      [4, 10_000],
    ] as const) {
      const { context, limits } = exported([{ rows: 3, said }])
      await using opened = await openDistributedRead(context, source, readSettings({ partitions: 1, workers: 1 }))
      try {
        for await (const batch of opened.batches) expect([batch.numRows, said]).toEqual([3, 3])
      } catch (error) {
        expect(error).toMatchObject({ code: 'KUSTO_ROW_COUNT_MISMATCH' })
      }
      await opened[Symbol.asyncDispose]()
      expect(limits).toEqual([limitMs])
      await service.close()
    }
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { tableFromArrays } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileLog, KustoConnector } from '../../src/index.ts'
import type { MicroBatchOptions, MicroBatchSink } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { numbers, range, storedNumbers } from './numbered-rows.ts'

let local: LocalKusto
let kusto: KustoConnector
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-batches-'))
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
  await rm(folder, { recursive: true, force: true })
})

const open = (table: string, more: Partial<MicroBatchOptions> = {}): MicroBatchSink =>
  kusto.microBatchSink(table, {
    checkpoint: fileLog(path.join(folder, table)),
    create: 'CreateIfNotExist',
    flushImmediately: true,
    ...more,
  })

const stored = (table: string): Promise<readonly number[]> => storedNumbers(kusto, table)

describe('spark:W31 a micro-batch sink', () => {
  it('writes no batch twice, in one process and in the next, whatever order its rows come in', async () => {
    {
      await using sink = open('Batches')
      expect(await sink.lastBatchId()).toBe(-1)
      expect(await sink.addBatch(0, numbers(0, 100))).toEqual({ batchId: 0, rows: 100, skipped: false })
      expect(await sink.addBatch(1, numbers(100, 50).batches)).toEqual({ batchId: 1, rows: 50, skipped: false })
      expect(await sink.addBatch(1, numbers(100, 50))).toEqual({ batchId: 1, rows: 0, skipped: true })
    }
    await using sink = open('Batches')
    expect(await sink.lastBatchId()).toBe(1)
    expect(await sink.addBatch(1, numbers(100, 50).batches.toReversed())).toMatchObject({ skipped: true })
    const rows = (async function* () {
      for (let n = 150; n < 160; n++) yield { n }
    })()
    expect(await sink.addBatch(2, rows)).toEqual({ batchId: 2, rows: 10, skipped: false })
    expect(await stored('Batches')).toEqual(range(160))
  })

  it('writes a batch that a process began and did not end', async () => {
    const checkpoint = fileLog(path.join(folder, 'Cut'))
    const dying = {
      ...checkpoint,
      // The process is gone when the rows are staged and nothing was sent.
      create: (...given: Parameters<typeof checkpoint.create>) =>
        given[0].startsWith('intents/') ? new Promise<never>(() => undefined) : checkpoint.create(...given),
    }
    const cut = open('Cut', { checkpoint: dying, takeOver: true })
    void cut.addBatch(7, numbers(0, 20))
    while ((await checkpoint.list('entries')).length === 0)
      await new Promise<void>((resolve) => void setImmediate(resolve))
    await using sink = open('Cut', { takeOver: true })
    expect(await sink.addBatch(7, numbers(0, 20))).toMatchObject({ skipped: true })
    expect(await sink.addBatch(8, numbers(20, 1))).toMatchObject({ rows: 1 })
    expect(await stored('Cut')).toEqual(range(21))
  })

  it.each([
    'delivery',
    'log',
    'maxBatchRows',
    'maxBatchBytes',
    'maxBatchAgeMs',
    'maxBufferedBytes',
    'maxInFlightBatches',
    'onAck',
  ])('refuses %s, which it would ignore, and says why', (name) => {
    const message = expect.stringMatching(new RegExp(`found ${name}: \\w+`)) as string
    expect(() => open('Refused', { [name]: 1 })).toThrow(
      expect.objectContaining({ code: 'KUSTO_BAD_OPTION', message }) as Error,
    )
    expect(() => open('Refused', { [name]: undefined })).not.toThrow()
  })

  it('writes a batch once that is given again before the first call has ended', async () => {
    await using sink = open('AtOnce')
    const given = [0, 0, 1, 1].map((id) => sink.addBatch(id, numbers(id * 5, 5)))
    expect((await Promise.all(given)).map(({ skipped }) => skipped)).toEqual([false, true, false, true])
    expect(await stored('AtOnce')).toEqual(range(10))
  })

  it('stops waiting on abort, and knows afterwards what became of the batch', async () => {
    const checkpoint = fileLog(path.join(folder, 'Aborted'))
    let letGo: (() => void) | undefined
    const held = new Promise<void>((resolve) => (letGo = resolve))
    const abort = new AbortController()
    const slow = {
      ...checkpoint,
      create: async (...given: Parameters<typeof checkpoint.create>) => {
        if (given[0].startsWith('intents/')) {
          abort.abort(new Error('enough'))
          await held
        }
        return checkpoint.create(...given)
      },
    }
    await using sink = open('Aborted', { checkpoint: slow })
    const gone = AbortSignal.abort(new Error('too late'))
    await expect(sink.lastBatchId({ signal: gone })).rejects.toThrow('too late')
    await expect(sink.addBatch(0, numbers(0, 1), { signal: gone })).rejects.toThrow('too late')
    const abortedSource = new AbortController()
    const never = (async function* (): AsyncGenerator<{ readonly n: number }> {
      yield { n: 1 }
      abortedSource.abort(new Error('no source'))
      await new Promise<never>(() => undefined)
    })()
    await expect(sink.addBatch(0, never, { signal: abortedSource.signal })).rejects.toThrow('no source')
    await expect(sink.addBatch(0, numbers(0, 5), { signal: abort.signal })).rejects.toThrow('enough')
    letGo?.()
    // Given again, as after any failure: the batch that was under way is not written twice.
    expect(await sink.addBatch(0, numbers(0, 5))).toEqual({ batchId: 0, rows: 0, skipped: true })
    expect(await sink.addBatch(1, numbers(5, 5))).toEqual({ batchId: 1, rows: 5, skipped: false })
    expect(await stored('Aborted')).toEqual(range(10))
    await expect(sink.addBatch(2, [], { position: 1 } as never)).rejects.toMatchObject({ code: 'KUSTO_BAD_OPTION' })
  })

  it('takes a batch without rows, refuses an id that is none, and fails for rows that do not fit', async () => {
    await using sink = open('Odd')
    expect(await sink.addBatch(0, [])).toEqual({ batchId: 0, rows: 0, skipped: false })
    await expect(sink.addBatch(-1, [])).rejects.toMatchObject({ code: 'KUSTO_BAD_OPTION' })
    await sink.addBatch(1, numbers(0, 1))
    await expect(sink.addBatch(2, tableFromArrays({ other: ['x'] }))).rejects.toMatchObject({
      code: 'KUSTO_SCHEMA_MISMATCH',
    })
    expect(await sink.addBatch(2, numbers(1, 1))).toMatchObject({ rows: 1 })
    expect(await stored('Odd')).toEqual(range(2))
  })
})

import { ContainerClient } from '@azure/storage-blob'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { Table, Uint64, tableFromArrays, vectorFromArray } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, KustoDataError, KustoIngestError } from '../../src/index.ts'
import type { WriteEvent, WriteOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { FaultAction, LocalKusto } from '../../src/local/index.ts'

let local: LocalKusto
let kusto: KustoConnector
let queue: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto({ batchingDelayMs: 1500 })
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  queue = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'queue' })
})

afterEach(() => local.faults.clear())

afterAll(async () => {
  await kusto.close()
  await queue.close()
  await local.close()
})

const numbers = (start: number, rows: number): RecordBatch =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) }).batches[0]!

/** What stands in the containers that the service hands out for staging, uncommitted blobs too. */
async function stagedBlobs(): Promise<readonly string[]> {
  const { rows } = await kusto.command('.get ingestion resources', { endpoint: 'ingestion' }).rows()
  const names: string[] = []
  for (const row of rows.filter((row) => row.text('ResourceTypeName') === 'TempStorage')) {
    for await (const blob of new ContainerClient(row.text('StorageRoot')).listBlobsFlat()) names.push(blob.name)
  }
  return names
}

async function* thenThrow(batches: readonly RecordBatch[], error: Error): AsyncGenerator<RecordBatch> {
  yield* batches
  throw error
}

/** 40 KB a batch, so that some go into a blob of 100 KB. */
const batchesOf = (count: number): readonly RecordBatch[] =>
  Array.from({ length: count }, (_, i) => numbers(i * 10_000, 10_000))
const SMALL = { create: 'CreateIfNotExist', maxBlobBytes: 100_000 } as const

describe('a write that fails', () => {
  it('leaves no blob when the source throws before anything was queued', async () => {
    const writing = kusto.write('SourceThrows', thenThrow(batchesOf(10), new Error('disk on fire')), SMALL)
    await expect(writing).rejects.toThrow('disk on fire')
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('leaves no blob when a batch has another schema', async () => {
    const other = tableFromArrays({ m: Int32Array.of(1) }).batches[0]!
    const writing = kusto.write('Drift', [...batchesOf(6), other], SMALL)
    await expect(writing).rejects.toMatchObject({ code: 'KUSTO_SCHEMA_DRIFT' })
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('hands over a receipt of what was queued before', async () => {
    const error = await queue
      .write('Partly', thenThrow(batchesOf(10), new Error('disk on fire')), {
        ...SMALL,
        uploads: 1,
        flushImmediately: true,
      })
      .catch((error: unknown) => error)
    expect(error).toBeInstanceOf(KustoIngestError)
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_INCOMPLETE', cause: { message: 'disk on fire' } })
    const receipt = kusto.receipt((error as { receipt: unknown }).receipt)
    await receipt.completed({ timeoutMs: 30_000 })
    expect(await kusto.read('Partly').count()).toBe(receipt.rows)
    expect(receipt.rows).toBeGreaterThan(0)
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('leaves no blob when the service refuses the submission', async () => {
    local.faults.set([{ match: { path: '/queued/', method: 'POST' }, action: { status: 400 } }])
    await expect(kusto.write('Refused', batchesOf(5), SMALL)).rejects.toMatchObject({ status: 400 })
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it.each<[string, FaultAction, boolean]>([
    ['lost', { dropAnswer: true }, false],
    ['that of a gateway', { status: 504 }, false],
    ['that it is busy', { status: 503 }, true],
  ])(
    'may be repeated only where the service did not take the blobs: its answer is %s',
    async (_what, action, retryable) => {
      local.faults.set([{ match: { path: '/queued/', method: 'POST' }, action }])
      const error: unknown = await kusto.write('Unanswered', batchesOf(2), SMALL).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ retryable })
      expect(/not answered for, and were deleted/.test(String(error))).toBe(!retryable)
      // Nothing can come of rows in a staging table that was dropped.
      const moved = kusto.write('Unanswered', batchesOf(2), { ...SMALL, mode: 'transactional' })
      await expect(moved).rejects.toMatchObject({ retryable: true })
      await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
    },
  )

  it('ends a source whose table does not exist', async () => {
    let ended = false
    const source = Readable.from(
      (async function* rows() {
        try {
          for (let n = 0; ; n++) yield { n }
        } finally {
          ended = true
        }
      })(),
    )
    await expect(kusto.write('NoSuchTable', source)).rejects.toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
    expect([ended, source.destroyed]).toEqual([true, true])
  })

  it.each(['csv', 'parquet'] as const)(
    'names column and row of the whole write for a value that does not fit, %s',
    async (format) => {
      const big = new Table({ n: vectorFromArray([1n, 2n, 2n ** 63n, 4n], new Uint64()) }).batches[0]!
      const good = new Table({
        n: vectorFromArray(
          Array.from({ length: 9000 }, (_, i) => BigInt(i)),
          new Uint64(),
        ),
      }).batches[0]!
      const error = await kusto
        .write('TooBig', [good, good, good, good.slice(5, 8), big], { ...SMALL, format })
        .catch((error: unknown) => error)
      expect(error).toBeInstanceOf(KustoDataError)
      expect(error).toMatchObject({ code: 'KUSTO_INTEGER_RANGE', column: 'n', row: 27_005 })
      await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
    },
  )
})

describe('an abort', () => {
  const hanging = (): AsyncIterable<never> => ({
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
  })

  async function settles(writing: (signal: AbortSignal) => Promise<unknown>, afterMs: number): Promise<void> {
    const stop = new AbortController()
    const running = writing(stop.signal)
    setTimeout(() => stop.abort(new Error('enough')), afterMs)
    const outcome = await running.then(
      () => 'done',
      (error: unknown) => error,
    )
    expect(outcome).toMatchObject({ message: 'enough' })
  }

  it('before the start sends nothing', async () => {
    await expect(
      kusto.write('Never', batchesOf(1), { ...SMALL, signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })

  it('ends the wait for the first element of a source', { timeout: 5000 }, async () => {
    await settles((signal) => kusto.write('Hanging', hanging(), { ...SMALL, signal }), 50)
  })

  it('ends the wait for a later element, and leaves no blob', { timeout: 5000 }, async () => {
    async function* stuck(): AsyncGenerator<RecordBatch> {
      yield* batchesOf(8)
      await new Promise(() => undefined)
    }
    await settles((signal) => kusto.write('Stuck', stuck(), { ...SMALL, signal }), 800)
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('ends a row source that hangs', { timeout: 5000 }, async () => {
    async function* stuck(): AsyncGenerator<{ n: number }> {
      yield { n: 1 }
      await new Promise(() => undefined)
    }
    await settles((signal) => kusto.write('StuckRows', stuck(), { ...SMALL, signal }), 100)
  })

  it('at any moment of the upload leaves no blob', async () => {
    async function* endless(): AsyncGenerator<RecordBatch> {
      for (;;) yield* batchesOf(10)
    }
    for (const afterMs of [5, 20, 40, 60, 80, 120]) {
      const stop = new AbortController()
      const running = kusto.write('Uploads', endless(), {
        ...SMALL,
        signal: stop.signal,
        onEvent: (event) => {
          if (event.kind === 'format') setTimeout(() => stop.abort(new Error('enough')), afterMs)
        },
      })
      await expect(running).rejects.toThrow(/enough|stopped after/)
    }
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('during completed() ends the wait, and the rows still arrive', async () => {
    const receipt = await queue.write('Waiting', batchesOf(1), SMALL)
    await settles((signal) => receipt.completed({ signal }), 100)
    await receipt.completed({ timeoutMs: 30_000 })
    expect(await kusto.read('Waiting').count()).toBe(10_000)
  })
})

describe('the service', () => {
  it('that has no REST ingestion is written to through its queue', async () => {
    for (const status of [404, 400]) {
      local.faults.set([{ match: { path: '/configuration' }, action: { status } }])
      await using fresh = new KustoConnector({ cluster: local.cluster, database: local.database })
      expect((await fresh.write('ViaQueue', batchesOf(1), SMALL)).toJSON().via).toBe('queue')
    }
  })

  it('that is busy is asked again', async () => {
    local.faults.set([
      { match: { path: '/configuration' }, times: 1, action: { status: 500 } },
      {
        match: { path: '/queued/', method: 'POST' },
        times: 1,
        action: { status: 429, headers: { 'Retry-After': '1' } },
      },
    ])
    await using fresh = new KustoConnector({ cluster: local.cluster, database: local.database })
    expect((await fresh.write('Busy', batchesOf(1), SMALL)).toJSON().via).toBe('rest')
  })

  it('is asked for containers once more when a signature is over', async () => {
    const { rows } = await kusto.command('.get ingestion resources', { endpoint: 'ingestion' }).rows()
    const path = rows
      .find((row) => row.text('ResourceTypeName') === 'TempStorage')!
      .text('StorageRoot')
      .replace(/sig=[^&]*/, 'sig=AAAA')
    const body = { containerSettings: { containers: [{ path }] }, ingestionSettings: { maxBlobsPerBatch: 20 } }
    local.faults.set([{ match: { path: '/configuration' }, times: 1, action: { status: 200, body } }])
    await using fresh = new KustoConnector({ cluster: local.cluster, database: local.database })
    const receipt = await fresh.write('Renewed', batchesOf(6), SMALL)
    await receipt.completed({ timeoutMs: 30_000 })
    expect(await kusto.read('Renewed').count()).toBe(60_000)
    local.faults.set([{ match: { path: '/configuration' }, action: { status: 200, body } }])
    await using hopeless = new KustoConnector({ cluster: local.cluster, database: local.database })
    const error = await hopeless
      .write('Renewed', batchesOf(6), { ...SMALL, uploads: 1 })
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'KUSTO_STORAGE_DENIED' })
    expect(inspect(error)).not.toMatch(/sig=/)
  })

  it('names every blob it could not ingest', async () => {
    await kusto.command('.create table Dropped (n:int)').rows()
    const receipt = await queue.write('Dropped', batchesOf(6), { ...SMALL, uploads: 3 })
    await kusto.command('.drop table Dropped').rows()
    const error = await receipt.completed({ timeoutMs: 30_000 }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'KUSTO_INGESTION_FAILED' })
    const { failures } = error as KustoIngestError
    expect(new Set(failures.map(({ sourceId }) => sourceId))).toEqual(
      new Set(receipt.blobs.map(({ sourceId }) => sourceId)),
    )
    expect(failures.every(({ errorCode, details }) => errorCode !== '' && details !== '')).toBe(true)
  })

  it('is asked by the way the blobs went, whatever the way of the connector that reads the receipt', async () => {
    const receipt = await queue.write('Way', batchesOf(1), { ...SMALL, flushImmediately: true })
    await kusto.receipt(JSON.stringify(receipt)).completed({ timeoutMs: 30_000 })
    const rest = await kusto.write('Way', batchesOf(1), { ...SMALL, flushImmediately: true })
    await queue.receipt(JSON.stringify(rest)).completed({ timeoutMs: 30_000 })
  })
})

describe('a receipt', () => {
  it.each([
    '{',
    'null',
    {},
    { kind: 'kusto-arrow/write-receipt', version: 2, blobs: [] },
    { kind: 'kusto-arrow/write-receipt', version: 1, blobs: [{}] },
    { kind: 'kusto-arrow/write-receipt', version: 1, database: 'db1', table: 'T', via: 'rest', blobs: [{ url: 'x' }] },
  ])('that is none is refused: %j', (json) => {
    expect(() => kusto.receipt(json)).toThrow(/expected a write receipt/)
  })

  it('of another database is refused', async () => {
    const receipt = await kusto.write('Here', batchesOf(1), SMALL)
    await using other = new KustoConnector({ cluster: local.cluster, database: 'elsewhere' })
    expect(() => other.receipt(receipt.toJSON())).toThrow(/database db1/)
  })
})

describe('one name for several blobs', () => {
  it('is refused before anything is queued, because the first blob would keep the others out', async () => {
    const once: WriteOptions = { ...SMALL, ingestByTags: ['a'], ingestIfNotExists: ['a'] }
    // Those of other writes may still be on their way into their tables.
    const before = await stagedBlobs()
    await expect(queue.write('OneName', batchesOf(10), once)).rejects.toMatchObject({ code: 'KUSTO_SEVERAL_BLOBS' })
    expect((await stagedBlobs()).filter((blob) => !before.includes(blob))).toEqual([])
    // Nor does it wait for memory that the first blob holds.
    const tight = { ...once, maxBufferedBytes: (once.maxBlobBytes ?? 0) * 1.5 }
    await expect(queue.write('OneName', batchesOf(10), tight)).rejects.toMatchObject({ code: 'KUSTO_SEVERAL_BLOBS' })
    const receipt = await queue.write('OneName', batchesOf(2), { ...once, flushImmediately: true })
    await receipt.completed({ timeoutMs: 30_000 })
    expect(await kusto.read('OneName').count()).toBe(20_000)
  })
})

describe('a source', () => {
  it('is pulled no further than the blobs under way', async () => {
    let pulled = 0
    async function* counted(): AsyncGenerator<RecordBatch> {
      for (const batch of batchesOf(40)) {
        pulled++
        yield batch
      }
    }
    let most = 0
    let uploaded = 0
    const onEvent = (event: WriteEvent): void => {
      if (event.kind !== 'blob-uploaded') return
      uploaded += event.rows / 10_000
      most = Math.max(most, pulled - uploaded)
    }
    await kusto.write('Lazy', counted(), { ...SMALL, uploads: 2, onEvent })
    // Two batches a blob: two blobs under way, one held as a result, one being gathered and one batch beyond it.
    expect(most).toBeLessThanOrEqual(9)
  })
})

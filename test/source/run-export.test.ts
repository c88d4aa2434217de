import { Table } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KustoProtocolError, KustoServiceError } from '../../src/errors.ts'
import { kql } from '../../src/kql/kql.ts'
import type { ReadEvent } from '../../src/source/read-events.ts'
import { openDistributed } from '../../src/source/read-distributed.ts'
import type { DistributedRead } from '../../src/source/read-distributed.ts'
import { readSettings } from '../../src/source/read-settings.ts'
import type { ReadOptions } from '../../src/source/read-settings.ts'
import { FakeService, FakeStorage } from './fake-service.ts'
import type { FakeBlob, FakeExport, FakeState } from './fake-service.ts'

let storage: FakeStorage
let service: FakeService
let events: ReadEvent[]

beforeEach(async () => {
  storage = await new FakeStorage().listen()
  events = []
})
afterEach(async () => {
  await service.close()
  await storage[Symbol.asyncDispose]()
})

const DONE: readonly FakeState[] = [{ state: 'Completed' }]
const ID = '00000000-0000-0000-0000-000000000000'

function open(
  exports: readonly FakeExport[],
  options: ReadOptions = {},
  listen: (event: ReadEvent) => void = () => undefined,
): Promise<DistributedRead> {
  service = new FakeService(storage, exports)
  const onEvent = (event: ReadEvent): void => {
    events.push(event)
    listen(event)
  }
  const settings = readSettings({ partitions: 2, workers: 1, ...options, onEvent })
  return openDistributed(service.context(), { query: kql`T`, operators: [] }, settings)
}

const openBlobs = (blobs: readonly FakeBlob[]): Promise<DistributedRead> => open([{ states: DONE, blobs }])

async function rowsOf(read: DistributedRead): Promise<number> {
  let rows = 0
  for await (const batch of read.batches()) rows += batch.numRows
  return rows
}

describe('an export', () => {
  it('spark:R23 that fails says operation id, state and status, is not cancelled, and leaves no blob', async () => {
    for (const state of ['Failed', 'PartiallySucceeded', 'Canceled', 'BadInput', 'Abandoned', 'What']) {
      const failure: unknown = await open([
        { states: [{ state: 'InProgress' }, { state, status: 'out of luck' }] },
      ]).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(KustoServiceError)
      expect(failure).toMatchObject({
        code: 'KUSTO_EXPORT_FAILED',
        retryable: false,
        message: `the export with operation id ${ID} ended as ${state}: out of luck`,
      })
      expect(service.verbs).toEqual(['.export async', '.show operations', '.show operations'])
      expect([...storage.blobs.keys()]).toEqual([])
      await service.close()
    }
    expect(events.filter((event) => event.kind === 'blobs-removed')).toHaveLength(6)
  })

  it('that fails is told in the words of the service without the signatures and keys in them', async () => {
    const url = 'https://a.blob.core.windows.net/c?sv=2021&sig=hidden'
    const status = `Access to persistent storage path '${url}' and https://a.blob.core.windows.net/c;hiddenKey was denied.`
    await expect(open([{ states: [{ state: 'Failed', status }] }])).rejects.toMatchObject({
      message:
        `the export with operation id ${ID} ended as Failed: Access to persistent storage path ` +
        "'https://a.blob.core.windows.net/c?****' and https://a.blob.core.windows.net/c;**** was denied.",
    })
  })

  it('spark:R23 that is throttled, or says to try again, runs again below another prefix, three times at most', async () => {
    const again = { states: [{ state: 'Throttled', status: 'busy' }] }
    const read = await open([again, { states: DONE, blobs: [{ rows: 3 }] }])
    expect(await rowsOf(read)).toBe(3)
    const directories = events.flatMap((event) => (event.kind === 'export-started' ? [event.directory] : []))
    expect(directories).toEqual([`${read.directory}/try1`, `${read.directory}/try2`])
    await read.release()
    expect([...storage.blobs.keys()]).toEqual([])
    await service.close()
    const told = { states: [{ state: 'Failed', status: 'hiccup', shouldRetry: true }] }
    await expect(open([told, told, told])).rejects.toMatchObject({ code: 'KUSTO_EXPORT_FAILED', retryable: true })
    expect(service.verbs.filter((verb) => verb === '.export async')).toHaveLength(3)
  }, 30_000)

  it('waits while it is scheduled and in progress, and says so, and in the log spark:R22 where it writes', async () => {
    const read = await open([
      { states: [{ state: 'Scheduled' }, { state: 'InProgress' }, ...DONE], blobs: [{ rows: 1 }] },
    ])
    expect(events.flatMap((event) => (event.kind === 'export-waiting' ? [event.state] : []))).toEqual([
      'Scheduled',
      'InProgress',
    ])
    expect([read.rows, read.operationIds]).toEqual([1, [ID]])
    expect(service.infos).toEqual([`the export with operation id ${ID} writes below ${read.directory}/try1`])
  })

  it('that does not end in time is cancelled', async () => {
    await expect(open([{ states: [{ state: 'InProgress' }] }], { exportTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'KUSTO_POLL_TIMEOUT',
      message: `the export with operation id ${ID} did not finish within 300 ms`,
    })
    expect(service.verbs.at(-1)).toBe('.cancel operation')
    expect([...storage.blobs.keys()]).toEqual([])
  })

  it('is cancelled by an abort within a second, and what it wrote is deleted', async () => {
    const stop = new AbortController()
    const opening = open([{ states: [{ state: 'InProgress' }] }], { signal: stop.signal })
    const startedAt = performance.now()
    setTimeout(() => stop.abort(new Error('enough')), 100)
    await expect(opening).rejects.toThrow('enough')
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect(service.verbs.at(-1)).toBe('.cancel operation')
    expect([...storage.blobs.keys()]).toEqual([])
  })

  it('ends with an abort where storage gives no answer to the clean-up', async () => {
    storage.isSilent = true
    const stop = new AbortController()
    const onEvent = ({ kind }: ReadEvent): void => {
      if (kind === 'export-waiting') stop.abort(new Error('enough'))
    }
    await expect(open([{ states: [{ state: 'InProgress' }] }], { signal: stop.signal }, onEvent)).rejects.toThrow(
      'enough',
    )
    expect(service.verbs.at(-1)).toBe('.cancel operation')
    await service.close()
    const fine = { states: DONE, blobs: [{ rows: 3 }] }
    const waiting = { states: [{ state: 'InProgress' }] }
    const by = { partitionBy: { kind: 'hash', column: 'a' }, partitions: 2, verifyRows: false } as const
    const later = new AbortController()
    const onExport = ({ kind }: ReadEvent): void => {
      if (kind === 'export-finished') later.abort(new Error('enough'))
    }
    await expect(open([fine, waiting], { ...by, signal: later.signal }, onExport)).rejects.toThrow('enough')
  }, 10_000)

  it('is released by a reader that was aborted, where storage gives no answer', async () => {
    const read = await open([{ states: DONE, blobs: [{ rows: 3 }] }])
    storage.isSilent = true
    await read.release(AbortSignal.abort(new Error('enough')))
    expect(storage.blobs.size).toBe(1)
  }, 10_000)

  it('ends all exports of partitions when one of them fails, and deletes what the others wrote', async () => {
    const fine = { states: DONE, blobs: [{ rows: 3 }] }
    const failing = { states: [{ state: 'InProgress' }, { state: 'Failed', status: 'no' }] }
    const by = { partitionBy: { kind: 'hash', column: 'a' }, partitions: 3, verifyRows: false } as const
    await expect(open([fine, failing, fine], by)).rejects.toMatchObject({ code: 'KUSTO_EXPORT_FAILED' })
    expect([...storage.blobs.keys()]).toEqual([])
  })
})

describe('what an export says of its blobs', () => {
  it('spark:R21 is compared with the rows of each file', async () => {
    for (const said of [24, 26, 0]) {
      const read = await openBlobs([{ rows: 5 }, { rows: 25, said }])
      const failure: unknown = await rowsOf(read).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(KustoProtocolError)
      expect(failure).toMatchObject({
        code: 'KUSTO_ROW_COUNT_MISMATCH',
        message: expect.stringMatching(
          new RegExp(`expected ${said} rows in .*_1.parquet as exported, found 25 in its footer`),
        ),
      })
      await read.release()
      expect([...storage.blobs.keys()]).toEqual([])
      await service.close()
    }
  })

  it('may be nothing: no blobs, and files without rows', async () => {
    const none = await openBlobs([])
    expect([none.rows, none.partitions.map(({ rows }) => rows)]).toEqual([0, [0, 0]])
    expect([...(await batchesOf(none)), none.schema.fields[0]?.name]).toEqual(['a'])
    await service.close()
    const empty = await openBlobs([{ rows: 0 }, { rows: 4 }, { rows: 0 }])
    expect(await rowsOf(empty)).toBe(4)
  })

  it('must be row counts, and blobs of the containers that the export was told', async () => {
    await expect(openBlobs([{ rows: 1, said: 'many' }])).rejects.toMatchObject({ code: 'KUSTO_BAD_EXPORT_DETAILS' })
    await service.close()
    await expect(openBlobs([{ rows: 1, said: -1 }])).rejects.toMatchObject({ code: 'KUSTO_BAD_EXPORT_DETAILS' })
    await service.close()
    const failure: unknown = await openBlobs([
      { rows: 1, path: 'https://else.blob.core.windows.net/box/b?sig=hidden' },
    ]).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'KUSTO_BAD_EXPORT_DETAILS' })
    expect(String(failure)).not.toContain('hidden')
  })

  it('is an error where a file is not Parquet, which ends the read after the rows before it', async () => {
    const read = await openBlobs([{ rows: 5 }, { rows: 5, bytes: new Uint8Array(300) }])
    await expect(rowsOf(read)).rejects.toMatchObject({ code: 'KUSTO_BAD_PARQUET' })
  })
})

describe('reading blobs', () => {
  it('goes on with fresh signatures when storage refuses the old ones in the middle of a read', async () => {
    const read = await openBlobs([{ rows: 25 }, { rows: 25 }, { rows: 25 }, { rows: 25 }, { rows: 25 }, { rows: 25 }])
    const seen: number[] = []
    for await (const batch of read.batches()) {
      if (seen.length === 0) storage.signature = 'second'
      seen.push(batch.numRows)
    }
    expect(seen.reduce((sum, rows) => sum + rows)).toBe(150)
    expect(storage.refused.length).toBeGreaterThan(0)
    expect(events.filter((event) => event.kind === 'containers-renewed')).toHaveLength(1)
    await read.release()
    expect([...storage.blobs.keys()]).toEqual([])
  })

  it('gives batches of one row group after another, in the order of the blobs', async () => {
    const read = await openBlobs([{ rows: 25 }, { rows: 12 }])
    const batches = await batchesOf(read)
    expect(batches.map((batch) => batch.numRows)).toEqual([10, 10, 5, 10, 2])
    expect([...new Table(batches).getChild('a')!.toArray()].slice(24, 27)).toEqual([24n, 0n, 1n])
  })
})

async function batchesOf(read: DistributedRead) {
  const batches = []
  for await (const batch of read.batches()) batches.push(batch)
  return batches
}

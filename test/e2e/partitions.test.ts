import { Table } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { KustoConnector, KustoUsageError, kql } from '../../src/index.ts'
import type { PartitionBy, ReadEvent, ReadOptions, ReadPartition } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'

// Many exports, one after another.
vi.setConfig({ testTimeout: 180_000 })

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const ROWS = 2000
/** A column of each type, with nulls and NaN; the dates are dense at the end. */
const source = kql`range i from 0 to ${ROWS - 1} step 1
  | extend at = iff(i % 11 == 0, datetime(null), datetime(2024-01-01) + 1tick * i * i * i),
           n = iff(i % 13 == 0, int(null), toint(i % 100)),
           r = case(i % 7 == 0, real(nan), i % 17 == 0, real(null), i % 19 == 0, real(-inf), todouble(i) / 3),
           m = iff(i % 5 == 0, decimal(null), todecimal(i)),
           g = iff(i % 3 == 0, guid(null), toguid(strcat("00000000-0000-0000-0000-", substring(tostring(100000000000 + i), 0, 12)))),
           b = iff(i % 2 == 0, bool(null), i % 4 == 1),
           t = iff(i % 23 == 0, timespan(null), 1s * i),
           ${kql.raw(`['it\\'s "odd" \\\\ | name']`)} = tostring(i % 10)`

async function ids(batches: AsyncIterable<RecordBatch>): Promise<readonly number[]> {
  const all: RecordBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all.length === 0 ? [] : (canonicalTable(new Table(all))['i'] ?? []).map(Number)
}

const everyId = Array.from({ length: ROWS }, (_, i) => i)

async function partitionIds(by: PartitionBy, options: ReadOptions = {}): Promise<readonly (readonly number[])[]> {
  await using partitions = await kusto.read(source, { partitions: 3, partitionBy: by, ...options }).partitions()
  const found: (readonly number[])[] = []
  for (const partition of partitions) {
    const rows = await ids(partition)
    expect(rows).toHaveLength(partition.rows)
    found.push(rows)
  }
  expect(found.flat().sort((a, b) => a - b)).toEqual(everyId)
  return found
}

describe('partitions by a column', () => {
  it('spark:R20 hash partitions hold every row once, for every type and any column name', async () => {
    for (const column of ['at', 'n', 'r', 'm', 'g', 'b', `it's "odd" \\ | name`]) {
      const found = await partitionIds({ kind: 'hash', column }, { partitions: 2 })
      expect(found).toHaveLength(2)
      expect(found.filter((rows) => rows.length > 0).length, column).toBeGreaterThan(1)
    }
  })

  it('spark:R20 hash partitions keep equal values together', async () => {
    await using partitions = await kusto
      .read(source, { partitions: 4, partitionBy: { kind: 'hash', column: 'n' } })
      .partitions()
    const home = new Map<string | null, number>()
    for (const partition of partitions) {
      for await (const batch of partition) {
        for (const value of canonicalTable(new Table([batch]))['n'] ?? []) {
          expect(home.get(value) ?? partition.index).toBe(partition.index)
          home.set(value, partition.index)
        }
      }
    }
    expect(home.size).toBe(101)
  })

  it('spark:R20 range partitions of equal width hold every row once, nulls and NaN in the first', async () => {
    for (const column of ['at', 'n', 'm']) {
      const found = await partitionIds({ kind: 'range', column }, { partitions: 2 })
      expect(
        found.every((rows) => rows.length > 0),
        column,
      ).toBe(true)
    }
    const [first = []] = await partitionIds({ kind: 'range', column: 'r' })
    expect(everyId.filter((i) => i % 7 === 0 || i % 17 === 0 || i % 19 === 0).every((i) => first.includes(i))).toBe(
      true,
    )
  })

  it('spark:R20 range partitions by quantiles hold about as many rows each', async () => {
    const equal = await partitionIds({ kind: 'range', column: 'at' })
    const quantiles = await partitionIds({ kind: 'range', column: 'at', bounds: 'quantiles' })
    const spread = (found: typeof equal): number =>
      Math.max(...found.map((rows) => rows.length)) - Math.min(...found.map((rows) => rows.length))
    expect(spread(quantiles)).toBeLessThan(spread(equal))
    expect(spread(quantiles)).toBeLessThan(300)
  })

  it('spark:R20 range partitions cut before the given values, and every bound belongs above', async () => {
    const found = await partitionIds({ kind: 'range', column: 'i', bounds: [500, 1500] })
    expect(found.map((rows) => [rows.length, Math.min(...rows)])).toEqual([
      [500, 0],
      [1000, 500],
      [500, 1500],
    ])
    const dated = await partitionIds(
      { kind: 'range', column: 'at', bounds: [new Date('2024-01-01T00:00:50Z')] },
      { partitions: 2 },
    )
    const cut = everyId.filter((i) => i % 11 !== 0 && i ** 3 >= 50 * 10_000_000)
    expect([...(dated[1] ?? [])].sort((a, b) => a - b)).toEqual(cut)
  })

  it('leaves partitions empty where there is nothing: one value, no value, no row', async () => {
    const read = (query: ReturnType<typeof kql>): Promise<readonly number[]> =>
      kusto
        .read(query, { partitions: 4, partitionBy: { kind: 'range', column: 'v' } })
        .partitions()
        .then(async (partitions) => {
          const rows = [...partitions].map((partition) => partition.rows)
          await partitions.release()
          return rows
        })
    expect((await read(kql`range v from 5 to 5 step 1`)).reduce((sum, rows) => sum + rows)).toBe(1)
    expect(await read(kql`range i from 1 to 9 step 1 | project v = long(null)`)).toEqual([9, 0, 0, 0])
    expect((await read(kql`range v from 1 to 0 step 1`)).reduce((sum, rows) => sum + rows)).toBe(0)
  })

  it('spark:R4 exports side by side within the limit, each attempt below the directory of the read', async () => {
    const events: ReadEvent[] = []
    const read = kusto.read(source, {
      mode: 'distributed',
      partitions: 5,
      partitionBy: { kind: 'hash', column: 'i' },
      exportConcurrency: 2,
      onEvent: (event) => events.push(event),
    })
    expect((await read.table()).numRows).toBe(ROWS)
    let running = 0
    let most = 0
    for (const { kind } of events) {
      if (kind === 'export-started') most = Math.max(most, ++running)
      if (kind === 'export-finished') running--
    }
    expect([most, running]).toEqual([2, 0])
    const started = events.flatMap((event) => (event.kind === 'export-started' ? [event.directory] : []))
    expect(new Set(started).size).toBe(5)
    const removed = events.find((event) => event.kind === 'blobs-removed')
    expect(started.every((directory) => directory.startsWith(`${removed?.directory}/`))).toBe(true)
    expect(removed).toMatchObject({ failed: 0 })
  })

  it('spark:R22 says where the blobs are, and deletes them when the partitions are disposed', async () => {
    const events: ReadEvent[] = []
    const onEvent = (event: ReadEvent): number => events.push(event)
    let directory: string
    let abandoned: Iterable<ReadPartition>
    {
      await using partitions = await kusto.read(source, { partitions: 2, onEvent }).partitions()
      directory = partitions.directory
      abandoned = partitions
      const started = events.find((event) => event.kind === 'export-started')
      expect(partitions.operationIds).toEqual([started?.operationId])
      expect(started?.directory.startsWith(`${directory}/`)).toBe(true)
    }
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', directory, failed: 0 })
    const [first] = [...abandoned].filter((partition) => partition.rows > 0)
    await expect(ids(first!)).rejects.toMatchObject({ code: 'KUSTO_BLOB_NOT_FOUND' })
  })

  it('delivers dictionary columns as in a single query', async () => {
    const query = kql`range i from 0 to 299999 step 1 | project i, text = tostring(i % 3)`
    const types = { dictionary: ['text'] }
    const options = { mode: 'distributed', types, partitions: 2, batchRows: 10_000 } as const
    const table = await kusto.read(query, options).table()
    const single = await kusto.read(query, { mode: 'single', types, properties: { notruncation: true } }).table()
    expect(String(table.schema)).toBe(String(single.schema))
    const texts = table.getChild('text')!
    const numbers = table.getChild('i')!
    for (let row = 0; row < table.numRows; row += 997) expect(texts.get(row)).toBe(String(Number(numbers.get(row)) % 3))
  })

  it('spark:R21 fails when the exports do not have the rows that were counted, and leaves no blob', async () => {
    const events: ReadEvent[] = []
    // Every evaluation of the query gives other values, so hashes of one export say nothing about those of the next.
    const random = kql`range i from 1 to 400 step 1 | project v = tolong(rand(1000000000))`
    const options = {
      partitions: 4,
      partitionBy: { kind: 'hash', column: 'v' },
      onEvent: (event: ReadEvent) => events.push(event),
    } as const
    let failure: unknown
    for (let attempt = 0; attempt < 5 && failure === undefined; attempt++) {
      failure = await kusto
        .read(random, options)
        .partitions()
        .then(
          (partitions) => partitions.release(),
          (error: unknown) => error,
        )
    }
    expect(failure).toMatchObject({
      code: 'KUSTO_ROW_COUNT_MISMATCH',
      message: expect.stringContaining('expected 400 rows'),
    })
    const exported = events.reduce((sum, event) => sum + (event.kind === 'export-finished' ? event.blobs : 0), 0)
    const removed = events.reduce((sum, event) => sum + (event.kind === 'blobs-removed' ? event.removed : 0), 0)
    expect([removed, exported]).toEqual([exported, exported])
    await using partitions = await kusto.read(random, { ...options, verifyRows: false }).partitions()
    expect(partitions.length).toBe(4)
  })

  it('names the columns when the given one is not of the result or cannot be cut that way', async () => {
    const events: ReadEvent[] = []
    const onEvent = (event: ReadEvent): number => events.push(event)
    const read = (by: PartitionBy) => kusto.read(kql`print a = 1, b = "x"`, { partitionBy: by, onEvent }).partitions()
    await expect(read({ kind: 'hash', column: 'c' })).rejects.toThrow(
      /columns a \(int|long\), b \(string\), found no column c/,
    )
    await expect(read({ kind: 'range', column: 'b' })).rejects.toBeInstanceOf(KustoUsageError)
    expect(events.filter(({ kind }) => kind !== 'request')).toEqual([])
  })
})

describe('reading exported blobs', () => {
  it('spark:R21 counts the digits that microseconds cannot carry once a column', async () => {
    const events: ReadEvent[] = []
    const query = kql`range i from 1 to 10 step 1 | project i, t = 1tick * i, s = 1tick * i * 2, at = datetime(2024-01-01)`
    const read = kusto.read(query, { mode: 'distributed', onEvent: (event) => events.push(event) })
    expect((await read.table()).numRows).toBe(10)
    expect(events.filter((event) => event.kind === 'ticks-lost')).toEqual([
      { kind: 'ticks-lost', column: 't', values: 9 },
      { kind: 'ticks-lost', column: 's', values: 8 },
    ])
  })

  it('delivers all rows with a budget smaller than any row group', async () => {
    const options = { mode: 'distributed', maxBufferedBytes: 1, workers: 2, batchRows: 1000 } as const
    const read = kusto.read(kql`range i from 0 to 299999 step 1 | extend text = tostring(i)`, options)
    const table = await read.table()
    expect(table.numRows).toBe(300_000)
    expect(Math.max(...table.batches.map((batch) => batch.numRows))).toBeLessThanOrEqual(1000)
  })

  it('reads partitions side by side while one of them pauses', async () => {
    await using partitions = await kusto
      .read(source, { partitions: 3, workers: 1, maxBufferedBytes: 1, partitionBy: { kind: 'hash', column: 'i' } })
      .partitions()
    const [paused, ...others] = partitions
    const iterator = paused!.batches[Symbol.asyncIterator]()
    await iterator.next()
    const rows = await Promise.all(others.map((partition) => ids(partition)))
    expect(rows.map((found) => found.length)).toEqual(others.map((partition) => partition.rows))
    await iterator.return?.()
  })

  it('stops within a second when aborted while it reads, and removes the blobs', async () => {
    const stop = new AbortController()
    const events: ReadEvent[] = []
    const read = kusto.read(kql`range i from 0 to 499999 step 1 | extend text = strcat(i, " ", i)`, {
      mode: 'distributed',
      batchRows: 1000,
      signal: stop.signal,
      onEvent: (event) => events.push(event),
    })
    let abortedAt = 0
    const loop = async (): Promise<void> => {
      for await (const batch of read) {
        if (abortedAt === 0 && batch.numRows > 0) {
          abortedAt = performance.now()
          stop.abort(new Error('enough'))
        }
      }
    }
    await expect(loop()).rejects.toThrow('enough')
    expect(performance.now() - abortedAt).toBeLessThan(1000)
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', failed: 0 })
  })
})

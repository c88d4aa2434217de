import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { fileLog, inspectLog, KustoConnector, settleBatch } from '../../src/index.ts'
import type { ExactlyOnceWriterOptions, KustoWriter, StagingTableInfo, WriterEvent } from '../../src/index.ts'
import type { LogStore } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { dyingAt } from './dying-log.ts'
import type { LogOperation } from './dying-log.ts'
import { numbers, range, storedNumbers } from './numbered-rows.ts'

const DAY_MS = 86_400_000

let local: LocalKusto
let kusto: KustoConnector
let folder = ''
const evidence: string[] = []

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-move-'))
  evidence.length = 0
})

afterEach(async () => {
  vi.restoreAllMocks()
  local.faults.clear()
  await rm(folder, { recursive: true, force: true })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const open = (
  table: string,
  log: LogStore = fileLog(folder),
  options: Partial<ExactlyOnceWriterOptions> = {},
): KustoWriter =>
  kusto.writer(table, {
    delivery: 'exactly-once',
    commit: 'staging-table',
    takeOver: true,
    flushImmediately: true,
    create: 'CreateIfNotExist',
    log,
    ...options,
    onEvent: (event: WriterEvent | { readonly kind: string }) => {
      if (event.kind === 'batch-recovered') evidence.push((event as { readonly evidence: string }).evidence)
    },
  })

/** A writer of one batch of ten rows whose process is killed there. */
async function killed(table: string, isLast: LogOperation, when: 'before' | 'after'): Promise<void> {
  const { log, dead } = dyingAt(fileLog(folder), isLast, when)
  const writer = open(table, log)
  await writer.write(numbers(0, 10), { position: 10 })
  void writer.flush().catch(() => undefined)
  await dead
}

const stagingTables = async (table: string): Promise<readonly StagingTableInfo[]> =>
  (await kusto.stagingTables()).filter(({ target }) => target === table)

/** What is safe to drop by itself when so many days have passed. */
async function droppedAfter(days: number): Promise<readonly string[]> {
  const now = Date.now()
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now + days * DAY_MS)
  const { dropped } = await kusto.dropStagingTables()
  clock.mockRestore()
  return dropped.map(({ name }) => name)
}

/** The next writer brings the ten rows that a killed one had staged, once, and leaves no table behind. */
async function expectMoved(table: string): Promise<void> {
  const writer = open(table)
  expect(await writer.open()).toEqual({ position: 10, partialRows: 0 })
  await writer.close()
  expect(evidence).toEqual(['moved'])
  expect(await storedNumbers(kusto, table)).toEqual(range(10))
  expect(await stagingTables(table)).toEqual([])
}

const moves: LogOperation = (operation) => operation.startsWith('create moves/')
const outcomes: LogOperation = (operation) => operation.startsWith('create outcomes/')

describe('streaming:C31 rows that are staged and not moved', () => {
  it('are in no table that is safe to drop, however old, and nothing of the service deletes them', async () => {
    await killed('Kept', moves, 'after')
    const [staging] = await stagingTables('Kept')
    const policy = async (kind: string): Promise<unknown> => {
      const { rows } = await kusto.command(`.show table ${staging?.name ?? ''} policy ${kind}`).rows()
      return JSON.parse(rows[0]?.text('Policy') ?? '')
    }
    expect(await policy('retention')).toMatchObject({ SoftDeletePeriod: '365000.00:00:00' })
    expect(await policy('auto_delete')).toMatchObject({ DeleteIfNotEmpty: false })
    expect(await droppedAfter(4_000)).toEqual([])
    expect(await stagingTables('Kept')).toMatchObject([{ name: staging?.name, rows: 10, safe: false }])
    await expectMoved('Kept')
  })

  it('are in doubt when somebody has dropped their table: nobody is told that they were moved', async () => {
    await killed('Dropped', moves, 'after')
    const tables = (await stagingTables('Dropped')).map(({ name }) => name)
    expect((await kusto.dropStagingTables({ tables })).dropped).toHaveLength(1)
    const writer = open('Dropped')
    await expect(writer.open()).rejects.toMatchObject({
      code: 'KUSTO_IN_DOUBT',
      message: expect.stringContaining(tables[0] ?? '?') as unknown,
    })
    await writer.abort()
    expect((await inspectLog(fileLog(folder))).unsettled).toMatchObject([{ sequence: 0, rows: 10 }])
    // Somebody has looked, and the source gives them again.
    await settleBatch(fileLog(folder), 0, 'skipped')
    const next = open('Dropped')
    expect(await next.open()).toEqual({ position: 10, partialRows: 0 })
    await next.write(numbers(0, 10), { position: 20 })
    await next.close()
    expect(await storedNumbers(kusto, 'Dropped')).toEqual(range(10))
  })
})

it('streaming:C32 brings rows by a mapping that only the table has', async () => {
  await kusto.command('.create table Mapped (a: int, b: int)').rows()
  await kusto
    .command(`.create table Mapped ingestion csv mapping "M" '[{"column":"b","Properties":{"Ordinal":"0"}}]'`)
    .rows()
  const writer = open('Mapped', fileLog(folder), { ingestionMappingReference: 'M' })
  await writer.write(numbers(0, 10), { position: 10 })
  await writer.close()
  const found = await kusto.query('Mapped | project unset = isnull(a), b | order by b asc').table()
  expect([...(found.getChild('b') ?? [])]).toEqual(range(10))
  expect([...(found.getChild('unset') ?? [])]).toEqual(range(10).map(() => true))
})

it('streaming:C32 rows that a dead letter took leave no table behind', async () => {
  await kusto.command('.create table Refused (n: int)').rows()
  const seen: number[] = []
  const writer = open('Refused', fileLog(folder), {
    create: 'FailIfNotExist',
    format: 'csv',
    deadLetter: async ({ rows }) => {
      seen.push(rows, (await stagingTables('Refused')).length)
    },
  })
  await writer.write(numbers(0, 10), { position: 10 })
  // The rows go by a column that the table no longer has when they are loaded, and so its staging table neither.
  await kusto.command('.alter table Refused (other: string)').rows()
  await writer.close()
  expect(seen).toEqual([10, 1])
  expect(await stagingTables('Refused')).toEqual([])
  expect(await inspectLog(fileLog(folder))).toMatchObject({ settledUpTo: 0, unsettled: [], resume: { position: 10 } })
})

describe('streaming:T12 a writer by staging table that is killed', () => {
  it('after the move and before it notes it leaves an empty table, which tells the next one', async () => {
    await killed('Moved', outcomes, 'before')
    expect(await stagingTables('Moved')).toMatchObject([{ rows: 0, safe: false }])
    expect(await droppedAfter(40)).toEqual([])
    await expectMoved('Moved')
  })

  it('after it has noted the move leaves a table that the next one drops', async () => {
    await killed('Noted', outcomes, 'after')
    expect(await stagingTables('Noted')).toMatchObject([{ rows: 0 }])
    const writer = open('Noted')
    expect(await writer.open()).toEqual({ position: 10, partialRows: 0 })
    expect(await stagingTables('Noted')).toEqual([])
    await writer.write(numbers(10, 10), { position: 20 })
    await writer.close()
    expect(evidence).toEqual([])
    expect(await storedNumbers(kusto, 'Noted')).toEqual(range(20))
    for (const name of ['entries', 'intents', 'moves', 'outcomes', 'staged']) {
      expect(await readdir(path.join(folder, name))).toEqual([])
    }
  })

  it('streaming:C32 drops its table only after the log says that its rows were moved', async () => {
    const seen: string[] = []
    const store = fileLog(folder)
    const writer = open('Ordered', {
      ...store,
      create: async (...given) => {
        if (given[0].startsWith('outcomes/')) seen.push(`outcome, ${(await stagingTables('Ordered')).length} table`)
        return store.create(...given)
      },
      remove: async (name, signal) => {
        if (name.startsWith('moves/')) seen.push(`forgotten, ${(await stagingTables('Ordered')).length} tables`)
        return store.remove(name, signal)
      },
    })
    await writer.write(numbers(0, 10), { position: 10 })
    await writer.close()
    expect(seen).toEqual(['outcome, 1 table', 'forgotten, 0 tables'])
  })
})

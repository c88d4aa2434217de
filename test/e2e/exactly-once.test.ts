import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { fileLog, inspectLog, KustoConnector, KustoNetworkError } from '../../src/index.ts'
import type { LogStore, RejectedBatch, WriteEvent, WriterEvent, WriterOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import { startAzurite } from '../../src/local/storage/azurite.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { numbers, range, storedNumbers } from './numbered-rows.ts'

let local: LocalKusto
let kusto: KustoConnector
let folder = ''
const events: (WriteEvent | WriterEvent)[] = []

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-once-'))
})

afterEach(async () => {
  local.faults.clear()
  events.length = 0
  await rm(folder, { recursive: true, force: true })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const once = (log: LogStore, more: Partial<WriterOptions> = {}): WriterOptions =>
  ({
    delivery: 'exactly-once',
    log,
    create: 'CreateIfNotExist',
    flushImmediately: true,
    inDoubtMs: 2_000,
    onEvent: (event: WriteEvent | WriterEvent) => void events.push(event),
    ...more,
  }) as WriterOptions

const stored = (table: string): Promise<readonly number[]> => storedNumbers(kusto, table)

const objects = async (name: string): Promise<readonly string[]> => readdir(path.join(folder, name))

interface DyingLog {
  readonly log: LogStore
  /** Resolves when the process would be dead. */
  readonly dead: Promise<void>
}

/**
 * A log that works until it has carried out so many operations, and from then on is as dead as its process; what that process had
 * under way elsewhere goes on, as it does in a service.
 */
function dyingAfter(store: LogStore, operations: number): DyingLog {
  let left = operations
  let die: (() => void) | undefined
  const dead = new Promise<void>((resolve) => (die = resolve))
  const hang = async (): Promise<never> => {
    die?.()
    return new Promise<never>(() => undefined)
  }
  const alive = async <R>(work: () => Promise<R>): Promise<R> => {
    if (left-- <= 0) return hang()
    const result = await work()
    return left <= 0 ? hang() : result
  }
  const log: LogStore = {
    place: store.place,
    isReplicated: store.isReplicated,
    create: (...given) => alive(() => store.create(...given)),
    read: (...given) => alive(() => store.read(...given)),
    list: (...given) => alive(() => store.list(...given)),
    remove: (...given) => alive(() => store.remove(...given)),
    acquire: async (...given) => {
      const ownership = await alive(() => store.acquire(...given))
      return {
        epoch: ownership.epoch,
        verify: (...more) => alive(() => ownership.verify(...more)),
        release: () => alive(() => ownership.release()),
      }
    },
  }
  return { log, dead }
}

describe.each(['tag', 'staging-table'] as const)('streaming:C19 streaming:C20 exactly-once by %s', (commit) => {
  const table = `Once_${commit.replace('-', '_')}`

  it('writes every row once, and leaves a log of one mark', async () => {
    const acked: unknown[] = []
    const writer = kusto.writer(
      table,
      once(fileLog(folder), { commit, maxBatchRows: 300, onAck: (at) => void acked.push(at) }),
    )
    expect(await writer.open()).toBeUndefined()
    for (let start = 0; start < 1000; start += 100) await writer.write(numbers(start, 100), { position: start + 100 })
    expect(await writer.close()).toEqual({ rows: 1000, batches: 4 })
    expect(await stored(table)).toEqual(range(1000))
    expect(acked).toEqual(range(10).map((index) => (index + 1) * 100))
    expect(await objects('marks')).toHaveLength(1)
    for (const name of ['entries', 'intents', 'moves', 'outcomes', 'staged']) expect(await objects(name)).toEqual([])
  })

  it('goes on after the last staged write, in the middle of one if need be', async () => {
    const name = `${table}_resumed`
    const writer = kusto.writer(name, once(fileLog(folder), { commit, maxBatchRows: 150, create: 'CreateIfNotExist' }))
    await writer.write(numbers(0, 100), { position: 'a' })
    await writer.write(numbers(100, 100), { position: 'b' })
    // 150 of the 200 rows were sent: the rest is lost with this writer, and the source has to give it again.
    while ((await objects('marks')).length === 0) await new Promise<void>((resolve) => void setImmediate(resolve))
    await writer.abort()
    const next = kusto.writer(name, once(fileLog(folder), { commit }))
    expect(await next.open()).toEqual({ position: 'a', partialRows: 50 })
    await next.write(numbers(100, 100), { position: 'b' })
    await next.close()
    expect(await stored(name)).toEqual(range(200))
  })

  it('streaming:T35 streaming:C20 gives each batch its own tag and no other, whatever tags are given to all', async () => {
    if (commit !== 'tag') return
    const name = `${table}_tagged`
    const additionalTags = Object.freeze(['source:test'])
    const writer = kusto.writer(name, once(fileLog(folder), { commit, maxBatchRows: 2, additionalTags }))
    await writer.write(numbers(0, 6))
    await writer.close()
    const { rows } = await kusto.command(`.show table ${name} extents`).rows()
    const tags = rows.map((row) =>
      row
        .text('Tags')
        .split(/[\s",[\]]+/)
        .filter((tag) => tag !== ''),
    )
    expect(tags.map((each) => each.filter((tag) => tag.startsWith('ingest-by:')).length)).toEqual([1, 1, 1])
    expect(new Set(tags.flat().filter((tag) => tag.startsWith('ingest-by:'))).size).toBe(3)
    for (const each of tags) expect(each).toContain('source:test')
  })

  it('acknowledges what is staged, and closes when it is in the table; abort is quiet and leaves it to the next', async () => {
    const name = `${table}_staged`
    const options = { commit, acknowledge: 'staged', maxBatchRows: 10 } as const
    const writer = kusto.writer(name, once(fileLog(folder), options))
    const written = await writer.write(numbers(0, 30), { position: 30 })
    await written.acknowledged()
    await writer.close()
    expect(await stored(name)).toEqual(range(30))
    const next = kusto.writer(name, once(fileLog(folder), options))
    await next.write(numbers(30, 10), { position: 40 })
    await next.flush()
    await next.abort()
    const last = kusto.writer(name, once(fileLog(folder), options))
    expect(await last.open()).toEqual({ position: 40, partialRows: 0 })
    await last.close()
    expect(await stored(name)).toEqual(range(40))
  })

  it('streaming:T1 loses and repeats nothing, whichever operation of the log is the last before a crash', async () => {
    let next = 0
    const name = `${table}_crash`
    // Another step for each, so that together they meet more operations.
    for (let operations = 1; ; operations += commit === 'tag' ? 7 : 11) {
      const { log, dead } = dyingAfter(fileLog(folder), operations)
      const until = next + 20
      const crashed = kusto.writer(name, once(log, { commit, takeOver: true, maxBatchRows: 10 }))
      const work = (async () => {
        const from = Number((await crashed.open())?.position ?? 0)
        for (let at = from; at < until; at += 10) await crashed.write(numbers(at, 10), { position: at + 10 })
        await crashed.close()
        return 'done'
      })()
      const ended = await Promise.race([work, dead])
      const writer = kusto.writer(name, once(fileLog(folder), { commit, takeOver: true, maxBatchRows: 10 }))
      next = Number((await writer.open())?.position ?? 0)
      for (; next < until; next += 10) await writer.write(numbers(next, 10), { position: next + 10 })
      await writer.close()
      expect({ operations, rows: await stored(name) }).toEqual({ operations, rows: range(until) })
      if (ended === 'done') break
    }
  }, 600_000)
})

describe('exactly-once', () => {
  it('streaming:T33 refuses what cannot be exactly once', async () => {
    const refused = (more: object): Promise<unknown> =>
      (async () => kusto.writer('Refused', once(fileLog(folder), more as never)).open())().catch(
        (error: unknown) => error,
      )
    expect(await refused({ creationTime: new Date('2020-01-01') })).toMatchObject({ code: 'KUSTO_NOT_EXACTLY_ONCE' })
    expect(await refused({ ingestIfNotExists: ['x'] })).toMatchObject({ code: 'KUSTO_NOT_EXACTLY_ONCE' })
    await kusto.command('.create table Fleeting (n: int)').rows()
    await kusto.command('.alter table Fleeting policy retention "{\\"SoftDeletePeriod\\":\\"00:00:00\\"}"').rows()
    const writer = kusto.writer('Fleeting', once(fileLog(folder)))
    await expect(writer.write(numbers(0, 1))).rejects.toMatchObject({ code: 'KUSTO_NOT_EXACTLY_ONCE' })
    await writer.abort()
  })

  it.each(['committed', 'staged'] as const)(
    'streaming:T39 streaming:C18 hands what the service refuses to the dead letter, acknowledging %s rows, and brings the others',
    async (acknowledge) => {
      const name = `Dead_${acknowledge}`
      await kusto.command(`.create table ${name} (n: int)`).rows()
      const rejected: { readonly sequence: number; readonly rows: number }[] = []
      const ingestionMappingReference = 'Later'
      const writer = kusto.writer(
        name,
        once(fileLog(folder), {
          create: 'FailIfNotExist',
          acknowledge,
          format: 'csv',
          ingestionMappingReference,
          deadLetter: ({ sequence, rows }: RejectedBatch) => void rejected.push({ sequence, rows }),
        } as never),
      )
      const mapping = '[{"column":"n","Properties":{"Ordinal":"0"}}]'
      const create = `.create table ${name} ingestion csv mapping "Later" '${mapping}'`
      await kusto.command(create).rows()
      await writer.write(numbers(0, 3), { position: 3 })
      await kusto.command(`.drop table ${name} ingestion csv mapping "Later"`).rows()
      await writer.flush()
      while (rejected.length === 0) await new Promise<void>((resolve) => void setImmediate(resolve))
      await kusto.command(create).rows()
      await writer.write(numbers(3, 4), { position: 7 })
      await writer.close()
      expect(writer.metrics()).toMatchObject({ acceptedRows: 7, rejectedRows: 3 })
      expect(rejected).toEqual([{ sequence: 0, rows: 3 }])
      expect(await stored(name)).toEqual([3, 4, 5, 6])
      expect(events.filter(({ kind }) => kind === 'batch-rejected')).toHaveLength(1)
      expect(await inspectLog(fileLog(folder))).toMatchObject({ unsettled: [], resume: { position: 7 } })
    },
  )

  it('streaming:C20 does not send rows again because the log cannot say that they were taken', async () => {
    const store = fileLog(folder)
    const unreachable = new KustoNetworkError('KUSTO_CONNECTION_FAILED', 'no log', { retryable: true, isUnsent: true })
    const submissions: string[] = []
    const log: LogStore = {
      ...store,
      create: async (...given) => {
        if (given[0].startsWith('intents/')) submissions.push(given[0])
        if (given[0].endsWith('.sent')) throw unreachable
        return store.create(...given)
      },
    }
    const writer = kusto.writer('Unsaid', once(log))
    await writer.write(numbers(0, 10), { position: 10 })
    await expect(writer.close()).rejects.toBe(unreachable)
    expect(submissions).toEqual(['intents/000000000000-0001', 'intents/000000000000-0001.sent'])
    const next = kusto.writer('Unsaid', once(store))
    expect(await next.open()).toEqual({ position: 10, partialRows: 0 })
    await next.close()
    expect(events).toContainEqual(expect.objectContaining({ kind: 'batch-recovered', evidence: 'tag found' }))
    expect(await stored('Unsaid')).toEqual(range(10))
  })

  it('streaming:T35 keeps positions as they were when their rows were written', async () => {
    const offsets = { p: 10 }
    const writer = kusto.writer('Offsets', once(fileLog(folder), { maxBatchAgeMs: 60_000 }))
    await writer.write(numbers(0, 10), { position: offsets })
    offsets.p = 20
    await writer.close()
    expect(await inspectLog(fileLog(folder))).toMatchObject({ resume: { position: { p: 10 } } })
  })

  it('streaming:T33 refuses a source that begins anew where an earlier one has told positions', async () => {
    const source = range(10).map((n) => ({ n }))
    const write = (given: Parameters<typeof kusto.writeStream<{ n: number }>>[1]): Promise<unknown> =>
      kusto.writeStream('Anew', given, { ...once(fileLog(folder)), positionOf: ({ n }: { n: number }) => n })
    await write(source)
    await expect(write(source)).rejects.toMatchObject({ code: 'KUSTO_NOT_EXACTLY_ONCE' })
    await write((resume) => source.slice(Number(resume?.position) + 1))
    expect(await stored('Anew')).toEqual(range(10))
    // Without positions the rows that were written are passed over.
    await kusto.writeStream('Counted', source, once(fileLog(path.join(folder, 'counted'))))
    await kusto.writeStream('Counted', [...source, { n: 10 }], once(fileLog(path.join(folder, 'counted'))))
    expect(await stored('Counted')).toEqual(range(11))
  })

  it('stages blobs where the caller says, and tells of values that the service may cut', async () => {
    const account = await startAzurite()
    onTestFinished(() => account.close())
    const credential = new StorageSharedKeyCredential(account.accountName, account.accountKey)
    const box = new BlobServiceClient(account.blobUrl, credential).getContainerClient('box')
    await box.create()
    const { blobUrl: url, accountKey: key } = account
    const storage = { kind: 'account-key', url, container: 'box', key } as const
    const writer = kusto.writer('Boxed', once(fileLog(folder), { ingestionStorage: storage }))
    await writer.write({ n: 1, text: 'x'.repeat(1_100_000) }, { position: 1 })
    await writer.close()
    expect(await stored('Boxed')).toEqual([1])
    const names: string[] = []
    for await (const { name } of box.listBlobsFlat()) names.push(name)
    expect(names).toHaveLength(1)
    expect(events).toContainEqual({ kind: 'values-at-risk', oversizeCells: 1, cutTimes: 0 })
  })

  it('streaming:C24 asks before a log begins anew for a table that knows an earlier one', async () => {
    const writer = kusto.writer('Lost', once(fileLog(folder)))
    await writer.write(numbers(0, 1), { position: 1 })
    await writer.close()
    await rm(folder, { recursive: true })
    await expect(kusto.writer('Lost', once(fileLog(folder))).open()).rejects.toMatchObject({ code: 'KUSTO_LOG_LOST' })
    const other = kusto.writer('Lost', once(fileLog(folder), { stream: 'other' }))
    expect(await other.open()).toBeUndefined()
    await other.close()
  })

  it('streaming:T40 refuses the log of another table, and a log in use', async () => {
    const writer = kusto.writer('Mine', once(fileLog(folder)))
    await writer.write(numbers(0, 1))
    await expect(kusto.writer('Mine', once(fileLog(folder))).open()).rejects.toMatchObject({ code: 'KUSTO_LOG_IN_USE' })
    await writer.close()
    await expect(kusto.writer('Yours', once(fileLog(folder))).open()).rejects.toMatchObject({
      code: 'KUSTO_OTHER_STREAM',
    })
  })
})

import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fileLog } from '../../src/streaming/file-log.ts'
import type { LogStore } from '../../src/streaming/log-store.ts'
import { inspectLog, settleBatch } from '../../src/streaming/log-tools.ts'
import { batchTag, formatRecord, parseRecord, sourceIdOf } from '../../src/streaming/wal-records.ts'
import type { LogRecord } from '../../src/streaming/wal-records.ts'
import { WriteAheadLog } from '../../src/streaming/write-ahead-log.ts'
import type { NewEntry, StagedRows } from '../../src/streaming/staged-rows.ts'

const TARGET = { stream: 's', cluster: 'https://c', database: 'db', table: 'T', commit: 'tag' } as const
const OPTIONS = { beforeCreate: () => Promise.resolve() }

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-wal-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const open = (more: object = {}): ReturnType<typeof WriteAheadLog.open> =>
  WriteAheadLog.open(fileLog(folder), { ...TARGET, ...more }, OPTIONS)
const objects = (name: string): Promise<readonly string[]> => readdir(path.join(folder, name))

function rows(position: number, partialRows = 0): StagedRows {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`rows up to ${position}`)
  }
  const properties = { format: 'csv' } as NewEntry['properties']
  const entry = (): NewEntry => ({ rows: 10, rawBytes: 20, properties, schema: 'x', position, partialRows })
  return { chunks: chunks(), extension: 'csv', entry }
}

describe('a log', () => {
  it('streaming:T38 streaming:C13 resumes after what is staged, and settles out of order with the mark behind what is open', async () => {
    const { log } = await open()
    const first = await log.append(rows(10))
    const second = await log.append(rows(20, 3))
    await log.settle(second, { outcome: 'committed', evidence: 'succeeded' })
    expect(await objects('marks')).toEqual([])
    await log.release()
    const again = await open()
    expect(again.resume).toEqual({ position: 20, partialRows: 3 })
    expect(again.unsettled.map(({ entry }) => entry.sequence)).toEqual([0])
    await again.log.settle(first, { outcome: 'committed', evidence: 'succeeded' })
    expect(await objects('marks')).toEqual(['000000000001'])
    expect(await objects('entries')).toEqual([])
    await again.log.release()
  })

  it('streaming:C19 gives the staged bytes again, and refuses others', async () => {
    const { log } = await open()
    const entry = await log.append(rows(10))
    expect(Buffer.from(await log.staged(entry)).toString()).toBe('rows up to 10')
    await writeFile(path.join(folder, entry.staged), 'rows up to 11')
    await expect(log.staged(entry)).rejects.toMatchObject({ code: 'KUSTO_BAD_LOG_RECORD' })
    await log.release()
  })

  it('streaming:T4 tells who reads what its successor has removed that it is shut out', async () => {
    const { log } = await open()
    const entry = await log.append(rows(10))
    const next = await WriteAheadLog.open(fileLog(folder), TARGET, { ...OPTIONS, takeOver: true })
    await next.log.settle(entry, { outcome: 'committed', evidence: 'succeeded' })
    await expect(log.staged(entry)).rejects.toMatchObject({ code: 'KUSTO_LOG_FENCED' })
    await next.log.release()
  })

  it('streaming:C26 removes objects that no entry names and none will, and neither young ones nor those that are named', async () => {
    const { log } = await open()
    const entry = await log.append(rows(10))
    await log.release()
    const store = fileLog(folder)
    await store.create('staged/000000000001-old.csv', [Buffer.from('x')])
    await store.create('staged/000000000001-young.csv', [Buffer.from('x')])
    await store.create('staged/000000000000-late.csv', [Buffer.from('x')])
    const twoHoursAgo = new Date(Date.now() - 7_200_000)
    for (const name of ['staged/000000000001-old.csv', entry.staged]) {
      await utimes(path.join(folder, name), twoHoursAgo, twoHoursAgo)
    }
    expect((await inspectLog(store)).orphans).toBe(3)
    const again = await open()
    expect(await objects('staged')).toEqual([path.basename(entry.staged), '000000000001-young.csv'])
    await again.log.release()
  })

  it('streaming:C30 streaming:T40 is of one stream, cluster, database, table and way to commit', async () => {
    await (await open()).log.release()
    for (const other of [
      { stream: 'x' },
      { cluster: 'x' },
      { database: 'x' },
      { table: 'x' },
      { commit: 'staging-table' },
    ]) {
      await expect(open(other)).rejects.toMatchObject({ code: 'KUSTO_OTHER_STREAM' })
    }
  })

  it('streaming:C28 streaming:T36 holds no credential, whatever is in it', async () => {
    const { log } = await open()
    const entry = await log.append(rows(10))
    const intent = await log.intend(entry, { table: 'T', sourceId: (attempt) => sourceIdOf('tag', attempt) })
    await log.sent(intent, { via: 'queue', statusTable: 'https://account.table.core.windows.net/status' })
    const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) => each.isFile())
    expect(names.length).toBeGreaterThanOrEqual(6)
    for (const { parentPath, name } of names) {
      expect(await readFile(path.join(parentPath, name), 'utf8')).not.toMatch(/sig=|bearer|accountkey|password/i)
    }
    await log.release()
  })
})

describe('streaming:T42 the records of a log', () => {
  const record: LogRecord = { kind: 'mark', version: 1, sequence: 3, partialRows: 0, createdAt: '2026-01-01T00:00:00Z' }

  it('are refused when another release wrote them, when they are of another kind, and when they are damaged', async () => {
    const bytes = formatRecord(record)
    expect(parseRecord('mark', bytes, 'marks/3')).toEqual(record)
    const newer = formatRecord({ ...record, version: 2 })
    expect(() => parseRecord('mark', newer, 'marks/3')).toThrow(/version 1, found version 2/)
    expect(() => parseRecord('entry', bytes, 'marks/3')).toThrow(/kind entry, found mark/)
    for (let at = 0; at < bytes.length - 1; at++) {
      const damaged = Uint8Array.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(() => parseRecord('mark', damaged, 'marks/3')).toThrow(/hash/)
      expect(() => parseRecord('mark', bytes.subarray(0, at), 'marks/3')).toThrow(/hash/)
    }
  })

  it('keep a writer from going on when the log is of a newer release', async () => {
    await (await open()).log.release()
    const file = path.join(folder, 'meta/stream')
    const stream = parseRecord('stream', await readFile(file), 'meta/stream')
    await writeFile(file, formatRecord({ ...stream, version: 2 }))
    await expect(open()).rejects.toMatchObject({ code: 'KUSTO_BAD_LOG_RECORD' })
    await expect(inspectLog(fileLog(folder))).rejects.toMatchObject({ code: 'KUSTO_BAD_LOG_RECORD' })
  })
})

describe('streaming:C54 the tools of a log', () => {
  it('list what is open and settle it by hand, once', async () => {
    const store = fileLog(folder)
    await expect(inspectLog(store)).rejects.toMatchObject({ code: 'KUSTO_LOG_EMPTY' })
    const { log } = await open()
    const entry = await log.append(rows(10))
    await log.intend(entry, { table: 'T', sourceId: () => 'id' })
    await expect(settleBatch(store, 0, 'committed')).rejects.toMatchObject({ code: 'KUSTO_LOG_IN_USE' })
    await log.release()
    const { unsettled, settledUpTo, resume, stream } = await inspectLog(store)
    expect({ settledUpTo, resume }).toEqual({ settledUpTo: -1, resume: { position: 10, partialRows: 0 } })
    expect(unsettled).toMatchObject([
      { sequence: 0, rows: 10, tag: batchTag(stream, 0), attempts: [{ sourceId: 'id' }] },
    ])
    await settleBatch(store, 0, 'skipped')
    expect(await inspectLog(store)).toMatchObject({ settledUpTo: 0, unsettled: [], orphans: 0 })
    await expect(settleBatch(store, 0, 'skipped')).rejects.toMatchObject({ code: 'KUSTO_NO_SUCH_BATCH' })
  })
})

it('a log is read while its writer goes on, and told as it was a moment ago', async () => {
  const { log } = await open()
  const store = fileLog(folder)
  const entries = [await log.append(rows(10)), await log.append(rows(20)), await log.append(rows(30))]
  const moving: LogStore = {
    ...store,
    async list(name, signal) {
      // The mark was read, and the entries are not listed yet: now they go.
      const settled = name === 'entries' ? entries.shift() : undefined
      if (settled !== undefined) await log.settle(settled, { outcome: 'committed', evidence: 'succeeded' })
      return store.list(name, signal)
    },
  }
  expect(await inspectLog(moving)).toMatchObject({ settledUpTo: 1, unsettled: [], resume: { position: 20 } })
  await log.release()
})

/** A store that makes and removes objects only as it is let. */
function stepped(store: LogStore): {
  readonly log: LogStore
  readonly hold: () => void
  readonly step: (operations: number) => Promise<void>
} {
  const gate = { allowed: Infinity, wake: [] as (() => void)[] }
  const turn = async (): Promise<void> => {
    while (gate.allowed <= 0) await new Promise<void>((resolve) => gate.wake.push(resolve))
    gate.allowed--
  }
  const log: LogStore = {
    ...store,
    async create(...given) {
      await turn()
      return store.create(...given)
    },
    async remove(...given) {
      await turn()
      return store.remove(...given)
    },
  }
  const step = async (operations: number): Promise<void> => {
    gate.allowed = operations
    for (const each of gate.wake.splice(0)) each()
    // All that is let has begun and ended when the next one waits; what is let for good is awaited by the caller.
    if (operations === Infinity) return
    while (gate.wake.length === 0) await new Promise<void>((resolve) => void setImmediate(resolve))
  }
  return { log, hold: () => (gate.allowed = 0), step }
}

describe('streaming:T4 a writer that takes over while the one before settles a batch', () => {
  /** Of the old owner once it has found itself to be the owner: the rows, the mark, the records of the batch, the mark before. */
  const STEPS = 6

  it.each(Array.from({ length: STEPS + 1 }, (_, steps) => steps))(
    'sees all of it, whichever of its looks comes after step %i',
    async (steps) => {
      for (let look = 1, wasReached = true; wasReached; look++) {
        folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-wal-'))
        const { log: store, hold, step } = stepped(fileLog(folder))
        const { log: old } = await WriteAheadLog.open(store, TARGET, OPTIONS)
        await old.settle(await old.append(rows(10)), { outcome: 'committed', evidence: 'succeeded' })
        const entry = await old.append(rows(20))
        hold()
        const settling = old.settle(entry, { outcome: 'committed', evidence: 'succeeded' })
        await step(1)
        wasReached = false
        let looks = 0
        const looking = async <R>(work: () => Promise<R>): Promise<R> => {
          if (++looks === look) {
            wasReached = true
            await (steps === STEPS ? Promise.all([step(Infinity), settling]) : step(steps))
          }
          return work()
        }
        const base = fileLog(folder)
        const next = await WriteAheadLog.open(
          {
            ...base,
            list: (...given) => looking(() => base.list(...given)),
            read: (...given) => looking(() => base.read(...given)),
          },
          TARGET,
          { ...OPTIONS, takeOver: true },
        )
        const at = { steps, look }
        expect({ ...at, resume: next.resume }).toEqual({ ...at, resume: { position: 20, partialRows: 0 } })
        expect({ ...at, unsettled: next.unsettled }).toEqual({ ...at, unsettled: [] })
        const added = await next.log.append(rows(30))
        expect({ ...at, sequence: added.sequence }).toEqual({ ...at, sequence: 2 })
        // The rest comes when the new owner is at work, and takes nothing from it.
        await Promise.all([step(Infinity), settling])
        await next.log.release()
        const last = await open()
        expect(last.unsettled.map((each) => each.entry)).toEqual([added])
        expect(last.resume).toEqual({ position: 30, partialRows: 0 })
        await last.log.settle(added, { outcome: 'committed', evidence: 'succeeded' })
        await last.log.release()
        await rm(folder, { recursive: true, force: true })
      }
    },
  )

  it('is told of damage that nobody has made meanwhile', async () => {
    const { log } = await open()
    await log.append(rows(10))
    await log.append(rows(20))
    await rm(path.join(folder, 'entries/000000000000'))
    await log.release()
    await expect(open()).rejects.toMatchObject({ code: 'KUSTO_BAD_LOG_RECORD' })
  })

  it('keeps rows that came after it looked, however late it removes what nobody names', async () => {
    const { log } = await open()
    const base = fileLog(folder)
    const threeHours = 3 * 3_600_000
    let isHeldUp = false
    let staged = ''
    const slow: LogStore = {
      ...base,
      async list(name, signal) {
        const found = await base.list(name, signal)
        if (name === 'entries' && !isHeldUp) {
          // Now it stands still for three hours; the next owner stages a batch in the first of them.
          isHeldUp = true
          const { log: newer } = await WriteAheadLog.open(fileLog(folder), TARGET, { ...OPTIONS, takeOver: true })
          ;({ staged } = await newer.append(rows(10)))
          await newer.release()
          const real = Date.now()
          vi.spyOn(Date, 'now').mockImplementation(() => real + threeHours)
        }
        return found
      },
    }
    await log.release()
    const { log: late } = await WriteAheadLog.open(slow, TARGET, OPTIONS)
    vi.restoreAllMocks()
    expect(await objects('staged')).toEqual([path.basename(staged)])
    await expect(late.verify()).rejects.toMatchObject({ code: 'KUSTO_LOG_FENCED' })
  })
})

describe('streaming:C11 the names of what is sent', () => {
  it('follow from stream, log, batch and attempt, and no two are the same', () => {
    const made = new Set<string>()
    for (const stream of ['a', 'b']) {
      for (const incarnation of ['aaaaaaaa', 'bbbbbbbb']) {
        for (let sequence = 0; sequence < 100; sequence++) {
          const tag = batchTag({ stream, incarnation }, sequence)
          for (const attempt of [1, 2, 12]) made.add(sourceIdOf(tag, attempt))
        }
      }
    }
    expect(made.size).toBe(1200)
    const id = sourceIdOf(batchTag({ stream: 'a', incarnation: 'aaaaaaaa' }, 1), 1)
    expect(id).toBe(sourceIdOf(batchTag({ stream: 'a', incarnation: 'aaaaaaaa' }, 1), 1))
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Table, tableFromIPC } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { KustoConnector, kql } from '../../src/index.ts'
import type { PlanBlob, ReadEvent, ReadPlan } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { makePlan } from '../../src/source/read-plan.ts'
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

const ROWS = 1000
const source = kql`range i from 0 to ${ROWS - 1} step 1 | extend text = strcat("row ", i), t = 1tick * i`

async function idsOf(batches: AsyncIterable<RecordBatch>): Promise<readonly number[]> {
  const all: RecordBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all.length === 0 ? [] : (canonicalTable(new Table(all))['i'] ?? []).map(Number)
}

async function inOtherProcess(plan: ReadPlan, index: number): Promise<readonly number[]> {
  const script = fileURLToPath(new URL('../source/fixtures/read-partition.mjs', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(JSON.stringify({ plan, index, cluster: local.cluster, database: local.database }))
  const [out, errors, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  if (exitCode !== 0) throw new Error(errors)
  return JSON.parse(out) as readonly number[]
}

describe('a plan', () => {
  it('spark:R20 is plain JSON that another process reads by partition, every row once, until it is released', async () => {
    const plan = await kusto.read(source, { partitions: 3, partitionBy: { kind: 'range', column: 'i' } }).plan()
    const stored = JSON.parse(JSON.stringify(plan)) as ReadPlan
    expect(stored).toEqual(plan)
    const found = [
      await inOtherProcess(stored, 0),
      await idsOf(kusto.readPartition(stored, 1)),
      await idsOf(kusto.readPartition(JSON.stringify(stored), 2)),
    ]
    expect(found.map((ids) => ids.length)).toEqual(plan.partitions.map(({ rows }) => rows))
    expect(found.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: ROWS }, (_, i) => i))
    const events: ReadEvent[] = []
    await kusto.release(stored, { onEvent: (event) => events.push(event) })
    const blobs = plan.partitions.flatMap((partition) => partition.blobs)
    expect(events).toEqual([{ kind: 'blobs-removed', removed: blobs.length, failed: 0, directory: plan.directory }])
    await expect(idsOf(kusto.readPartition(stored, 0))).rejects.toMatchObject({
      // Storage may look at the expected ETag before it looks for the blob.
      code: expect.stringMatching(/^KUSTO_BLOB_(NOT_FOUND|CHANGED)$/),
    })
    await kusto.release(stored)
  })

  it('says what was exported, and holds no credential and no text of the query', async () => {
    const secret = 'secret value 4711'
    const read = kusto.read(kql`print i = 1, text = ${secret}, at = datetime(2024-01-01)`, {
      partitions: 2,
      types: { datetime: 'ticks' },
    })
    const plan = await read.plan({ ttlMs: 3_600_000 })
    expect(plan).toMatchObject({
      kind: 'kusto-arrow/read-plan',
      version: 1,
      cluster: local.cluster,
      database: local.database,
    })
    expect(plan.columns).toEqual([
      { name: 'i', type: 'long' },
      { name: 'text', type: 'string' },
      { name: 'at', type: 'datetime' },
    ])
    expect(plan.types.datetime).toBe('ticks')
    expect(plan.queryHash).toMatch(/^[0-9a-f]{64}$/)
    expect(plan.operationIds).toHaveLength(1)
    expect(Date.parse(plan.expiresAt) - Date.parse(plan.createdAt)).toBe(3_600_000)
    const [blob] = plan.partitions.flatMap((partition) => partition.blobs)
    expect(blob).toMatchObject({ url: expect.stringContaining(`/${plan.directory}/`), rows: 1 })
    expect([blob!.etag.length > 0, blob!.bytes > 0]).toEqual([true, true])
    const schema = tableFromIPC(Buffer.from(plan.schema, 'base64')).schema
    expect(schema.fields.map((field) => [field.name, String(field.type)])).toEqual([
      ['i', 'Int64'],
      ['text', 'Utf8'],
      ['at', 'Int64'],
    ])
    const json = JSON.stringify(plan)
    expect(json).not.toMatch(/sig=|sv=|SharedKey|AccountKey|bearer|eyJ[\w-]{10,}\./i)
    expect(json).not.toMatch(/[?]/)
    expect(json).not.toContain(secret)
    await kusto.release(plan)
  })

  it('is refused when it was changed, is of another version, kind, cluster or database, has expired or has no such partition', async () => {
    const plan = await kusto.read(kql`print i = 1`, { partitions: 1 }).plan({ ttlMs: 3_600_000 })
    const open = (changed: unknown, index = 0): unknown => kusto.readPartition(changed as ReadPlan, index)
    const refused = (changed: unknown, code: string, index = 0): void => {
      expect(() => open(changed, index)).toThrow(expect.objectContaining({ name: 'KustoUsageError', code }))
    }
    refused({ ...plan, version: 2 }, 'KUSTO_BAD_PLAN')
    refused({ ...plan, kind: 'other/plan' }, 'KUSTO_BAD_PLAN')
    refused({ ...plan, database: 'other' }, 'KUSTO_BAD_PLAN')
    refused({ ...plan, more: 1 }, 'KUSTO_BAD_PLAN')
    for (const other of [null, 7, [], '{', '{}', 'x']) refused(other, 'KUSTO_BAD_PLAN')
    refused(plan, 'KUSTO_NO_PARTITION', 1)
    refused(plan, 'KUSTO_NO_PARTITION', -1)
    await using elsewhere = new KustoConnector({ cluster: local.cluster, database: 'other' })
    expect(() => elsewhere.readPartition(plan, 0)).toThrow(/found one of .* db1/)
    await expect(elsewhere.release(plan)).rejects.toMatchObject({ code: 'KUSTO_OTHER_CLUSTER' })
    expect(() => kusto.readPartition(plan, 0, { mode: 'single' } as never)).toThrow(/found mode/)
    await kusto.release(plan)
  })

  it('spark:R21 is compared with storage: version, length, rows, and the containers we have', async () => {
    const plan = await kusto.read(kql`print i = 1`, { partitions: 1 }).plan()
    const { planId, ...made } = plan
    expect(planId).toMatch(/^[0-9a-f]{64}$/)
    const [partition] = plan.partitions
    const [blob] = partition!.blobs
    const changed = (change: Partial<PlanBlob>, content: Partial<ReadPlan> = {}): ReadPlan =>
      makePlan({ ...made, ...content, partitions: [{ ...partition!, blobs: [{ ...blob!, ...change }] }] })
    const failure = (other: ReadPlan): Promise<unknown> =>
      idsOf(kusto.readPartition(other, 0)).catch((error: unknown) => error)
    expect(await failure(changed({ etag: '"0x8DEADBEEF"' }))).toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
    expect(await failure(changed({ bytes: blob!.bytes + 1 }))).toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
    expect(await failure(changed({ rows: 2 }))).toMatchObject({ code: 'KUSTO_ROW_COUNT_MISMATCH' })
    const foreign = changed({ url: 'https://else.blob.core.windows.net/box/kusto-arrow/b.parquet' })
    expect(await failure(foreign)).toMatchObject({ code: 'KUSTO_FOREIGN_BLOB' })
    const beside = changed({ url: blob!.url.replace(plan.directory, 'kusto-arrow/another') })
    for (const other of [foreign, beside]) {
      await expect(kusto.release(other)).rejects.toMatchObject({ code: 'KUSTO_FOREIGN_BLOB' })
    }
    const open = (other: ReadPlan): unknown => kusto.readPartition(other, 0)
    expect(() => open(changed({ url: `${blob!.url}?sig=abc` }))).toThrow(/without query string/)
    expect(() => open(changed({}, { expiresAt: new Date(0).toISOString() }))).toThrow(/ended at 1970/)
    expect(() => open(changed({}, { columns: [{ name: 'j', type: 'long' }] }))).not.toThrow()
    expect(await failure(changed({}, { columns: [{ name: 'j', type: 'long' }] }))).toMatchObject({
      name: expect.stringMatching(/Kusto(Data|Protocol)Error/),
    })
    expect(await failure(plan)).toEqual([1])
    await kusto.release(plan)
  })

  it('keeps the blobs of a read that keeps its blobs', async () => {
    const plan = await kusto.read(kql`print i = 1`, { partitions: 1, keepBlobs: true }).plan()
    await kusto.release(plan)
    expect(await idsOf(kusto.readPartition(plan, 0))).toEqual([1])
  })

  it('gives partitions with a schema and no rows for an empty result', async () => {
    const plan = await kusto.read(kql`range i from 1 to 0 step 1`, { partitions: 2 }).plan()
    expect(plan.partitions).toEqual([
      { index: 0, rows: 0, blobs: [] },
      { index: 1, rows: 0, blobs: [] },
    ])
    const partition = kusto.readPartition(plan, 1)
    expect(partition.schema.fields.map((field) => field.name)).toEqual(['i'])
    expect(await idsOf(partition)).toEqual([])
  })
})

describe('forEachPartition', () => {
  const fixture = (name: string): URL => new URL(`../source/fixtures/${name}-module.mjs`, import.meta.url)

  it('runs a module on every partition in worker threads and gives the results in order', async () => {
    const events: ReadEvent[] = []
    const read = kusto.read(source, {
      partitions: 3,
      partitionBy: { kind: 'range', column: 'i' },
      onEvent: (event) => events.push(event),
    })
    const results = (await read.forEachPartition(fixture('sum'), { workers: 2, data: { column: 'i' } })) as readonly {
      total: bigint
      rows: number
      partition: { index: number; rows: number }
      columns: readonly string[]
      threadId: number
    }[]
    expect(results.map(({ partition }) => partition.index)).toEqual([0, 1, 2])
    expect(results.map(({ rows }) => rows)).toEqual(results.map(({ partition }) => partition.rows))
    expect(results.reduce((sum, { total }) => sum + total, 0n)).toBe(499_500n)
    expect(results.every(({ threadId }) => threadId > 0)).toBe(true)
    expect(results[0]?.columns).toEqual(['i', 'text', 't'])
    expect(events.filter((event) => event.kind === 'ticks-lost')).toEqual([
      { kind: 'ticks-lost', column: 't', values: 900 },
    ])
    expect(events.filter((event) => event.kind === 'partition-done')).toHaveLength(3)
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', failed: 0 })
  })

  it('spark:R4 fails a partition with the cause, however its module fails, and the next read works', async () => {
    const read = kusto.read(source, { partitions: 2, workers: 1, partitionBy: { kind: 'range', column: 'i' } })
    const failing = (how: string): Promise<unknown> =>
      read.forEachPartition(fixture('failing'), { data: { partition: 1, how } }).catch((error: unknown) => error)
    expect(await failing('throw')).toMatchObject({
      code: 'KUSTO_PARTITION_FAILED',
      message: 'partition 1 failed: no such thing',
      cause: { name: 'RangeError', cause: { message: 'deeper' } },
    })
    expect(await failing('text')).toMatchObject({ message: 'partition 1 failed: plain text' })
    expect(await failing('exit')).toMatchObject({
      message: expect.stringContaining('exit code 7'),
      cause: { code: 'KUSTO_WORKER_FAILED' },
    })
    expect(await failing('later')).toMatchObject({
      cause: { code: 'KUSTO_WORKER_FAILED', cause: { message: 'thrown behind its back' } },
    })
    expect(await failing('function')).toMatchObject({ code: 'KUSTO_PARTITION_FAILED' })
    expect(await read.forEachPartition(fixture('sum'), { data: { column: 'i' } })).toHaveLength(2)
  })

  it('stops within a second when aborted, also in a module that never gives way, and leaves no thread', async () => {
    for (const how of ['never', 'wait']) {
      const stop = new AbortController()
      let startedAt = 0
      const running = kusto
        .read(kql`print i = 1`, {
          partitions: 1,
          onEvent: (event) =>
            void (
              event.kind === 'export-finished' &&
              setTimeout(() => {
                startedAt = performance.now()
                stop.abort(new Error('enough'))
              }, 500)
            ),
        })
        .forEachPartition(fixture('failing'), { data: { partition: 0, how }, signal: stop.signal })
      await expect(running).rejects.toThrow('enough')
      expect(performance.now() - startedAt).toBeLessThan(1000)
    }
  })

  it('refuses what is no module before anything is exported, and what has no default export', async () => {
    const events: ReadEvent[] = []
    const read = kusto.read(kql`print i = 1`, { partitions: 1, onEvent: (event) => events.push(event) })
    await expect(read.forEachPartition('./sum.mjs')).rejects.toMatchObject({ code: 'KUSTO_BAD_MODULE' })
    await expect(read.forEachPartition((() => 1) as never)).rejects.toThrow(/absolute path of a module, found function/)
    await expect(read.forEachPartition(fixture('sum'), { wrkers: 1 } as never)).rejects.toThrow(/found wrkers/)
    expect(events).toEqual([])
    await expect(read.forEachPartition(fixture('no'))).rejects.toMatchObject({
      code: 'KUSTO_PARTITION_FAILED',
      cause: { name: 'KustoUsageError', code: 'KUSTO_BAD_MODULE' },
    })
    await expect(read.forEachPartition(fixture('absent'))).rejects.toThrow(/absent-module/)
  })
})

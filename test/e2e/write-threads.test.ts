import { Worker } from 'node:worker_threads'
import { Float64, Int32, type RecordBatch, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

let local: LocalKusto

beforeAll(async () => {
  local = await startLocalKusto()
})
afterEach(() => vi.restoreAllMocks())
afterAll(() => local.close())

const open = (): KustoConnector => new KustoConnector({ cluster: local.cluster, database: local.database })
/** 6 MB. */
const rows = 100_000
const table = new Table({
  n: vectorFromArray(
    Array.from({ length: rows }, (_, row) => row),
    new Int32(),
  ),
  x: vectorFromArray(
    Array.from({ length: rows }, (_, row) => Math.sin(row)),
    new Float64(),
  ),
  s: vectorFromArray(
    Array.from({ length: rows }, (_, row) => `row ${row} of a table of some size, é`),
    new Utf8(),
  ),
})
const batch: RecordBatch = table.batches[0]!

interface Message {
  readonly kind?: string
}

/** Threads that were asked to encode; the embedded Kusto has threads of its own. */
function watchEncoding(): () => readonly Worker[] {
  const post = vi.spyOn(Worker.prototype, 'postMessage')
  return () => {
    const asked = post.mock.contexts.filter((_, call) => (post.mock.calls[call]![0] as Message).kind === 'encode')
    return [...new Set(asked as readonly Worker[])]
  }
}

describe('a write of more than 4 MiB', () => {
  it.each(['csv', 'parquet'] as const)('is encoded in a thread and arrives whole, %s', async (format) => {
    await using kusto = open()
    const encoding = watchEncoding()
    const name = `Threads_${format}`
    // Of a stream the size is not known beforehand: whatever the number of cores there is a thread for it.
    const rowsToCome = format === 'csv' ? [batch] : batch
    const receipt = await kusto.write(name, rowsToCome, {
      create: 'CreateIfNotExist',
      format,
      flushImmediately: true,
      ...(format === 'csv' ? {} : { encodeWorkers: 1 }),
    })
    expect(encoding()).toHaveLength(1)
    await receipt.completed({ timeoutMs: 60_000 })
    const found = await kusto
      .query(`${name} | summarize c = count(), n = sum(tolong(n)), d = dcount(s), l = sum(strlen(s)), x = max(x)`)
      .table()
    const [read] = found.toArray().map((row) => row.toJSON() as Record<string, unknown>)
    const characters = Array.from({ length: rows }, (_, row) => `row ${row} of a table of some size, é`.length)
    expect(read).toMatchObject({
      c: BigInt(rows),
      n: BigInt((rows * (rows - 1)) / 2),
      l: BigInt(characters.reduce((sum, length) => sum + length, 0)),
    })
    // The caller's memory is as it was.
    expect(batch.getChild('s')!.get(rows - 1)).toMatch(/^row 99999/)
  })

  it('ends its threads with the connector', async () => {
    const kusto = open()
    const encoding = watchEncoding()
    await kusto.write('Threads_end', batch, { create: 'CreateIfNotExist', encodeWorkers: 1 })
    const [thread] = encoding()
    expect(thread!.threadId).toBeGreaterThan(0)
    await kusto.close()
    expect(thread!.threadId).toBe(-1)
  })

  it('starts none when asked for none, nor for a few rows', async () => {
    await using kusto = open()
    const encoding = watchEncoding()
    await kusto.write('Threads_none', batch, { create: 'CreateIfNotExist', encodeWorkers: 0 })
    await kusto.write('Threads_none', batch.slice(0, 10), { encodeWorkers: 2 })
    expect(encoding()).toEqual([])
  })

  it('leaves no blob and nothing queued when its thread ends in the middle', async () => {
    await using kusto = open()
    const post = Reflect.get(Worker.prototype, 'postMessage')
    vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function send(this: Worker, message, transfer) {
      if ((message as Message).kind === 'supply') void this.terminate()
      else post.call(this, message, transfer as ArrayBuffer[])
    })
    const events: string[] = []
    const writing = kusto.write('Threads_killed', batch, {
      create: 'CreateIfNotExist',
      encodeWorkers: 1,
      onEvent: ({ kind }) => events.push(kind),
    })
    await expect(writing).rejects.toMatchObject({ code: 'KUSTO_WORKER_FAILED', retryable: true })
    expect(events).not.toContain('blobs-queued')
    vi.restoreAllMocks()
    // Another thread takes its place.
    const receipt = await kusto.write('Threads_killed', batch, { encodeWorkers: 1, flushImmediately: true })
    expect((await receipt.completed({ timeoutMs: 60_000 })).rows).toBe(rows)
    expect(await kusto.read('Threads_killed').count()).toBe(rows)
  })

  it('names row and column of one row over the limit, and sends nothing', async () => {
    await using kusto = open()
    const long = new Table({
      n: vectorFromArray([1, 2, 3], new Int32()),
      s: vectorFromArray(['a', 'b', 'x'.repeat(100_001)], new Utf8()),
    })
    const events: string[] = []
    const failure: unknown = await kusto
      .write('Threads_long', long, {
        create: 'CreateIfNotExist',
        maxBlobBytes: 100_000,
        onEvent: ({ kind }) => events.push(kind),
      })
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'KustoDataError', code: 'KUSTO_RECORD_TOO_LARGE', row: 2, column: 's' })
    expect(events).not.toContain('blobs-queued')
  })
})

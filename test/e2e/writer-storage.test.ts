import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ContainerClient } from '@azure/storage-blob'
import { type Table, tableFromArrays } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fileLog, KustoConnector } from '../../src/index.ts'
import type { WriterOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { gate, startStorageProxy } from './storage-proxy.ts'
import type { ProxyFault, SeenRequest, StorageProxy } from './storage-proxy.ts'

let local: LocalKusto
let direct: KustoConnector
/** Two accounts, each with one of the service's containers. */
let accounts: readonly [StorageProxy, StorageProxy]
let containers: readonly string[]
let folder = ''

beforeAll(async () => {
  local = await startLocalKusto()
  direct = new KustoConnector({ cluster: local.cluster, database: local.database })
  const { rows } = await direct.command('.get ingestion resources', { endpoint: 'ingestion' }).rows()
  containers = rows
    .filter((row) => row.text('ResourceTypeName') === 'TempStorage')
    .map((row) => row.text('StorageRoot') ?? '')
    .slice(0, 2)
  accounts = [await startStorageProxy(containers[0]!), await startStorageProxy(containers[1]!)]
})

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-writer-storage-'))
})

afterEach(async () => {
  local.faults.clear()
  for (const account of accounts) {
    account.seen.length = 0
    account.faultFor = () => undefined
  }
  await rm(folder, { recursive: true, force: true })
})

afterAll(async () => {
  await direct?.close()
  for (const account of accounts ?? []) await account.close()
  await local?.close()
})

/** What the service says of its containers: the two behind the proxies, so many of them, with other signatures if told. */
const configuration = (count: number, sign = (url: string): string => url): Readonly<Record<string, unknown>> => ({
  containerSettings: {
    containers: containers.slice(0, count).map((root, at) => ({ path: sign(accounts[at]!.through(root)) })),
  },
  ingestionSettings: { maxBlobsPerBatch: 2 },
})
const tell = (body: Readonly<Record<string, unknown>>, times?: number): void =>
  local.faults.add({
    match: { path: '/configuration' },
    ...(times === undefined ? {} : { times }),
    action: { status: 200, body },
  })

const isUpload = ({ method, comp, bytes }: SeenRequest): boolean =>
  method === 'PUT' && comp !== 'blocklist' && bytes > 0
const uploads = (account: StorageProxy): readonly SeenRequest[] => account.seen.filter(isUpload)
const once = (fault: ProxyFault): StorageProxy['faultFor'] => {
  let isOver = false
  return (request) => {
    if (isOver || !isUpload(request)) return undefined
    isOver = true
    return fault
  }
}

const numbers = (start: number, rows: number): Table =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) })
const range = (rows: number): readonly number[] => Array.from({ length: rows }, (_, i) => i)

async function stored(table: string): Promise<readonly number[]> {
  const result = await direct.read(table, { mode: 'single' }).table()
  return Array.from(result.getChild('n') ?? [], Number).sort((a, b) => a - b)
}

async function stagedBlobs(): Promise<readonly string[]> {
  const found: string[] = []
  for (const root of containers) {
    for await (const { name } of new ContainerClient(root).listBlobsFlat({ includeUncommitedBlobs: true }))
      found.push(name)
  }
  return found
}

describe.each(['at-least-once', 'exactly-once'] as const)('a writer, %s', (delivery) => {
  const table = (name: string): string => `${name}_${delivery.replaceAll('-', '_')}`
  const options = (): WriterOptions => {
    const common = { create: 'CreateIfNotExist', flushImmediately: true, maxBatchRows: 100 } as const
    return delivery === 'exactly-once'
      ? { ...common, delivery, log: fileLog(folder), inDoubtMs: 2_000 }
      : { ...common, delivery, acknowledge: 'ingested' }
  }
  const connect = (): KustoConnector =>
    new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'rest' })

  async function writes(kusto: KustoConnector, name: string): Promise<void> {
    const writer = kusto.writer(name, options())
    for (let start = 0; start < 300; start += 100) await writer.write(numbers(start, 100))
    expect(await writer.close()).toEqual({ rows: 300, batches: 3 })
    expect(await stored(name)).toEqual(range(300))
    await expect.poll(stagedBlobs).toEqual([])
  }

  it('streaming:T13 asks for containers again when a signature is over at the upload', async () => {
    tell(
      configuration(2, (url) => url.replace(/sig=[^&]*/, 'sig=AAAA')),
      1,
    )
    tell(configuration(2))
    await using kusto = connect()
    await writes(kusto, table('Expired'))
  })

  it('streaming:T13 asks for containers again when signatures are over after a pause', async () => {
    const [first, second] = [configuration(1), configuration(2)] as const
    tell(first, 1)
    await using kusto = connect()
    const name = table('ExpiredLater')
    const writer = kusto.writer(name, options())
    await writer.write(numbers(0, 100))
    await writer.flush()
    expect(uploads(accounts[0])).toHaveLength(1)
    tell(second)
    const denied = { kind: 'status', status: 403, code: 'AuthenticationFailed' } as const
    accounts[0].faultFor = (request) => (isUpload(request) ? denied : undefined)
    await writer.write(numbers(100, 200))
    expect(await writer.close()).toEqual({ rows: 300, batches: 3 })
    expect(uploads(accounts[1])).toHaveLength(2)
    expect(await stored(name)).toEqual(range(300))
    await expect.poll(stagedBlobs).toEqual([])
  })

  it('streaming:T14 goes to the other account while one is down', async () => {
    tell(configuration(2))
    accounts[0].faultFor = (request) =>
      isUpload(request) ? { kind: 'status', status: 404, code: 'ContainerNotFound' } : undefined
    await using kusto = connect()
    await writes(kusto, table('OneDown'))
    expect(uploads(accounts[1])).toHaveLength(3)
  })

  it('streaming:T14 says so when there is no container', async () => {
    tell(configuration(0))
    await using kusto = connect()
    const writer = kusto.writer(table('NoContainer'), options())
    const ended = writer.closed.catch((error: unknown) => error)
    const writing = (async () => {
      await writer.write(numbers(0, 100))
      await writer.close()
    })()
    await expect(writing).rejects.toMatchObject({ code: 'KUSTO_NO_INGESTION_STORAGE' })
    expect(await ended).toMatchObject({ code: 'KUSTO_NO_INGESTION_STORAGE' })
  })

  it.each(['flip', 'cut'] as const)('streaming:T15 repeats an upload that arrives damaged: %s', async (kind) => {
    tell(configuration(2))
    const damage = once({ kind })
    for (const account of accounts) account.faultFor = damage
    await using kusto = connect()
    await writes(kusto, table(`Damaged_${kind}`))
    expect(uploads(accounts[0]).length + uploads(accounts[1]).length).toBe(4)
  })
})

describe('an abort while storage hangs', () => {
  /** Every request to storage is held, the first upload among them, until the result is opened. */
  function hang(): { readonly held: Promise<void>; readonly back: () => void } {
    tell(configuration(2))
    const [held, back] = [gate(), gate()]
    for (const account of accounts) {
      account.faultFor = () => (held.open(), { kind: 'hold', until: back.opened })
    }
    return { held: held.opened, back: back.open }
  }
  const connect = (): KustoConnector =>
    new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'rest' })
  // What is left in storage is tried to be removed for longer than that.
  const LIMIT = { timeout: 8_000 }

  it.each(['at-least-once', 'exactly-once'] as const)(
    'ends a writer, %s, before storage answers',
    LIMIT,
    async (delivery) => {
      const { held, back } = hang()
      await using kusto = connect()
      const options = delivery === 'exactly-once' ? { delivery, log: fileLog(folder) } : { delivery }
      const writer = kusto.writer(`Hung_${delivery.slice(0, 2)}`, { create: 'CreateIfNotExist', ...options })
      await writer.write(numbers(0, 100))
      const flushed = writer.flush()
      await held
      const reason = new Error('enough')
      await Promise.all([writer.abort(reason), expect(flushed).rejects.toBe(reason)])
      // Only now does storage answer.
      back()
      await expect.poll(stagedBlobs, LIMIT).toEqual([])
    },
  )

  const READY: Readonly<Record<string, (kusto: KustoConnector) => Promise<(signal: AbortSignal) => Promise<unknown>>>> =
    {
      ingestStream: async (kusto) => {
        await kusto.command('.create table HungFile (n: int)').rows()
        return (signal) => kusto.ingestStream('HungFile', Buffer.from('1\n2\n'), { format: 'csv', signal })
      },
      'a piece on its way into the queue': async (kusto) => {
        await kusto.command('.create table HungPiece (n: int)').rows()
        await kusto.streamingPolicy('HungPiece').disable()
        return (signal) => kusto.write('HungPiece', numbers(0, 10), { mode: 'streaming', signal })
      },
    }
  it.each(Object.entries(READY))('ends %s before storage answers', LIMIT, async (_what, ready) => {
    await using kusto = connect()
    const begin = await ready(kusto)
    const { held, back } = hang()
    const stop = new AbortController()
    const writing = begin(stop.signal)
    await Promise.race([held, writing])
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(writing).rejects.toBe(reason)
    back()
    await expect.poll(stagedBlobs, LIMIT).toEqual([])
  })
})

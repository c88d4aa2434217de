import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text as textOf } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { ContainerClient } from '@azure/storage-blob'
import { QueueClient } from '@azure/storage-queue'
import { tableFromArrays } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { WriteEvent, WriteOptions, WriteReceipt } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { gate, startStorageProxy } from './storage-proxy.ts'
import type { ProxyFault, SeenRequest, StorageProxy } from './storage-proxy.ts'

let local: LocalKusto
let direct: KustoConnector
/** Two accounts, each with one of the service's containers, and the account of its queue and status table. */
let accounts: readonly [StorageProxy, StorageProxy]
let queues: StorageProxy
let tables: StorageProxy
/** In front of the embedded Kusto. */
let service: StorageProxy
let resources: readonly (readonly [type: string, root: string])[]

beforeAll(async () => {
  local = await startLocalKusto()
  direct = new KustoConnector({ cluster: local.cluster, database: local.database })
  const { rows } = await direct.command('.get ingestion resources', { endpoint: 'ingestion' }).rows()
  resources = rows.map((row) => [row.text('ResourceTypeName'), row.text('StorageRoot')] as const)
  accounts = [await startStorageProxy(roots('TempStorage')[0]!), await startStorageProxy(roots('TempStorage')[0]!)]
  service = await startStorageProxy(local.cluster)
  queues = await startStorageProxy(roots('SecuredReadyForAggregationQueue')[0]!)
  tables = await startStorageProxy(roots('IngestionsStatusTable')[0]!)
}, 90_000)

beforeEach(() => {
  for (const proxy of [...accounts, queues, tables, service]) {
    proxy.seen.length = 0
    proxy.faultFor = () => undefined
  }
})

afterEach(() => local.faults.clear())

afterAll(async () => {
  await direct?.close()
  for (const proxy of [...(accounts ?? []), queues, tables, service]) await proxy?.close()
  await local?.close()
})

const roots = (type: string): readonly string[] => resources.filter(([each]) => each === type).map(([, root]) => root)

/** A connector that is told of storage behind the proxies. */
function connector(way: 'rest' | 'queue'): KustoConnector {
  const containers = roots('TempStorage').map((root, at) => accounts[at % 2]!.through(root))
  const body = {
    Tables: [
      {
        TableName: 'Table_0',
        Columns: ['ResourceTypeName', 'StorageRoot'].map((ColumnName) => ({
          ColumnName,
          DataType: 'String',
          ColumnType: 'string',
        })),
        Rows: [
          ...containers.map((root) => ['TempStorage', root]),
          ...roots('SecuredReadyForAggregationQueue').map((root) => [
            'SecuredReadyForAggregationQueue',
            queues.through(root),
          ]),
          ...roots('IngestionsStatusTable').map((root) => ['IngestionsStatusTable', tables.through(root)]),
        ],
      },
    ],
  }
  const configuration = {
    containerSettings: { containers: containers.map((path) => ({ path })) },
    ingestionSettings: { maxBlobsPerBatch: 2 },
  }
  local.faults.add({ match: { path: '/configuration' }, action: { status: 200, body: configuration } })
  local.faults.add({ match: { text: '.get ingestion resources' }, action: { status: 200, body } })
  return new KustoConnector({ cluster: service.origin, database: local.database, ingestion: way })
}

const batchesOf = (count: number): readonly RecordBatch[] =>
  Array.from(
    { length: count },
    (_, at) => tableFromArrays({ n: Int32Array.from({ length: 10_000 }, (_row, i) => at * 10_000 + i) }).batches[0]!,
  )
/** 12 MB that no encoding makes smaller: two blocks. */
const noise = (): readonly RecordBatch[] =>
  Array.from(
    { length: 30 },
    () => tableFromArrays({ n: new Int32Array(randomBytes(400_000).buffer.slice(0, 400_000)) }).batches[0]!,
  )
/** Two batches of 40 KB a blob. */
const SMALL = { create: 'CreateIfNotExist', maxBlobBytes: 100_000, flushImmediately: true } as const

async function stagedBlobs(): Promise<readonly string[]> {
  const found: string[] = []
  for (const root of roots('TempStorage')) {
    const blobs = new ContainerClient(root).listBlobsFlat({ includeUncommitedBlobs: true })
    for await (const { name } of blobs) found.push(name)
  }
  return found
}

/** Not the empty blob that comes before the removal of blocks. */
const isUpload = ({ method, comp, bytes }: SeenRequest): boolean =>
  method === 'PUT' && comp !== 'blocklist' && bytes > 0
const first = (fault: ProxyFault, which: (request: SeenRequest) => boolean): StorageProxy['faultFor'] => {
  let isOver = false
  return (request) => {
    if (isOver || !which(request)) return undefined
    isOver = true
    return fault
  }
}

async function sumOf(table: string): Promise<{ rows: number; sum: number }> {
  const result = await direct.query(`['${table}'] | summarize rows = count(), sum = sum(n)`).table()
  return { rows: Number(result.getChild('rows')?.get(0)), sum: Number(result.getChild('sum')?.get(0)) }
}
const sumTo = (rows: number): { rows: number; sum: number } => ({ rows, sum: (rows * (rows - 1)) / 2 })

interface Written {
  readonly receipt: WriteReceipt
  readonly events: readonly WriteEvent[]
}

async function write(kusto: KustoConnector, table: string, options: WriteOptions = {}, count = 5): Promise<Written> {
  const events: WriteEvent[] = []
  const onEvent = (event: WriteEvent): void => void events.push(event)
  const receipt = await kusto.write(table, batchesOf(count), { ...SMALL, ...options, onEvent })
  await receipt.completed({ timeoutMs: 30_000, onEvent })
  return { receipt, events }
}

const retriesIn = (events: readonly WriteEvent[]): readonly Extract<WriteEvent, { kind: 'retry' }>[] =>
  events.filter((event) => event.kind === 'retry')

describe('spark:W22 containers of several accounts', () => {
  it('the next one takes a blob that the first refuses, and then comes first', async () => {
    await using kusto = connector('rest')
    accounts[0].faultFor = (request) =>
      isUpload(request) ? { kind: 'status', status: 404, code: 'ContainerNotFound' } : undefined
    const { receipt, events } = await write(kusto, 'NextOne', { uploads: 1 }, 8)
    expect(await sumOf('NextOne')).toEqual(sumTo(80_000))
    expect(receipt.blobs.every(({ url }) => url.startsWith(accounts[1].origin))).toBe(true)
    // Once at most: from then on the account that works comes first.
    expect(accounts[0].seen.filter(isUpload).length).toBeLessThanOrEqual(1)
    expect(receipt.toJSON().retries.container).toBe(accounts[0].seen.filter(isUpload).length)
    for (const { phase, reason } of retriesIn(events)) {
      expect([phase, reason]).toEqual(['container', expect.stringContaining('ContainerNotFound')])
      expect(reason).not.toContain('sig=')
    }
    await expect.poll(stagedBlobs).toEqual([])
  })

  it('both fail: every reason is in the error, and nothing is left', async () => {
    await using kusto = connector('rest')
    for (const [at, account] of accounts.entries()) {
      account.faultFor = (request) =>
        isUpload(request) ? { kind: 'status', status: 404, code: `ContainerBeing${at}` } : undefined
    }
    const error: unknown = await write(kusto, 'BothFail', { uploads: 1 }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_STORAGE_FAILED' })
    const { errors } = (error as { cause: AggregateError }).cause
    expect(errors.map((each) => /ContainerBeing\d/.exec(String(each))?.[0] ?? '').toSorted()).toEqual([
      'ContainerBeing0',
      'ContainerBeing1',
    ])
    expect(inspect(error, { depth: 10 })).not.toContain('sig=')
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('several blobs fail at once: every one is in the error', async () => {
    await using kusto = connector('rest')
    const { opened, open } = gate()
    let held = ''
    let refused = 0
    for (const account of accounts) {
      account.faultFor = (request) => {
        if (!isUpload(request)) return undefined
        const blob = /__([0-9a-f-]{36})/.exec(request.path)?.[1] ?? ''
        held ||= blob
        // The first blob waits for the two others to fail in both containers.
        if (blob === held && refused < 4) return { kind: 'hold', until: opened }
        if (++refused === 4) setImmediate(open)
        return { kind: 'status', status: 404, code: 'ContainerNotFound' }
      }
    }
    const writing = kusto.write('Several', batchesOf(9), { ...SMALL, uploads: 3 })
    const error: unknown = await writing.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_UPLOADS_FAILED', name: 'KustoIngestError' })
    const { errors } = (error as { cause: AggregateError }).cause
    expect(errors.length).toBeGreaterThanOrEqual(2)
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })
})

describe('spark:W2 what the service is told', () => {
  /** Uncompressed bytes by source id, from the blobs themselves. */
  async function sizes({ receipt }: Written): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    for (const { sourceId, url } of receipt.blobs) {
      const root = roots('TempStorage').find((each) => url.includes(new URL(each).pathname)) ?? ''
      const name = url.split('/').at(-1) ?? ''
      found[sourceId] = gunzipSync(await new ContainerClient(root).getBlobClient(name).downloadToBuffer()).length
    }
    return found
  }

  it('REST: blobs in batches of the configured size, each with a source id of its own and its exact size', async () => {
    await using kusto = connector('rest')
    const done = await write(kusto, 'ToldRest', { format: 'csv', deleteIngestedBlobs: false })
    const posts = service.seen.filter(({ path, method }) => path.includes('/queued/') && method === 'POST')
    const bodies = posts.map(
      ({ text }) =>
        JSON.parse(text) as {
          blobs: { sourceId: string; rawSize: number }[]
          properties: { deleteAfterDownload: boolean }
        },
    )
    expect(bodies.map(({ blobs }) => blobs.length)).toEqual([2, 1])
    expect(new Set(done.receipt.blobs.map(({ operationId }) => operationId)).size).toBe(2)
    expect(bodies.every(({ properties }) => !properties.deleteAfterDownload)).toBe(true)
    const told = Object.fromEntries(
      bodies.flatMap(({ blobs }) => blobs.map(({ sourceId, rawSize }) => [sourceId, rawSize])),
    )
    expect(told).toEqual(await sizes(done))
    await removeStaged()
  })

  it('queue: a message for each blob, with its exact size and its status row', async () => {
    await using kusto = connector('queue')
    const done = await write(kusto, 'ToldQueue', { format: 'csv', deleteIngestedBlobs: false })
    const messages = queues.seen
      .filter(({ method }) => method === 'POST')
      .map(({ text }) => Buffer.from(/<MessageText>([^<]*)</.exec(text)?.[1] ?? '', 'base64').toString('utf8'))
      .map((json) => JSON.parse(json) as Record<string, unknown>)
    expect(Object.fromEntries(messages.map((message) => [message['Id'], message['RawDataSize']]))).toEqual(
      await sizes(done),
    )
    for (const message of messages) {
      expect(message).toMatchObject({ RetainBlobOnSuccess: true, ReportLevel: 2, ReportMethod: 1 })
      expect(message['IngestionStatusInTable']).toMatchObject({ PartitionKey: message['Id'] })
    }
    await removeStaged()
  })

  async function removeStaged(): Promise<void> {
    for (const root of roots('TempStorage')) {
      const container = new ContainerClient(root)
      // What an aborted write left may go at the same time.
      for await (const { name } of container.listBlobsFlat()) await container.getBlobClient(name).deleteIfExists()
    }
  }
})

describe('a service that fails for a while', () => {
  it('is asked again, and the receipt tells how often, by what it was for', async () => {
    await using kusto = connector('rest')
    local.faults.add({ match: { text: '.show table' }, times: 1, action: { status: 503 } })
    local.faults.add({ match: { path: '/queued/', method: 'POST' }, times: 2, action: { status: 429 } })
    const { receipt, events } = await write(kusto, 'Throttled')
    expect(receipt.toJSON().retries).toEqual({ command: 1, upload: 0, container: 0, submit: 2, status: 0 })
    expect(retriesIn(events).map(({ phase }) => phase)).toEqual(['command', 'submit', 'submit'])
    expect(await sumOf('Throttled')).toEqual(sumTo(50_000))
  })
})

describe('storage that fails for a while', () => {
  it('503 with Retry-After is waited for', async () => {
    await using kusto = connector('rest')
    const busy = first({ kind: 'status', status: 503, retryAfter: '1' }, isUpload)
    for (const account of accounts) account.faultFor = busy
    const { receipt, events } = await write(kusto, 'Busy')
    expect(await sumOf('Busy')).toEqual(sumTo(50_000))
    expect(receipt.toJSON().retries).toMatchObject({ upload: 1, container: 0 })
    const [retry] = retriesIn(events)
    expect(retry).toMatchObject({ phase: 'upload', attempt: 1, reason: '503 ServerBusy' })
    expect(retry?.delayMs).toBeGreaterThanOrEqual(1000)
  })

  const kinds = ['reset', 'lose-answer', 'truncate'] as const
  it.each(kinds)('an upload comes through: %s', async (kind) => {
    await using kusto = connector('rest')
    const fault = first({ kind }, isUpload)
    for (const account of accounts) account.faultFor = fault
    const table = `Through_${kind}`
    const { receipt } = await write(kusto, table)
    expect(await sumOf(table)).toEqual(sumTo(50_000))
    expect(receipt.toJSON().retries.upload).toBeLessThanOrEqual(1)
    await expect.poll(stagedBlobs).toEqual([])
  })

  it('a busy queue is asked again, and takes each message once', async () => {
    await using kusto = connector('queue')
    queues.faultFor = first({ kind: 'status', status: 503, retryAfter: '0' }, ({ method }) => method === 'POST')
    const { receipt } = await write(kusto, 'BusyQueue')
    expect(await sumOf('BusyQueue')).toEqual(sumTo(50_000))
    expect(receipt.toJSON().retries.submit).toBe(1)
    expect(queues.seen.filter(({ method }) => method === 'POST')).toHaveLength(4)
  })

  it('a message whose answer was lost is not put twice: its blob is deleted and the write fails', async () => {
    await using kusto = connector('queue')
    queues.faultFor = first({ kind: 'reset' }, ({ method }) => method === 'POST')
    const error: unknown = await kusto.write('Unknown', batchesOf(1), SMALL).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_STORAGE_FAILED', retryable: false })
    expect(queues.seen.filter(({ method }) => method === 'POST')).toHaveLength(1)
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('the status of blobs is asked for again after an answer that did not come', async () => {
    await using kusto = connector('queue')
    const receipt = await kusto.write('Asked', batchesOf(5), SMALL)
    tables.faultFor = first({ kind: 'status', status: 500, code: 'InternalError' }, ({ method }) => method === 'GET')
    await receipt.completed({ timeoutMs: 30_000 })
    expect(receipt.outcome).toMatchObject({ rows: 50_000 })
    await using rest = connector('rest')
    const other = await rest.write('AskedRest', batchesOf(2), SMALL)
    local.faults.add({ match: { path: '/queued/', method: 'GET' }, times: 2, action: { status: 404 } })
    const events: WriteEvent[] = []
    await other.completed({ timeoutMs: 30_000, onEvent: (event) => void events.push(event) })
    expect(retriesIn(events).map(({ phase }) => phase)).toEqual(['status', 'status'])
    expect(other.toJSON().retries.status).toBe(2)
  })
})

describe('an abort at any request', () => {
  const servicePoints: readonly [string, 'rest' | 'queue', (request: SeenRequest) => boolean][] = [
    ['the table schema', 'rest', ({ text }) => text.includes('.show table')],
    ['the creation of the table', 'rest', ({ text }) => text.includes('.create-merge')],
    ['the configuration', 'rest', ({ path }) => path.endsWith('/configuration')],
    ['the resources', 'queue', ({ text }) => text.includes('.get ingestion resources')],
    ['the identity token', 'queue', ({ text }) => text.includes('.get kusto identity token')],
    ['the submission', 'rest', ({ path, method }) => path.includes('/queued/') && method === 'POST'],
  ]
  it.each(servicePoints)('of the service, %s, leaves nothing', async (what, way, which) => {
    const { held, never } = holding([service], which)
    await using kusto = connector(way)
    const table = `Held ${what}`
    await aborted(kusto, { table, held })
    never.open()
    expect(await left()).toEqual({ blobs: [], messages: 0 })
    const { rows } = await direct.command('.show tables').rows()
    const isCreated = rows.some((row) => row.text('TableName') === table)
    expect(isCreated).toBe(!['the table schema', 'the creation of the table'].includes(what))
  })

  const storagePoints: readonly [string, 'rest' | 'queue', (request: SeenRequest) => boolean, WriteOptions][] = [
    ['a whole blob', 'rest', ({ method, comp }) => method === 'PUT' && comp === '', {}],
    ['a block', 'rest', ({ comp }) => comp === 'block', { maxBlobBytes: 40_000_000, compression: 'none' }],
    [
      'the list of blocks',
      'rest',
      ({ comp }) => comp === 'blocklist',
      { maxBlobBytes: 40_000_000, compression: 'none' },
    ],
    ['the status row', 'queue', ({ path }) => path.includes('ingestionsstatus'), {}],
    ['the message', 'queue', ({ path }) => path.endsWith('/messages'), {}],
  ]
  it.each(storagePoints)('of storage, %s, leaves nothing', async (what, way, which, options) => {
    const { held, never } = holding([...accounts, queues, tables], which)
    await using kusto = connector(way)
    await aborted(kusto, { table: `Held ${what}`, held, options })
    await expect.poll(left, { timeout: 10_000 }).toEqual({ blobs: [], messages: 0 })
    // A request that is given up closes its connection, so what is held is never carried out.
    never.open()
    await new Promise((resolve) => void setImmediate(resolve))
    await expect.poll(left, { timeout: 10_000 }).toEqual({ blobs: [], messages: 0 })
  })

  it('takes a block away that storage carries out after its blob was removed', async () => {
    const [held, late] = [gate(), gate()]
    let isHeld = false
    for (const account of accounts) {
      account.faultFor = ({ comp }) => {
        if (isHeld || comp !== 'block') return undefined
        isHeld = true
        held.open()
        return { kind: 'late', until: late.opened }
      }
    }
    await using kusto = connector('rest')
    await aborted(kusto, { table: 'Late', held, options: { maxBlobBytes: 40_000_000, compression: 'none' } })
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
    late.open()
    await expect.poll(stagedBlobs, { timeout: 10_000 }).not.toEqual([])
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  const childPoints: readonly [string, 'rest' | 'queue', (request: SeenRequest) => boolean][] = [
    ['the table schema', 'rest', ({ text }) => text.includes('.show table')],
    ['a blob', 'rest', isUpload],
    ['the submission', 'rest', ({ path, method }) => path.includes('/queued/') && method === 'POST'],
    ['the message', 'queue', ({ path }) => path.endsWith('/messages')],
  ]
  it.each(childPoints)(
    'lets a process end by itself: no socket, thread or timer is left, %s',
    async (_what, way, which) => {
      const { held } = holding([...accounts, queues, tables, service], which)
      await connector(way).close()
      const script = `
      import { KustoConnector } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
      const kusto = new KustoConnector({ cluster: ${JSON.stringify(service.origin)}, database: 'db1', ingestion: '${way}' })
      const stop = new AbortController()
      process.stdin.once('data', () => { process.stdin.destroy(); stop.abort(new Error('enough')) })
      const rows = Array.from({ length: 1000 }, (_, n) => ({ n }))
      const error = await kusto.write('HeldChild', rows, { create: 'CreateIfNotExist', signal: stop.signal }).catch((error) => error)
      await kusto.close()
      console.log(error.message)`
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { timeout: 30_000 })
      const ended = once(child, 'close')
      const out = Promise.all([textOf(child.stdout), textOf(child.stderr)])
      await Promise.race([held.opened, ended])
      child.stdin.write('stop')
      expect([await ended, await out]).toEqual([
        [0, null],
        ['enough\n', ''],
      ])
      await expect.poll(left, { timeout: 10_000 }).toEqual({ blobs: [], messages: 0 })
    },
  )

  it('ends the write although storage hangs, and what is there is removed once storage answers', async () => {
    const held = gate()
    const back = gate()
    for (const account of accounts) {
      account.faultFor = (request) => {
        // The first upload is done and its answer never comes; all that follows is held.
        if (request.method !== 'PUT' || account.seen.length > 1) return { kind: 'hold', until: back.opened }
        return (held.open(), { kind: 'lose-answer' })
      }
    }
    await using kusto = connector('rest')
    await aborted(kusto, { table: 'Hanging', held })
    back.open()
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('while the rows are awaited ends the wait only', async () => {
    await using kusto = connector('queue')
    const receipt = await kusto.write('HeldWait', batchesOf(3), SMALL)
    const { held, never } = holding([tables], ({ method }) => method === 'GET')
    const stop = new AbortController()
    const waiting = receipt.completed({ signal: stop.signal })
    await held.opened
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    never.open()
    tables.faultFor = () => undefined
    await receipt.completed({ timeoutMs: 30_000 })
    expect(await sumOf('HeldWait')).toEqual(sumTo(30_000))
  })

  function holding(
    proxies: readonly StorageProxy[],
    which: (request: SeenRequest) => boolean,
  ): { readonly held: ReturnType<typeof gate>; readonly never: ReturnType<typeof gate> } {
    const [held, never] = [gate(), gate()]
    let isHeld = false
    for (const proxy of proxies) {
      proxy.faultFor = (request) => {
        if (isHeld || !which(request)) return undefined
        isHeld = true
        held.open()
        return { kind: 'hold', until: never.opened }
      }
    }
    return { held, never }
  }

  /** Writes, aborts when the request is held, and checks that the write ends then, with the reason. */
  async function aborted(
    kusto: KustoConnector,
    given: { readonly table: string; readonly held: ReturnType<typeof gate>; readonly options?: WriteOptions },
  ): Promise<void> {
    const stop = new AbortController()
    const batches = given.options?.maxBlobBytes === undefined ? batchesOf(3) : noise()
    const settled = kusto.write(given.table, batches, { ...SMALL, ...given.options, signal: stop.signal }).then(
      () => 'done',
      (error: unknown) => error,
    )
    await Promise.race([given.held.opened, settled])
    stop.abort(new Error('enough'))
    expect(await settled).toMatchObject({ message: 'enough' })
  }

  async function left(): Promise<{ readonly blobs: readonly string[]; readonly messages: number }> {
    const queue = new QueueClient(roots('SecuredReadyForAggregationQueue')[0]!)
    const { peekedMessageItems } = await queue.peekMessages({ numberOfMessages: 32 })
    return { blobs: await stagedBlobs(), messages: peekedMessageItems.length }
  }
})

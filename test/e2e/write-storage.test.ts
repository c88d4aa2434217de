import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { ContainerClient } from '@azure/storage-blob'
import { QueueClient } from '@azure/storage-queue'
import { tableFromArrays } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, KustoIngestError } from '../../src/index.ts'
import type { IngestionStorage, WriteEvent, WriteOptions, WriteReceipt } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { gate } from './storage-proxy.ts'
import { startAzurite } from '../../src/local/storage/azurite.ts'
import type { LocalStorage } from '../../src/local/storage/azurite.ts'

/** The caller's own account; the embedded Kusto has another one for its containers and queues. */
let account: LocalStorage
let local: LocalKusto
/** By way of REST, and by way of the storage queue. */
let kusto: KustoConnector
let queue: KustoConnector
let boxes: readonly [ContainerClient, ContainerClient]

beforeAll(async () => {
  ;[account, local] = await Promise.all([startAzurite(), startLocalKusto()])
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  queue = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'queue' })
  const service = new BlobServiceClient(
    account.blobUrl,
    new StorageSharedKeyCredential(account.accountName, account.accountKey),
  )
  boxes = [service.getContainerClient('box-a'), service.getContainerClient('box-b')]
  for (const box of boxes) await box.create()
}, 90_000)

afterEach(() => local.faults.clear())

afterAll(async () => {
  await kusto?.close()
  await queue?.close()
  await Promise.all([local?.close(), account?.close()])
})

const numbers = (start: number, rows: number): RecordBatch =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) }).batches[0]!
/** 40 KB a batch, so that two go into a blob of 100 KB. */
const batchesOf = (count: number): readonly RecordBatch[] =>
  Array.from({ length: count }, (_, i) => numbers(i * 10_000, 10_000))
const SMALL = { create: 'CreateIfNotExist', maxBlobBytes: 100_000, flushImmediately: true } as const

async function bySas(box: ContainerClient, permissions = 'rcwd'): Promise<IngestionStorage> {
  const expiresOn = new Date(Date.now() + 3_600_000)
  return {
    kind: 'sas',
    url: await box.generateSasUrl({ permissions: ContainerSASPermissions.parse(permissions), expiresOn }),
  }
}

async function names(box: ContainerClient): Promise<readonly string[]> {
  const found: string[] = []
  for await (const blob of box.listBlobsFlat({ includeUncommitedBlobs: true })) found.push(blob.name)
  return found
}

async function emptyBoxes(): Promise<void> {
  for (const box of boxes) for (const name of await names(box)) await box.deleteBlob(name)
}

/** Writes, waits, and tells the events. */
async function written(
  by: KustoConnector,
  table: string,
  options: WriteOptions = {},
): Promise<{ receipt: WriteReceipt; events: readonly WriteEvent[] }> {
  const events: WriteEvent[] = []
  const onEvent = (event: WriteEvent): void => void events.push(event)
  const receipt = await by.write(table, batchesOf(5), { ...SMALL, ...options, onEvent })
  await receipt.completed({ timeoutMs: 30_000, onEvent })
  return { receipt, events }
}

describe('spark:W2 queued', () => {
  it.each(['rest', 'queue'] as const)(
    'returns after the last blob is queued, and the receipt tells the rest: %s',
    async (way) => {
      const slow = await startLocalKusto({ batchingDelayMs: 60_000 })
      try {
        await using by = new KustoConnector({ cluster: slow.cluster, database: slow.database, ingestion: way })
        const receipt = await by.write('Later', batchesOf(5), { create: 'CreateIfNotExist', maxBlobBytes: 100_000 })
        expect(receipt.outcome).toBeUndefined()
        expect(receipt.blobs).toHaveLength(3)
        if (way === 'queue') {
          expect((await receipt.status()).every(({ state }) => state === 'InProgress')).toBe(true)
          await expect(receipt.completed({ timeoutMs: 200 })).rejects.toMatchObject({
            code: 'KUSTO_POLL_TIMEOUT',
            message: expect.stringContaining('3 blobs are pending') as string,
          })
        } else {
          await receipt.completed({ timeoutMs: 30_000 })
          expect(receipt.outcome).toEqual({ rows: 50_000, blobs: 3, skippedRows: 0, skippedBlobs: 0 })
        }
      } finally {
        await slow.close()
      }
    },
    90_000,
  )

  it('never reads the queues that all clients share', async () => {
    const { rows } = await kusto.command('.get ingestion resources', { endpoint: 'ingestion' }).rows()
    const shared = rows
      .filter((row) => row.text('ResourceTypeName').endsWith('IngestionsQueue'))
      .map((row) => new QueueClient(row.text('StorageRoot')))
    expect(shared).toHaveLength(2)
    const before = await Promise.all(
      shared.map(async (each) => (await each.peekMessages({ numberOfMessages: 32 })).peekedMessageItems.length),
    )
    await written(queue, 'NotShared')
    const after = await Promise.all(
      shared.map(async (each) => (await each.peekMessages({ numberOfMessages: 32 })).peekedMessageItems.length),
    )
    expect(after).toEqual(before)
  })
})

describe('spark:W21 own ingestion storage', () => {
  const cases: readonly [string, () => Promise<IngestionStorage | readonly IngestionStorage[]>][] = [
    ['a SAS URL alone', () => bySas(boxes[0])],
    ['several containers', () => Promise.all(boxes.map((box) => bySas(box)))],
    [
      'an account key and a folder',
      () =>
        Promise.resolve({
          kind: 'account-key',
          url: account.blobUrl,
          container: 'box-a/some/folder',
          key: account.accountKey,
        }),
    ],
  ]
  for (const way of ['rest', 'queue'] as const) {
    it.each(cases)(`%s, and keeps the blobs, ${way}`, async (what, storage) => {
      await emptyBoxes()
      const table = `Own_${way}_${cases.findIndex(([each]) => each === what)}`
      const by = way === 'rest' ? kusto : queue
      const { receipt } = await written(by, table, { ingestionStorage: await storage() })
      expect(await kusto.read(table).count()).toBe(50_000)
      const kept = await Promise.all(boxes.map(names))
      expect(kept.flat()).toHaveLength(receipt.blobs.length)
      expect(kept.every((found) => found.length > 0)).toBe(what === 'several containers')
      for (const [at, box] of boxes.entries()) {
        for (const name of kept[at] ?? []) {
          const blob = receipt.blobs.find(({ url }) => decodeURIComponent(url).endsWith(name))
          const bytes = await box.getBlockBlobClient(name).downloadToBuffer()
          expect(blob).toMatchObject({
            sha256: createHash('sha256').update(bytes).digest('hex'),
            encodedBytes: bytes.length,
          })
        }
      }
      expect(JSON.stringify(receipt)).not.toMatch(/sig=|;[A-Za-z0-9+/]{40}/)
    })

    it(`deletes the blobs when asked, ${way}`, async () => {
      await emptyBoxes()
      const by = way === 'rest' ? kusto : queue
      await written(by, `Deleted_${way}`, { ingestionStorage: await bySas(boxes[0]), deleteIngestedBlobs: true })
      await expect.poll(() => names(boxes[0])).toEqual([])
    })
  }

  it('cleans up after an abort and after a failure, and tells what is left where it may not delete', async () => {
    await emptyBoxes()
    for (const permissions of ['rcwd', 'rcw']) {
      const stop = new AbortController()
      const events: WriteEvent[] = []
      const writing = kusto.write('Aborted', batchesOf(9), {
        ...SMALL,
        ingestionStorage: await bySas(boxes[0], permissions),
        signal: stop.signal,
        onEvent: (event) => {
          events.push(event)
          if (event.kind === 'blob-uploaded') stop.abort(new Error('enough'))
        },
      })
      await expect(writing).rejects.toThrow('enough')
      const removal = events.find((event) => event.kind === 'uploads-removed')
      const left = await names(boxes[0])
      if (permissions === 'rcwd') expect([left, removal]).toEqual([[], expect.objectContaining({ failed: 0 })])
      else expect(removal).toMatchObject({ removed: 0 })
    }
  })

  it('refuses a host that may see no token before the table is made', async () => {
    const storage: IngestionStorage = { kind: 'managed-identity', url: 'https://storage.example.com/box' }
    const writing = kusto.write('Untrusted', batchesOf(1), { ...SMALL, ingestionStorage: storage })
    await expect(writing).rejects.toMatchObject({ code: 'KUSTO_UNTRUSTED_HOST' })
    const { rows } = await kusto.command('.show tables').rows()
    expect(rows.some((row) => row.text('TableName') === 'Untrusted')).toBe(false)
  })

  it('shows no secret of a wrong key', async () => {
    const key = Buffer.alloc(64, 9).toString('base64')
    const storage: IngestionStorage = { kind: 'account-key', url: account.blobUrl, container: 'box-a', key }
    const error: unknown = await kusto
      .write('Wrong', batchesOf(1), { ...SMALL, ingestionStorage: storage })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_STORAGE_DENIED' })
    expect(JSON.stringify(error) + String(error)).not.toContain(key)
  })
})

describe('spark:W22 the containers of the service', () => {
  it('are used in turn', async () => {
    const { receipt } = await written(kusto, 'InTurn', { uploads: 1 })
    const containers = receipt.blobs.map(({ url }) => url.split('/').at(-2))
    expect(new Set(containers).size).toBe(2)
    for (let at = 1; at < containers.length; at++) expect(containers[at]).not.toBe(containers[at - 1])
  })
})

describe('spark:W25 a write under way', () => {
  it('is a promise with events: phases in order, sizes and totals', async () => {
    for (const by of [kusto, queue]) {
      const { receipt, events } = await written(by, 'Watched')
      const kinds = events.map(({ kind }) => kind)
      const order = ['schema-planned', 'format', 'blob-encoded', 'blob-uploaded', 'blobs-queued', 'ingestion-completed']
      const firsts = order.map((kind) => kinds.indexOf(kind as WriteEvent['kind']))
      expect(firsts).not.toContain(-1)
      expect(firsts).toEqual(firsts.toSorted((one, other) => one - other))
      const of = <K extends WriteEvent['kind']>(kind: K): readonly Extract<WriteEvent, { kind: K }>[] =>
        events.filter((event): event is Extract<WriteEvent, { kind: K }> => event.kind === kind)
      expect(new Set(of('blob-encoded').map(({ sourceId }) => sourceId))).toEqual(
        new Set(receipt.blobs.map(({ sourceId }) => sourceId)),
      )
      const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
      expect(sum(of('blob-uploaded').map(({ encodedBytes }) => encodedBytes))).toBe(receipt.encodedBytes)
      expect(of('blobs-queued').at(-1)?.total).toEqual({ blobs: 3, rows: 50_000, rawBytes: receipt.rawBytes })
      expect(of('ingestion-completed')).toMatchObject([{ succeeded: 3, skipped: 0, failed: 0 }])
      expect(events.every((event) => !('elapsedMs' in event) || event.elapsedMs >= 0)).toBe(true)
    }
  })

  it('does not lose an error when nobody has awaited it yet', async () => {
    const writing = kusto.write('NoSuchTable', batchesOf(1))
    const settled = writing.then(
      () => 'done',
      (error: unknown) => error,
    )
    expect(await settled).toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
  })
})

describe('spark:W30 the receipt', () => {
  it.each(['rest', 'queue'] as const)(
    'tells rows, bytes, blobs, operations, commands, retries and times: %s',
    async (way) => {
      const { receipt } = await written(way === 'rest' ? kusto : queue, `Told_${way}`)
      const json = receipt.toJSON()
      expect(JSON.parse(JSON.stringify(receipt))).toEqual(json)
      expect(json).toMatchObject({
        version: 2,
        mode: 'queued',
        via: way,
        rows: 50_000,
        commands: 2,
        retries: { command: 0, upload: 0, container: 0, submit: 0, status: 0 },
        outcome: { rows: 50_000, blobs: 3, skippedRows: 0, skippedBlobs: 0 },
      })
      expect(Object.keys(json.elapsedMs).toSorted()).toEqual(['encode', 'queue', 'schema', 'upload', 'wait'])
      const of = (key: 'rows' | 'rawBytes' | 'encodedBytes'): number =>
        json.blobs.reduce((sum, blob) => sum + blob[key], 0)
      expect([of('rows'), of('rawBytes'), of('encodedBytes')]).toEqual([json.rows, json.rawBytes, json.encodedBytes])
      for (const blob of json.blobs) {
        expect(blob.sha256).toMatch(/^[0-9a-f]{64}$/)
        expect(blob.url).not.toContain('?')
        expect(way === 'rest' ? blob.operationId : blob.statusTable).toMatch(/./)
      }
      expect(JSON.stringify(json)).not.toContain('sig=')
    },
  )

  it('hands on blobs that the service skipped, and says how many rows that are', async () => {
    for (const by of [kusto, queue]) {
      const table = `Skips_${by === kusto ? 'rest' : 'queue'}`
      const once: WriteOptions = { ...SMALL, ingestByTags: ['day'] }
      // Both find no such tag when they begin; the second one's blob comes when the first one's is there.
      const first = await by.write(table, batchesOf(2), once)
      const second = await by.write(table, batchesOf(2), { ...once, ingestByTags: [], additionalTags: ['x'] })
      await first.completed({ timeoutMs: 30_000 })
      await second.completed({ timeoutMs: 30_000 })
      expect(await kusto.read(table).count()).toBe(40_000)
      local.faults.set([{ match: { text: 'extents' }, action: { status: 200, body: NO_EXTENTS } }])
      const third = await by.write(table, batchesOf(2), { ...once, ingestIfNotExists: ['day'] })
      local.faults.clear()
      const events: WriteEvent[] = []
      await third.completed({ timeoutMs: 30_000, onEvent: (event) => void events.push(event) })
      expect(third.outcome).toEqual({ rows: 0, blobs: 0, skippedRows: 20_000, skippedBlobs: 1 })
      expect(events.at(-1)).toMatchObject({ kind: 'ingestion-completed', succeeded: 0, skipped: 1, failed: 0 })
      expect(await kusto.read(table).count()).toBe(40_000)
    }
  })

  it('of version 1 is read, and of a later one refused', async () => {
    const { receipt } = await written(kusto, 'Versions')
    const without = (value: object, ...names: readonly string[]): object =>
      Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
    const { blobs, ...rest } = receipt.toJSON()
    const old = {
      ...without(rest, 'commands', 'retries', 'outcome'),
      version: 1,
      blobs: blobs.map((blob) => without(blob, 'sha256')),
    }
    const again = kusto.receipt(JSON.stringify(old))
    await again.completed({ timeoutMs: 30_000 })
    expect(again.toJSON()).toMatchObject({ version: 2, commands: 0, outcome: { rows: 50_000 } })
    expect(() => kusto.receipt({ ...old, version: 3 })).toThrow(/version 1 or 2, found version 3/)
  })

  it.each(['rest', 'queue'] as const)('is completed by another process, %s', async (way) => {
    const receipt = await (way === 'rest' ? kusto : queue).write(`Child_${way}`, batchesOf(3), SMALL)
    const script = `
      import { KustoConnector } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
      const kusto = new KustoConnector({ cluster: ${JSON.stringify(local.cluster)}, database: 'db1' })
      const receipt = kusto.receipt(process.argv[1])
      await receipt.completed({ timeoutMs: 30_000 })
      console.log(JSON.stringify(receipt))
      await kusto.close()`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, JSON.stringify(receipt)])
    const ended = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect([await ended, stderr]).toEqual([[0, null], ''])
    const back = kusto.receipt(stdout)
    expect(back.outcome).toEqual({ rows: 30_000, blobs: 2, skippedRows: 0, skippedBlobs: 0 })
    expect(back.rows).toBe(receipt.rows)
  })
})

const NO_EXTENTS = {
  Tables: [
    { TableName: 'Table_0', Columns: [{ ColumnName: 'ExtentId', DataType: 'Guid', ColumnType: 'guid' }], Rows: [] },
  ],
}

describe('spark:W34 a blob that fails', () => {
  it.each(['rest', 'queue'] as const)(
    'fails the write with its status row, and the others are counted: %s',
    async (way) => {
      await emptyBoxes()
      // What is queued by message waits until its blob is spoilt.
      await using slow = await startLocalKusto({ batchingDelayMs: 2000 })
      await using writer = new KustoConnector({ cluster: slow.cluster, database: slow.database, ingestion: way })
      await writer.command('.create table OneFails (n:int)').rows()
      const { opened, open } = gate()
      let spoilt = ''
      // The first blob is spoilt before the last one is made, so before any is handed over by REST.
      async function* source(): AsyncGenerator<RecordBatch> {
        yield* batchesOf(3)
        await opened
        yield* [numbers(30_000, 10_000), numbers(40_000, 10_000)]
      }
      const receipt = await writer.write('OneFails', source(), {
        maxBlobBytes: 100_000,
        ingestionStorage: await bySas(boxes[0]),
        onEvent: (event) => {
          if (event.kind !== 'blob-uploaded' || spoilt !== '') return
          spoilt = event.sourceId
          void spoil(boxes[0], spoilt).then(open)
        },
      })
      const error: unknown = await receipt.completed({ timeoutMs: 60_000 }).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(KustoIngestError)
      const { failures, message, retryable, receipt: json } = error as KustoIngestError
      expect(failures).toMatchObject([{ sourceId: spoilt, status: 'Failed', failureStatus: 'Permanent' }])
      const blob = receipt.blobs.find(({ sourceId }) => sourceId === spoilt)
      expect(failures[0]).toMatchObject({ rows: blob?.rows, url: blob?.url })
      expect(failures[0]?.errorCode).toMatch(/^\w+_\w+$/)
      expect(failures[0]?.details).toMatch(/./)
      expect(message).toContain(`1 of 3 blobs, ${blob?.rows} of 50000 rows`)
      expect(retryable).toBe(false)
      expect(writer.receipt(json).blobs).toHaveLength(3)
      expect(await writer.read('OneFails').count()).toBe(50_000 - (blob?.rows ?? 0))
    },
    120_000,
  )
})

/** Puts something in the place of a blob that no format takes. */
async function spoil(box: ContainerClient, sourceId: string): Promise<void> {
  const name = (await names(box)).find((each) => each.includes(sourceId)) ?? ''
  await box.getBlockBlobClient(name).upload('not Parquet', 11)
}

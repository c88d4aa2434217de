import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, deleteDirectory, kql } from '../../src/index.ts'
import type { ReadEvent, ReadOptions, TransientStorage } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { startAzurite } from '../../src/local/storage/azurite.ts'
import type { LocalStorage } from '../../src/local/storage/azurite.ts'
import { downloadBlob } from '../../src/storage/read-blob.ts'
import { parseContainerUrl, blobIn } from '../../src/storage/storage-location.ts'
import { writeBlob } from '../../src/storage/write-blob.ts'

/** The caller's own account; the embedded Kusto has another one for its export containers. */
let account: LocalStorage
let local: LocalKusto
let kusto: KustoConnector
let boxes: readonly [ContainerClient, ContainerClient]

const ROWS = 5000
const numbers = kql`range n from 1 to 5000 step 1 | extend t = strcat('row ', n)`

beforeAll(async () => {
  ;[account, local] = await Promise.all([startAzurite(), startLocalKusto({ minimumSizeLimit: 1000 })])
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  const service = new BlobServiceClient(
    account.blobUrl,
    new StorageSharedKeyCredential(account.accountName, account.accountKey),
  )
  boxes = [service.getContainerClient('box-a'), service.getContainerClient('box-b')]
  for (const box of boxes) await box.create()
})

afterAll(async () => {
  await kusto?.close()
  await Promise.all([local?.close(), account?.close()])
})

const byKey = (path = 'box-a'): TransientStorage => ({
  kind: 'account-key',
  url: account.blobUrl,
  container: path,
  key: account.accountKey,
})

async function bySas(box: ContainerClient, expiresInMs = 3_600_000): Promise<string> {
  return box.generateSasUrl({
    permissions: ContainerSASPermissions.parse('rwdl'),
    expiresOn: new Date(Date.now() + expiresInMs),
  })
}

async function names(box: ContainerClient): Promise<readonly string[]> {
  const found: string[] = []
  for await (const blob of box.listBlobsFlat()) found.push(blob.name)
  return found
}

async function readNumbers(options: ReadOptions): Promise<{ sum: number; rows: number; events: readonly ReadEvent[] }> {
  const events: ReadEvent[] = []
  const read = kusto.read(numbers, {
    mode: 'distributed',
    workers: 1,
    sizeLimit: 20_000,
    ...options,
    onEvent: (event) => events.push(event),
  })
  const table = await read.table()
  let sum = 0
  for (const row of table) sum += Number(row['n'])
  return { sum, rows: table.numRows, events }
}

const all = { rows: ROWS, sum: (ROWS * (ROWS + 1)) / 2 }

describe('own storage', () => {
  it('spark:R12 takes an account key and a folder, and leaves nothing behind', async () => {
    const { events, ...read } = await readNumbers({ storage: byKey('box-a/some/folder') })
    expect(read).toEqual(all)
    const blobs = events.filter((event) => event.kind === 'blob-read')
    expect(blobs.length).toBeGreaterThan(1)
    expect(blobs.every((event) => event.verified === 'md5')).toBe(true)
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', failed: 0, removed: blobs.length })
    expect(await names(boxes[0])).toEqual([])
  })

  it('spark:R12 reports a wrong key without showing it', async () => {
    const key = Buffer.alloc(64, 9).toString('base64')
    const error: unknown = await readNumbers({ storage: { ...byKey(), key } as TransientStorage }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain(key)
  })

  it('spark:R13 takes a SAS URL alone, spreads over several containers, and spark:R22 deletes what was kept', async () => {
    const storage: readonly TransientStorage[] = [
      { kind: 'sas', url: await bySas(boxes[0]) },
      { kind: 'sas', url: await bySas(boxes[1]) },
    ]
    const { events, ...read } = await readNumbers({ storage, keepBlobs: true })
    expect(read).toEqual(all)
    const kept = await Promise.all(boxes.map(names))
    expect(kept.every((found) => found.length > 0)).toBe(true)
    const directory = kept.flat()[0]?.split('/').slice(0, 2).join('/') ?? ''
    expect(events.some((event) => event.kind === 'export-started' && event.directory.startsWith(directory))).toBe(true)

    const neighbour = boxes[0].getBlockBlobClient(`${directory}-and-more/part.parquet`)
    await neighbour.upload('x', 1)
    const total = kept.flat().length
    expect(await deleteDirectory({ storage, directory, dryRun: true })).toEqual({
      found: total,
      removed: 0,
      failures: [],
    })
    expect(await deleteDirectory({ storage, directory, olderThanMs: 3_600_000 })).toMatchObject({
      found: 0,
      removed: 0,
    })
    expect(await deleteDirectory({ storage, directory })).toEqual({ found: total, removed: total, failures: [] })
    expect((await Promise.all(boxes.map(names))).flat()).toEqual([neighbour.name])

    const again = await deleteDirectory({ storage: byKey(), directory: `/${directory}-and-more/` })
    expect(again).toEqual({ found: 1, removed: 1, failures: [] })
    const denied = await deleteDirectory({ storage: { kind: 'sas', url: await bySas(boxes[0], -60_000) }, directory })
    expect(denied.failures).toMatchObject([{ code: 'KUSTO_STORAGE_DENIED' }])
  })

  it('spark:R16 uses the containers of the service when none are given', async () => {
    const { events, ...read } = await readNumbers({})
    expect(read).toEqual(all)
    expect((await Promise.all(boxes.map(names))).flat()).toEqual([])
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', failed: 0 })
  })

  it('leaves nothing when aborted while the service exports', async () => {
    const stop = new AbortController()
    const read = kusto.read(numbers, {
      mode: 'distributed',
      sizeLimit: 20_000,
      storage: byKey(),
      signal: stop.signal,
      onEvent: ({ kind }) => {
        if (kind === 'export-started') stop.abort(new Error('enough'))
      },
    })
    await expect(read.table()).rejects.toThrow('enough')
    await expect.poll(() => names(boxes[0]), { timeout: 5000 }).toEqual([])
  })

  it('leaves nothing when aborted while blobs are read', async () => {
    const stop = new AbortController()
    const read = kusto.read(numbers, {
      mode: 'distributed',
      workers: 1,
      sizeLimit: 20_000,
      storage: byKey(),
      signal: stop.signal,
      onEvent: ({ kind }) => {
        if (kind === 'blob-read') stop.abort(new Error('enough'))
      },
    })
    await expect(read.table()).rejects.toThrow('enough')
    expect(await names(boxes[0])).toEqual([])
  })
})

describe('integrity', () => {
  it('delivers no row of a blob with one byte flipped, as the stored MD5 tells', async () => {
    await using partitions = await kusto.read(numbers, { partitions: 1, workers: 1, storage: byKey() }).partitions()
    for (const name of await names(boxes[0])) {
      const blob = boxes[0].getBlockBlobClient(name)
      const bytes = await blob.downloadToBuffer()
      const blobContentMD5 = createHash('md5').update(bytes).digest()
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      const id = Buffer.from('0').toString('base64')
      await blob.stageBlock(id, bytes, bytes.length)
      await blob.commitBlockList([id], { blobHTTPHeaders: { blobContentMD5 } })
    }
    let rows = 0
    const reading = async (): Promise<void> => {
      for (const part of partitions) for await (const batch of part) rows += batch.numRows
    }
    await expect(reading()).rejects.toMatchObject({ name: 'KustoProtocolError', code: 'KUSTO_CHECKSUM_MISMATCH' })
    expect(rows).toBe(0)
  })

  it('sends the MD5 of each block, stores that of a blob of one block, and never overwrites', async () => {
    const box = parseContainerUrl(await bySas(boxes[1]))
    const bytes = new Uint8Array(300_000).map((_, index) => index * 7)
    const one = blobIn(box, 'uploads/one block')
    expect(await writeBlob(one, [bytes.subarray(0, 100_000), bytes.subarray(100_000)])).toEqual({
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      requests: 1,
    })
    const { contentMD5 } = await boxes[1].getBlobClient('uploads/one block').getProperties()
    expect(Buffer.from(contentMD5 ?? []).toString('hex')).toBe(createHash('md5').update(bytes).digest('hex'))
    const many = blobIn(box, 'uploads/many')
    await writeBlob(many, [bytes], { blockBytes: 100_000 })
    const read = await downloadBlob(many)
    expect([Buffer.compare(read.bytes, bytes), read.verified]).toEqual([0, 'md5'])
    await expect(writeBlob(one, [bytes])).rejects.toMatchObject({ code: 'KUSTO_BLOB_EXISTS' })
    await deleteDirectory({ storage: { kind: 'sas', url: await bySas(boxes[1]) }, directory: 'uploads' })
  })
})

it('lets the process end by itself after a read', async () => {
  const index = pathToFileURL('dist/index.js').href
  const url = await bySas(boxes[0])
  const script = `void (async () => {
    const { KustoConnector, kql } = await import(${JSON.stringify(index)})
    const kusto = new KustoConnector({ cluster: ${JSON.stringify(local.cluster)}, database: ${JSON.stringify(local.database)} })
    const storage = { kind: 'sas', url: ${JSON.stringify(url)} }
    const table = await kusto.read(kql\`range n from 1 to 10 step 1\`, { mode: 'distributed', workers: 1, storage }).table()
    await kusto.close()
    process.stdout.write(table.numRows + ' ' + Date.now())
  })()`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
    timeout: 60_000,
  })
  const [rows, closedAt] = stdout.split(' ').map(Number)
  expect(rows).toBe(10)
  expect(Date.now() - (closedAt ?? 0)).toBeLessThan(4000)
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { TableClient } from '@azure/data-tables'
import { ContainerClient } from '@azure/storage-blob'
import { QueueClient } from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalStorage, STORAGE_NAMES, startAzurite } from '../../../src/local/storage/azurite.ts'
import { downloadToFile, openContainer, removeBlob, uploadFile } from '../../../src/local/storage/blob-access.ts'
import { parseStorageConnectionString } from '../../../src/local/storage/connection-string.ts'

describe('the storage of the embedded Kusto', () => {
  let storage: LocalStorage
  let folder: string
  beforeAll(async () => {
    storage = await startAzurite()
    folder = await mkdtemp(join(tmpdir(), 'storage-test-'))
  })
  afterAll(async () => {
    await storage.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('gives container, queue and table URLs whose SAS works without the key', async () => {
    const container = new ContainerClient(storage.containerSas('ingest-temp-0'))
    await container.getBlockBlobClient('a/b.txt').upload('hello', 5)
    expect((await container.getBlobClient('a/b.txt').downloadToBuffer()).toString()).toBe('hello')
    const queue = new QueueClient(storage.queueSas(STORAGE_NAMES.readyQueue))
    await queue.sendMessage('m')
    expect((await queue.receiveMessages()).receivedMessageItems).toHaveLength(1)
    const [url = '', sas = ''] = storage.tableSas(STORAGE_NAMES.statusTable).split('?')
    const table = new TableClient(`${url.slice(0, url.lastIndexOf('/'))}?${sas}`, STORAGE_NAMES.statusTable, {
      allowInsecureConnection: true,
    })
    await table.createEntity({ partitionKey: 'p', rowKey: 'r', Status: 'Pending' })
    expect((await table.getEntity('p', 'r'))['Status']).toBe('Pending')
  })

  it('uses a key nobody else knows', async () => {
    const wellKnown = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
    const location = parseStorageConnectionString(`${storage.blobUrl}/ingest-temp-0/a/b.txt;${wellKnown}`)
    await expect(downloadToFile(location, join(folder, 'x'))).rejects.toMatchObject({
      code: 'Download_Forbidden',
      permanent: true,
    })
  })

  it('downloads by account key and inflates gzip by extension', async () => {
    await writeFile(join(folder, 'in.csv.gz'), gzipSync('a,b\n'))
    const key = `;${storage.accountKey}`
    const container = openContainer(parseStorageConnectionString(`${storage.blobUrl}/export-0${key}`))
    await uploadFile(container, 'd/in.csv.gz', join(folder, 'in.csv.gz'))
    const location = parseStorageConnectionString(`${storage.blobUrl}/export-0/d/in.csv.gz${key}`)
    expect(await downloadToFile(location, join(folder, 'out.csv'))).toEqual({ bytes: 4 })
    expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe('a,b\n')
    await removeBlob(location)
    await expect(downloadToFile(location, join(folder, 'y'))).rejects.toMatchObject({
      code: 'Download_SourceNotFound',
      permanent: true,
    })
  })

  it('inflates gzip by content encoding and refuses a .gz that is none', async () => {
    const container = new ContainerClient(storage.containerSas('ingest-temp-1'))
    const zipped = gzipSync('x\n')
    await container
      .getBlockBlobClient('plain.csv')
      .upload(zipped, zipped.length, { blobHTTPHeaders: { blobContentEncoding: 'gzip' } })
    await container.getBlockBlobClient('bad.csv.gz').upload('not gzip', 8)
    const at = (name: string) =>
      parseStorageConnectionString(storage.containerSas('ingest-temp-1').replace('?', `/${name}?`))
    expect(await downloadToFile(at('plain.csv'), join(folder, 'p'))).toEqual({ bytes: 2 })
    await expect(downloadToFile(at('bad.csv.gz'), join(folder, 'q'))).rejects.toMatchObject({
      code: 'BadRequest_InvalidArchive',
    })
  })
})

it.each(['SIGKILL', 'process.exit(0)'])('ends Azurite and takes its folder when its parent ends by %s', async (end) => {
  const script = join(import.meta.dirname, '../../../dist/local/storage/azurite.js')
  const program = `
    const { startAzurite } = await import(${JSON.stringify(script)})
    process.send((await startAzurite()).blobUrl)
    process.on('message', () => process.exit(0))`
  const temporary = await mkdtemp(join(tmpdir(), 'storage-temporary-'))
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TMPDIR: temporary },
  })
  const [url] = (await once(parent, 'message')) as [string]
  expect((await fetch(url)).status).toBeGreaterThanOrEqual(400)
  expect(await readdir(temporary)).toHaveLength(1)
  if (end === 'SIGKILL') parent.kill('SIGKILL')
  else parent.send('end')
  const isUp = (): Promise<boolean> =>
    fetch(url).then(
      () => true,
      () => false,
    )
  await expect
    .poll(async () => ({ isUp: await isUp(), left: await readdir(temporary) }), { timeout: 10_000 })
    .toEqual({ isUp: false, left: [] })
  await rm(temporary, { recursive: true, force: true })
})

it('keeps blobs, and the URLs to them, in the data folder across restarts', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'storage-data-'))
  const first = await startAzurite({ dataDir })
  await new ContainerClient(first.containerSas('ingest-temp-0')).getBlockBlobClient('kept').upload('1', 1)
  await first.close()
  const second = await startAzurite({ dataDir, ports: first.ports })
  expect(await new ContainerClient(second.containerSas('ingest-temp-0')).getBlobClient('kept').exists()).toBe(true)
  // Messages that wait in the queue carry URLs with signatures of the first run.
  expect(await new ContainerClient(first.containerSas('ingest-temp-0')).getBlobClient('kept').exists()).toBe(true)
  expect((await stat(join(dataDir, 'account-key'))).mode & 0o077).toBe(0)
  await second.close()
  await writeFile(join(dataDir, 'account-key'), 'cut o')
  const third = await startAzurite({ dataDir })
  expect(await new ContainerClient(third.containerSas('ingest-temp-0')).getBlobClient('kept').exists()).toBe(true)
  await third.close()
  await rm(dataDir, { recursive: true, force: true })
})

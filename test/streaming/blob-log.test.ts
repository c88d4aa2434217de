import { BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startAzurite } from '../../src/local/storage/azurite.ts'
import type { LocalStorage } from '../../src/local/storage/azurite.ts'
import { blobLog } from '../../src/streaming/blob-log.ts'
import type { LogStore } from '../../src/streaming/log-store.ts'
import { numberedName } from '../../src/streaming/log-store.ts'

let storage: LocalStorage
let box: ContainerClient
let folder = 0
let log: LogStore

beforeAll(async () => {
  storage = await startAzurite()
  const key = new StorageSharedKeyCredential(storage.accountName, storage.accountKey)
  box = new BlobServiceClient(storage.blobUrl, key).getContainerClient('logs')
  await box.create()
}, 90_000)

beforeEach(async () => {
  log = await open(`stream-${++folder}`)
})

afterAll(() => storage?.close())

async function open(path: string): Promise<LogStore> {
  const permissions = ContainerSASPermissions.parse('rcwdl')
  const sas = await box.generateSasUrl({ permissions, expiresOn: new Date(Date.now() + 3_600_000) })
  const [url = '', query = ''] = sas.split('?')
  return blobLog({ kind: 'sas', url: `${url}/${path}`, sas: query }, { leaseSeconds: 15 })
}

const bytes = (text: string): readonly Uint8Array[] => [Buffer.from(text)]

describe('streaming:C23 a log in blobs', () => {
  it('makes objects once, also large ones, and reads, lists and removes them', async () => {
    expect(await log.create('entries/1', bytes('first'))).toBe(true)
    expect(await log.create('entries/1', bytes('second'))).toBe(false)
    expect(Buffer.from(await log.read('entries/1')).toString()).toBe('first')
    const large = Buffer.alloc(9 * 1024 * 1024, 7)
    expect(await log.create('staged/1', [large])).toBe(true)
    expect(await log.create('staged/1', [large])).toBe(false)
    expect((await log.read('staged/1')).length).toBe(large.length)
    for (const number of [10, 9, 100]) await log.create(numberedName('marks', number), bytes(''))
    expect((await log.list('marks')).map(({ name }) => Number(name.slice(6)))).toEqual([9, 10, 100])
    await log.remove('entries/1')
    await log.remove('entries/1')
    await expect(log.read('entries/1')).rejects.toMatchObject({ code: 'KUSTO_LOG_OBJECT_MISSING' })
  })

  it('streaming:T3 lets one of many who make the same object at a time be the one', async () => {
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, index) => log.create('entries/7', bytes(String(index)))),
    )
    expect(made.filter(Boolean)).toHaveLength(1)
    expect(Buffer.from(await log.read('entries/7')).toString()).toBe(String(made.indexOf(true)))
  })

  it('has one owner, whose successor shuts it out', async () => {
    const first = await log.acquire()
    expect(first.epoch).toBe(1)
    await expect(log.acquire()).rejects.toMatchObject({ code: 'KUSTO_LOG_IN_USE' })
    const second = await log.acquire({ takeOver: true })
    expect(second.epoch).toBe(2)
    await expect(first.verify()).rejects.toMatchObject({ code: 'KUSTO_LOG_FENCED' })
    await second.verify()
    await second.release()
    const third = await log.acquire()
    expect(third.epoch).toBe(3)
    await third.release()
  })

  it('streaming:T36 tells its place without the signature', () => {
    expect(log.place).not.toContain('sig')
    expect(log.isReplicated).toBe(true)
  })
})

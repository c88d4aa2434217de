import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { downloadBlob, readBlob } from '../../src/storage/read-blob.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'
import { blobServer } from './blob-server.ts'

const MIB = 1024 * 1024
const bytesOf = (length: number): Uint8Array => new Uint8Array(length).map((_, index) => (index * 31) >>> 3)
const content = bytesOf(200_000)
const large = bytesOf(20 * MIB + 123)
const at = (url: string, sas = 'sig=any'): StorageLocation => ({ url, access: { kind: 'sas', sas } })
const md5 = (bytes: Uint8Array): Uint8Array => createHash('md5').update(bytes).digest()
/** Deep equality of arrays this long takes seconds. */
const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

it('takes no byte of an answer that begins elsewhere than where the reading stopped', async () => {
  await using server = await blobServer(content, {
    rangeMd5: false,
    faults: [
      { kind: 'reset', afterBytes: 70_000 },
      { kind: 'whole', afterBytes: 50_000 },
    ],
  })
  const { bytes, verified } = await downloadBlob(at(server.url))
  expect([isEqual(bytes, content), verified]).toEqual([true, 'none'])
})

describe('a large blob', () => {
  it('comes in ranges side by side, each with its MD5', async () => {
    await using server = await blobServer(large)
    const { bytes, verified } = await downloadBlob(at(server.url), { expectedBytes: large.length })
    expect(isEqual(bytes, large)).toBe(true)
    expect(verified).toBe('md5')
    expect(server.requests.toSorted()).toEqual(
      [
        'bytes=0-4194303',
        'bytes=4194304-8388607',
        'bytes=8388608-12582911',
        'bytes=12582912-16777215',
        'bytes=16777216-20971519',
        `bytes=20971520-${large.length - 1}`,
      ].toSorted(),
    )
    expect(server.maxAtOnce()).toBeGreaterThan(1)
    expect(server.maxAtOnce()).toBeLessThanOrEqual(4)
  })

  it('takes longer ranges when the MD5 of the whole is stored with it', async () => {
    await using server = await blobServer(large, { storedMd5: md5(large) })
    const { bytes, verified } = await downloadBlob(at(server.url))
    expect([isEqual(bytes, large), verified, server.requests.length]).toEqual([true, 'md5', 4])
  })

  it('resumes each range by itself and fetches nothing twice', async () => {
    const broken = new Set<string>()
    await using server = await blobServer(large, {
      // The first answer to each range breaks after a mebibyte.
      faultFor: ({ range }) => {
        const end = range.split('-')[1] ?? ''
        // The last range is shorter than what comes before the break.
        if (broken.has(end) || end === String(large.length - 1)) return undefined
        broken.add(end)
        return { kind: 'reset', afterBytes: MIB }
      },
    })
    const offsets: number[] = []
    const { bytes, verified } = await downloadBlob(at(server.url), { onResume: ({ offset }) => offsets.push(offset) })
    expect([isEqual(bytes, large), verified]).toEqual([true, 'md5'])
    expect(offsets).toHaveLength(5)
    const ends = server.requests.map((range) => range.split('-')[1])
    expect(ends.every((end) => ends.filter((other) => other === end).length <= 2)).toBe(true)
  })

  it('does not join ranges of two versions', async () => {
    await using server = await blobServer(large, {
      faultFor: ({ count }) => (count === 3 ? { kind: 'replace' } : undefined),
    })
    await expect(downloadBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
  })

  it('ends all ranges within a second when aborted', async () => {
    await using server = await blobServer(large, {
      faultFor: ({ count }) => (count > 0 ? { kind: 'stall', afterBytes: 10 } : undefined),
    })
    const stop = new AbortController()
    const reading = downloadBlob(at(server.url), { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 300)
    await expect(reading).rejects.toThrow('enough')
  })
})

describe('integrity', () => {
  it('refuses a blob with one byte flipped on its way, by the MD5 of the range', async () => {
    await using server = await blobServer(content, [{ kind: 'flip', atByte: 123_456 }])
    await expect(readBlob(at(server.url))).rejects.toMatchObject({
      name: 'KustoProtocolError',
      code: 'KUSTO_CHECKSUM_MISMATCH',
    })
  })

  it('refuses a flipped byte in a later range of a large blob', async () => {
    await using server = await blobServer(large, {
      faultFor: ({ range }) => (range.startsWith('bytes=8388608') ? { kind: 'flip', atByte: 9_000_000 } : undefined),
    })
    await expect(readBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_CHECKSUM_MISMATCH' })
  })

  it('refuses a byte that was flipped before the blob was resumed', async () => {
    await using server = await blobServer(content, {
      faultFor: ({ count }) => (count === 0 ? { kind: 'reset', afterBytes: 1000 } : { kind: 'flip', atByte: 150_000 }),
    })
    await expect(readBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_CHECKSUM_MISMATCH' })
  })

  it('refuses a blob that is not the one whose MD5 is stored, though its ranges arrive unharmed', async () => {
    const flipped = Uint8Array.from(content)
    flipped[7] = (flipped[7] ?? 0) ^ 1
    await using server = await blobServer(flipped, { storedMd5: md5(content) })
    await expect(readBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_CHECKSUM_MISMATCH' })
  })

  it.each([
    ['gives no checksum', false, 3 + 1],
    ['refuses to give one', 'refuse', 3 + 2],
  ] as const)('says that a transfer is unverified when storage %s', async (_, rangeMd5, requests) => {
    await using server = await blobServer(large, { rangeMd5 })
    const { bytes, verified } = await downloadBlob(at(server.url))
    expect([isEqual(bytes, large), verified]).toEqual([true, 'none'])
    expect(server.requests).toHaveLength(requests)
  })
})

describe('access that ends', () => {
  const faultFor = ({ range, query }: { range: string; query: string }) =>
    query.includes('sig=old') && !range.startsWith('bytes=0-') ? ({ kind: 'status', status: 403 } as const) : undefined

  it('spark:R16 goes on with a fresh signature in the middle of a blob, asked for once', async () => {
    await using server = await blobServer(large, { faultFor })
    let asked = 0
    const renew = (): Promise<StorageLocation> => {
      asked++
      return Promise.resolve(at(server.url, 'sig=new'))
    }
    const { bytes } = await downloadBlob(at(server.url, 'sig=old'), { renew })
    expect([isEqual(bytes, large), asked]).toEqual([true, 1])
    expect(server.requests.filter((range) => range.startsWith('bytes=0-'))).toHaveLength(1)
  })

  it('spark:R16 gives up when the fresh signature is refused as well', async () => {
    await using server = await blobServer(large, { faultFor })
    let asked = 0
    const renew = (): Promise<StorageLocation> => {
      asked++
      return Promise.resolve(at(server.url, 'sig=old2'))
    }
    const reading = downloadBlob(at(server.url, 'sig=old'), { renew })
    await expect(reading).rejects.toMatchObject({ code: 'KUSTO_STORAGE_DENIED' })
    expect(asked).toBe(1)
  })
})

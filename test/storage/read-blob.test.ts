import { describe, expect, it } from 'vitest'
import { readBlob } from '../../src/storage/read-blob.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'
import { blobServer } from './blob-server.ts'

const content = new Uint8Array(200_000).map((_, index) => (index * 31) >>> 3)
const at = (url: string): StorageLocation => ({ url, access: { kind: 'sas', sas: 'sv=2025&sig=very-secret' } })

describe('readBlob', () => {
  it('reads a blob in one request when nothing breaks', async () => {
    await using server = await blobServer(content)
    expect(await readBlob(at(server.url))).toEqual(content)
    expect(server.requests).toHaveLength(1)
  })

  it('resumes where the connection was reset, twice', async () => {
    await using server = await blobServer(content, [
      { kind: 'reset', afterBytes: 70_000 },
      { kind: 'reset', afterBytes: 50_000 },
    ])
    const offsets: number[] = []
    expect(await readBlob(at(server.url), { onResume: ({ offset }) => offsets.push(offset) })).toEqual(content)
    expect(offsets).toHaveLength(2)
    expect(offsets[1]).toBeGreaterThan(offsets[0] ?? Infinity)
    expect(server.requests[1]).toBe(`bytes=${offsets[0]}-199999`)
  })

  it('resumes a body that stalls', async () => {
    await using server = await blobServer(content, [{ kind: 'stall', afterBytes: 100_000 }])
    expect(await readBlob(at(server.url), { idleTimeoutMs: 150 })).toEqual(content)
    expect(server.requests).toHaveLength(2)
  })

  it('never joins two versions of a blob', async () => {
    await using server = await blobServer(content, [{ kind: 'reset', afterBytes: 70_000 }, { kind: 'replace' }])
    await expect(readBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
  })

  it('gives up after the last resume and says where it stopped', async () => {
    await using server = await blobServer(content, Array.from({ length: 3 }, () => ({ kind: 'reset', afterBytes: 10_000 })))
    await expect(readBlob(at(server.url), { maxResumes: 2 })).rejects.toMatchObject({
      code: 'KUSTO_BLOB_UNREADABLE',
      message: expect.stringMatching(/stopped at byte \d+ after 3 attempts/),
    })
  })

  it.each([
    [404, 'KUSTO_BLOB_NOT_FOUND'],
    [403, 'KUSTO_STORAGE_DENIED'],
  ])('does not retry status %i, and keeps the signature out of the error', async (status, code) => {
    await using server = await blobServer(content, [{ kind: 'status', status }])
    const error: unknown = await readBlob(at(server.url)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code })
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('secret')
    expect(server.requests).toHaveLength(1)
  })

  it('refuses a blob of another length than the export said', async () => {
    await using server = await blobServer(content)
    await expect(readBlob(at(server.url), { expectedBytes: 1 })).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
  })

  it('stops within a second when aborted in the middle of a stalled body', async () => {
    await using server = await blobServer(content, [{ kind: 'stall', afterBytes: 1000 }])
    const stop = new AbortController()
    const reading = readBlob(at(server.url), { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 50)
    await expect(reading).rejects.toThrow('enough')
  })
})

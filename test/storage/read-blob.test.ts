import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readBlob } from '../../src/storage/read-blob.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'
import { blobServer } from './blob-server.ts'

const content = new Uint8Array(200_000).map((_, index) => (index * 31) >>> 3)
const at = (url: string): StorageLocation => ({ url, access: { kind: 'sas', sas: 'sv=2025&sig=very-secret' } })
/** Deep equality of arrays this long takes seconds. */
const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

describe('readBlob', () => {
  it('reads a blob in one request when nothing breaks', async () => {
    await using server = await blobServer(content)
    expect(isEqual(await readBlob(at(server.url)), content)).toBe(true)
    expect(server.requests).toHaveLength(1)
  })

  it('resumes where the connection was reset, twice', async () => {
    await using server = await blobServer(content, [
      { kind: 'reset', afterBytes: 70_000 },
      { kind: 'reset', afterBytes: 50_000 },
    ])
    const offsets: number[] = []
    const read = await readBlob(at(server.url), { onResume: ({ offset }) => offsets.push(offset) })
    expect(isEqual(read, content)).toBe(true)
    expect(offsets).toHaveLength(2)
    expect(offsets[1]).toBeGreaterThan(offsets[0] ?? Infinity)
    expect(server.requests[1]).toBe(`bytes=${offsets[0]}-199999`)
  })

  it.each(['stall', 'truncate'] as const)('resumes a body after a %s', async (kind) => {
    await using server = await blobServer(content, [{ kind, afterBytes: 100_000 }])
    expect(isEqual(await readBlob(at(server.url), { idleTimeoutMs: 150 }), content)).toBe(true)
    expect(server.requests).toHaveLength(2)
  })

  it('breaks off an answer whose headers never come', async () => {
    await using server = await blobServer(content, [{ kind: 'stall', afterBytes: 0 }])
    expect(isEqual(await readBlob(at(server.url), { idleTimeoutMs: 150 }), content)).toBe(true)
  })

  it.each([429, 503, 500, 408])('asks again after status %i, no sooner than Retry-After says', async (status) => {
    await using server = await blobServer(content, [{ kind: 'status', status, retryAfter: '1' }])
    const startedAt = performance.now()
    expect(isEqual(await readBlob(at(server.url)), content)).toBe(true)
    expect(performance.now() - startedAt).toBeGreaterThan(990)
  })

  it('gives the error at once when storage wants a rest of an hour', async () => {
    await using server = await blobServer(content, [{ kind: 'status', status: 503, retryAfter: '3600' }])
    await expect(readBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_BLOB_UNREADABLE', retryable: true })
  })

  it('never joins two versions of a blob', async () => {
    await using server = await blobServer(content, [{ kind: 'reset', afterBytes: 70_000 }, { kind: 'replace' }])
    await expect(readBlob(at(server.url))).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
  })

  it('refuses another version than the expected one', async () => {
    await using server = await blobServer(content)
    const reading = readBlob(at(server.url), { expectedEtag: '"0x9"' })
    await expect(reading).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
  })

  it('gives up after the last resume and says where it stopped', async () => {
    await using server = await blobServer(
      content,
      Array.from({ length: 3 }, () => ({ kind: 'reset', afterBytes: 10_000 })),
    )
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
    expect(secretsOf(error)).toBe(false)
    expect(server.requests).toHaveLength(1)
  })

  it('keeps the signature out of causes and resume reasons', async () => {
    await using server = await blobServer(content, [
      { kind: 'status', status: 500 },
      { kind: 'status', status: 500 },
    ])
    const reasons: unknown[] = []
    const reading = readBlob(at(server.url), { maxResumes: 1, onResume: ({ reason }) => reasons.push(reason) })
    const error: unknown = await reading.catch((reason: unknown) => reason)
    expect(reasons).toHaveLength(1)
    expect([error, (error as Error).cause, ...reasons].some(secretsOf)).toBe(false)
  })

  it('refuses a blob of another length than the export said', async () => {
    await using server = await blobServer(content)
    await expect(readBlob(at(server.url), { expectedBytes: 1 })).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
    await using empty = await blobServer(new Uint8Array(0))
    await expect(readBlob(at(empty.url), { expectedBytes: 1 })).rejects.toMatchObject({ code: 'KUSTO_BLOB_CHANGED' })
    expect(await readBlob(at(empty.url))).toHaveLength(0)
  })

  it('stops within a second when aborted in the middle of a stalled body', async () => {
    await using server = await blobServer(content, [{ kind: 'stall', afterBytes: 1000 }])
    const stop = new AbortController()
    const reading = readBlob(at(server.url), { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 50)
    await expect(reading).rejects.toThrow('enough')
  })
})

/** Whether the test's signature is anywhere in the error, hidden properties included. */
function secretsOf(error: unknown): boolean {
  return inspect(error, { depth: 10, showHidden: true }).includes('very-secret')
}

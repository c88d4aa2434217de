import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RetryNotice } from '../../src/base/retry.ts'
import { KustoNetworkError } from '../../src/errors.ts'
import { removeBlobs } from '../../src/storage/remove-blobs.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'
import { writeBlob } from '../../src/storage/write-blob.ts'
import type { WriteBlobOptions } from '../../src/storage/write-blob.ts'
import { gate } from '../e2e/storage-proxy.ts'
import { uploadServer } from './upload-server.ts'
import type { UploadFault, UploadRequest, UploadServer } from './upload-server.ts'

const QUICK: WriteBlobOptions = {
  blockBytes: 1000,
  retry: { maxAttempts: 3, firstDelayMs: 1, factor: 1, maxDelayMs: 1 },
}
const bytesOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * 7) & 255))
const place = (server: UploadServer, name = 'blob'): StorageLocation => ({
  url: `${server.url}/box/${name}`,
  access: { kind: 'sas', sas: 'sig=secret' },
})
const PATH = '/account/box/blob'
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const once =
  (
    fault: UploadFault,
    which: (request: UploadRequest) => boolean,
  ): ((request: UploadRequest) => UploadFault | undefined) =>
  (request) => {
    if (!which(request)) return undefined
    which = () => false
    return fault
  }

describe('an upload', () => {
  it('sends what is less than a block in one request, and more in blocks that are committed once', async () => {
    await using server = await uploadServer()
    const small = bytesOf(999)
    expect(await writeBlob(place(server, 'small'), [small.subarray(0, 500), small.subarray(500)], QUICK)).toEqual({
      bytes: 999,
      sha256: sha256(small),
      requests: 1,
    })
    expect(server.requests.map(({ comp }) => comp)).toEqual([''])
    const large = bytesOf(2500)
    expect(await writeBlob(place(server), [large], QUICK)).toEqual({ bytes: 2500, sha256: sha256(large), requests: 4 })
    expect(
      server.requests
        .slice(1)
        .map(({ comp }) => comp)
        .toSorted(),
    ).toEqual(['block', 'block', 'block', 'blocklist'])
    expect(server.blobs.get(PATH)?.equals(large)).toBe(true)
  })

  it('puts every cut of the bytes together again', async () => {
    await using server = await uploadServer()
    let n = 0
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 50 }), async (parts, blockBytes) => {
        const name = `part-${n++}`
        const written = await writeBlob(place(server, name), parts, { ...QUICK, blockBytes })
        const whole = Buffer.concat(parts)
        expect(written).toMatchObject({ bytes: whole.length, sha256: sha256(whole) })
        expect(server.blobs.get(`/account/box/${name}`)?.equals(whole)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('uses the memory of blocks again only after they arrived, whatever fails', async () => {
    await using server = await uploadServer()
    const faults: readonly UploadFault[] = [{ kind: 'reset' }, { kind: 'lose-answer' }, { kind: 'flip' }]
    // The first request of every third block; were it every third request, one block could have all of them.
    const seen = new Set<string>()
    server.faultFor = ({ comp, query }) => {
      if (comp !== 'block' || seen.has(query)) return undefined
      seen.add(query)
      return seen.size % 3 === 1 ? faults[((seen.size - 1) / 3) % faults.length] : undefined
    }
    const parts = Array.from({ length: 120 }, (_, at) => bytesOf(300).fill(at + 1))
    const whole = Buffer.concat(parts)
    const retry = { maxAttempts: 10, firstDelayMs: 1, factor: 1, maxDelayMs: 1 }
    const written = await writeBlob(place(server), parts, { ...QUICK, concurrency: 2, retry })
    expect(written).toMatchObject({ bytes: whole.length, sha256: sha256(whole) })
    expect(server.blobs.get(PATH)?.equals(whole)).toBe(true)
    expect(server.requests.filter(({ comp }) => comp === 'block')).toHaveLength(48)
  })

  it('has some blocks under way at once and no more', async () => {
    await using server = await uploadServer()
    let open: () => void = () => undefined
    const until = new Promise<void>((resolve) => (open = resolve))
    server.faultFor = () => ({ kind: 'hold', until })
    const writing = writeBlob(place(server), [bytesOf(20_000)], { ...QUICK, concurrency: 3 })
    await expect.poll(server.maxAtOnce).toBe(3)
    open()
    await writing
    expect(server.maxAtOnce()).toBe(3)
  })

  it('starts to send while chunks are still made', async () => {
    await using server = await uploadServer()
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield bytesOf(1000)
      await expect.poll(() => server.requests.length).toBe(1)
      yield bytesOf(500)
    }
    await writeBlob(place(server), chunks(), QUICK)
    expect(server.blobs.get(PATH)?.length).toBe(1500)
  })

  const failures: readonly [string, UploadFault][] = [
    ['a busy server', { kind: 'status', status: 503, code: 'ServerBusy' }],
    ['a timeout of storage', { kind: 'status', status: 500, code: 'OperationTimedOut' }],
    ['a broken connection', { kind: 'reset' }],
    ['a lost answer', { kind: 'lose-answer' }],
    ['a damaged body', { kind: 'flip' }],
  ]
  // The SDK sends the list of blocks without checksum.
  const faults = failures.flatMap(([what, fault]) =>
    (fault.kind === 'flip' ? ['', 'block'] : ['', 'block', 'blocklist']).map((comp) => [what, comp, fault] as const),
  )

  it.each(faults)('comes through %s, request %j', async (_what, comp, fault) => {
    await using server = await uploadServer()
    const whole = bytesOf(comp === '' ? 800 : 2500)
    const notices: RetryNotice[] = []
    server.faultFor = once(fault, (request) => request.comp === comp)
    const written = await writeBlob(place(server), [whole], {
      ...QUICK,
      onRetry: (notice) => void notices.push(notice),
    })
    expect(written).toMatchObject({ bytes: whole.length, sha256: sha256(whole) })
    expect(server.blobs.get(PATH)?.equals(whole)).toBe(true)
    expect(notices).toHaveLength(1)
  })

  it('waits as long as Retry-After says before the next try', async () => {
    await using server = await uploadServer()
    const fault: UploadFault = { kind: 'status', status: 503, retryAfter: '1' }
    server.faultFor = once(fault, () => true)
    const notices: RetryNotice[] = []
    await writeBlob(place(server), [bytesOf(10)], { ...QUICK, onRetry: (notice) => void notices.push(notice) })
    expect(notices.map(({ delayMs }) => Math.floor(delayMs / 1000))).toEqual([1])
  })

  it('does not wait for an answer that never comes', async () => {
    await using server = await uploadServer()
    server.faultFor = once({ kind: 'stall' }, () => true)
    await writeBlob(place(server), [bytesOf(10)], { ...QUICK, limitMs: 50 })
    expect(server.requests).toHaveLength(2)
    server.faultFor = () => ({ kind: 'stall' })
    await expect(writeBlob(place(server, 'b'), [bytesOf(10)], { ...QUICK, limitMs: 50 })).rejects.toMatchObject({
      code: 'KUSTO_STORAGE_FAILED',
      retryable: true,
    })
  })

  it('never overwrites a blob of somebody else', async () => {
    await using server = await uploadServer()
    await writeBlob(place(server), [bytesOf(10)], QUICK)
    // The same bytes are no proof either.
    for (const size of [10, 20, 3000]) {
      await expect(writeBlob(place(server), [bytesOf(size)], QUICK)).rejects.toMatchObject({
        code: 'KUSTO_BLOB_EXISTS',
      })
    }
    expect(server.blobs.get(PATH)?.length).toBe(10)
  })

  it('fails with every cause when several blocks fail at once, and shows no signature', async () => {
    await using server = await uploadServer()
    let held = 0
    server.faultFor = ({ comp }) =>
      comp === 'block' ? { kind: 'status', status: 403, code: `Refused${held++}` } : undefined
    const error: unknown = await writeBlob(place(server), [bytesOf(4000)], QUICK).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: expect.stringMatching(/KUSTO_STORAGE_(DENIED|FAILED)/) })
    const { cause } = error as Error
    const causes = cause instanceof AggregateError ? cause.errors : [error]
    expect(causes.length).toBeGreaterThan(0)
    expect(JSON.stringify(causes.map(String))).not.toContain('secret')
    expect(server.blobs.size).toBe(0)
  })

  it('stops the other blocks when one fails for good', async () => {
    await using server = await uploadServer()
    server.faultFor = ({ count }) => (count === 0 ? { kind: 'status', status: 403 } : { kind: 'stall' })
    await expect(writeBlob(place(server), [bytesOf(9000)], { ...QUICK, limitMs: 60_000 })).rejects.toMatchObject({
      code: 'KUSTO_STORAGE_DENIED',
    })
    expect(server.requests.length).toBeLessThanOrEqual(5)
  })

  it('ends at once on abort, with its reason', async () => {
    await using server = await uploadServer()
    const stop = new AbortController()
    server.faultFor = () => {
      stop.abort(new Error('enough'))
      return { kind: 'stall' }
    }
    await expect(writeBlob(place(server), [bytesOf(9000)], { ...QUICK, signal: stop.signal })).rejects.toThrow('enough')
  })

  it('goes on with the reason of a source that fails', async () => {
    await using server = await uploadServer()
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield bytesOf(1500)
      throw new KustoNetworkError('KUSTO_TEST', 'source')
    }
    await expect(writeBlob(place(server), chunks(), QUICK)).rejects.toThrow('source')
    expect(server.blobs.size).toBe(0)
  })
})

describe('a removal', () => {
  it('drops blocks that were never committed, where asked, and blobs in any case', async () => {
    await using server = await uploadServer()
    server.faultFor = ({ comp }) => (comp === 'blocklist' ? { kind: 'status', status: 400 } : undefined)
    await expect(writeBlob(place(server), [bytesOf(2500)], QUICK)).rejects.toMatchObject({
      code: 'KUSTO_STORAGE_FAILED',
    })
    expect(server.staged.get(PATH)?.size).toBe(3)
    expect(await removeBlobs([place(server)])).toEqual({ removed: 1, failures: [] })
    expect(server.staged.get(PATH)?.size).toBe(3)
    expect(await removeBlobs([place(server)], { uncommitted: true })).toEqual({ removed: 1, failures: [] })
    expect([server.staged.size, server.blobs.size]).toEqual([0, 0])
    await writeBlob(place(server), [bytesOf(10)], QUICK)
    expect(await removeBlobs([place(server)])).toEqual({ removed: 1, failures: [] })
    expect(server.blobs.size).toBe(0)
  })

  it('takes the blob of an upload that was given up and came through after all', async () => {
    await using server = await uploadServer()
    const { opened, open } = gate()
    const late = onFirst(
      server,
      ({ method }) => method === 'DELETE',
      async () => {
        const outcome = await outcomeOf(writeBlob(place(server), [bytesOf(10)], QUICK))
        open()
        return outcome
      },
      { kind: 'hold', until: opened },
    )
    expect(await removeBlobs([place(server)], { uncommitted: true })).toEqual({ removed: 1, failures: [] })
    expect(await late).toBe('written')
    expect(server.blobs.size).toBe(0)
  })

  it('keeps an upload that was given up from coming through a little later', async () => {
    await using server = await uploadServer()
    const late = onFirst(
      server,
      ({ method, bytes }) => method === 'PUT' && bytes === 0,
      async () => {
        await delay(50)
        return outcomeOf(writeBlob(place(server), [bytesOf(10)], QUICK))
      },
    )
    expect(await removeBlobs([place(server)], { uncommitted: true })).toEqual({ removed: 1, failures: [] })
    expect(await late).toBe('KUSTO_BLOB_EXISTS')
    expect(server.blobs.size).toBe(0)
  })
})

const outcomeOf = (write: Promise<unknown>): Promise<string> =>
  write.then(
    () => 'written',
    (error: KustoNetworkError) => error.code,
  )

/** Does the work when the first such request has come, and gives it the fault. */
function onFirst(
  server: UploadServer,
  which: (request: UploadRequest) => boolean,
  work: () => Promise<string>,
  fault?: UploadFault,
): Promise<string> {
  return new Promise((resolve) => {
    server.faultFor = (request) => {
      if (!which(request)) return undefined
      server.faultFor = () => undefined
      setImmediate(() => resolve(work()))
      return fault
    }
  })
}

import { describe, expect, it } from 'vitest'
import type { RetryNotice } from '../../src/base/retry.ts'
import { KustoNetworkError, KustoProtocolError, KustoServiceError } from '../../src/errors.ts'
import type { BlobState, BlobStatus } from '../../src/sink/ingestion-service.ts'
import type { ReceiptBlob } from '../../src/sink/receipt-json.ts'
import { waitForBlobs } from '../../src/sink/wait-for-blobs.ts'
import type { WaitForBlobsOptions } from '../../src/sink/wait-for-blobs.ts'
import type { WriteEvent } from '../../src/sink/write-events.ts'

const blob = (sourceId: string): ReceiptBlob => ({ sourceId, url: '', rows: 1, rawBytes: 1, encodedBytes: 1 })
const BLOBS = ['a', 'b', 'c'].map(blob)
const state = (sourceId: string, of: BlobState): BlobStatus => ({ sourceId, state: of, errorCode: '', details: '' })

interface Watched {
  readonly options: WaitForBlobsOptions
  /** The blobs of each question. */
  readonly asked: string[][]
  readonly waits: number[]
  readonly notices: RetryNotice[]
  readonly events: WriteEvent[]
}

function watched(answer: (round: number) => readonly BlobStatus[] | Error, timeoutMs = 60_000): Watched {
  const asked: string[][] = []
  const waits: number[] = []
  const notices: RetryNotice[] = []
  const events: WriteEvent[] = []
  const options: WaitForBlobsOptions = {
    table: 'T',
    timeoutMs,
    signal: undefined,
    onEvent: (event) => void events.push(event),
    tellRetry: (notice) => void notices.push(notice),
    ask: (blobs) => {
      asked.push(blobs.map(({ sourceId }) => sourceId))
      const given = answer(asked.length)
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given)
    },
    sleep: (delayMs) => {
      waits.push(delayMs)
      return Promise.resolve()
    },
  }
  return { options, asked, waits, notices, events }
}

const unreachable = new KustoNetworkError('KUSTO_CONNECTION_FAILED', 'no answer', { retryable: true })

describe('spark:W34 waiting for blobs', () => {
  it('asks only after those that are open, in growing waits, and counts the ways they end', async () => {
    const { options, asked, waits, events } = watched((round) =>
      round === 1
        ? [state('a', 'Succeeded'), state('b', 'InProgress'), state('c', 'Queued')]
        : round === 2
          ? [state('b', 'Skipped'), state('c', 'InProgress')]
          : [state('c', 'PartiallySucceeded')],
    )
    const ended = await waitForBlobs(BLOBS, options)
    expect(ended.map(({ status }) => status.state)).toEqual(['Succeeded', 'Skipped', 'PartiallySucceeded'])
    expect(asked).toEqual([['a', 'b', 'c'], ['b', 'c'], ['c']])
    expect(waits.every((delayMs, at) => delayMs >= 250 * 1.5 ** at && delayMs <= 500 * 1.5 ** at)).toBe(true)
    expect(events).toMatchObject([
      { succeeded: 1, skipped: 0, failed: 0, pending: 2 },
      { succeeded: 1, skipped: 1, failed: 0, pending: 1 },
    ])
  })

  it('outlasts answers that do not come, four in a row', async () => {
    const all = BLOBS.map(({ sourceId }) => state(sourceId, 'Succeeded'))
    const notYet = new KustoServiceError('BadRequest_EntityNotFound', 'not known yet', { status: 404 })
    const leftOut = new KustoProtocolError('KUSTO_STATUS_NOT_FOUND', 'the service does not know the blob')
    const misses = [unreachable, notYet, leftOut, unreachable]
    const { options, notices } = watched((round) => misses[round - 1] ?? all)
    expect(await waitForBlobs(BLOBS, options)).toHaveLength(3)
    expect(notices.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
  })

  it('fails with the fifth failure in a row, and at once with one that no other answer can mend', async () => {
    const hopeless = watched(() => unreachable)
    await expect(waitForBlobs(BLOBS, hopeless.options)).rejects.toBe(unreachable)
    expect(hopeless.asked).toHaveLength(5)
    const refused = new KustoServiceError('Forbidden', 'no', { status: 403 })
    const denied = watched(() => refused)
    await expect(waitForBlobs(BLOBS, denied.options)).rejects.toBe(refused)
    expect(denied.asked).toHaveLength(1)
  })

  it('has one deadline for all blobs, also for a question without answer', async () => {
    const { options } = watched(() => [], 30)
    const hanging: WaitForBlobsOptions = {
      ...options,
      ask: (_blobs, { signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
    }
    await expect(waitForBlobs(BLOBS, hanging)).rejects.toMatchObject({
      code: 'KUSTO_POLL_TIMEOUT',
      message: 'the ingestion into T did not finish within 30 ms, 3 blobs are pending',
    })
  })
})

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KustoNetworkError, KustoServiceError } from '../../src/errors.ts'
import { delayBoundMs, retry, type RetryNotice, type RetryPolicy } from '../../src/base/retry.ts'

const POLICY: RetryPolicy = { maxAttempts: 4, firstDelayMs: 1_000, factor: 2, maxDelayMs: 3_000 }
const reset = (): KustoNetworkError => new KustoNetworkError('X', 'reset', { retryable: true })

/** Time that passes only by sleeping. */
function fakeTime(): { waits: number[]; sleep: (ms: number) => Promise<void>; now: () => number } {
  const waits: number[] = []
  let nowMs = 0
  return { waits, now: () => nowMs, sleep: async (ms) => void ((nowMs += ms), waits.push(ms)) }
}

describe('retry', () => {
  test('a retryable failure is repeated until it succeeds, with the bounds of the policy', async () => {
    const time = fakeTime()
    const notices: RetryNotice[] = []
    let calls = 0
    const value = await retry(
      async (attempt) => {
        calls++
        if (attempt < 4) throw reset()
        return 'done'
      },
      { policy: POLICY, ...time, random: () => 1, onRetry: (notice) => notices.push(notice) },
    )
    expect([value, calls, time.waits]).toEqual(['done', 4, [1_000, 2_000, 3_000]])
    expect(notices.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })

  test('the last error goes through as the same object when the attempts are used up', async () => {
    const last = reset()
    const run = retry(async (attempt) => Promise.reject(attempt === 4 ? last : reset()), {
      policy: POLICY,
      ...fakeTime(),
    })
    await expect(run).rejects.toBe(last)
  })

  test('a failure that is not retryable is tried once, and so is a foreign error', async () => {
    for (const error of [new KustoNetworkError('X', 'no'), new Error('foreign')]) {
      let calls = 0
      const run = retry(async () => Promise.reject((calls++, error)), { policy: POLICY, ...fakeTime() })
      await expect(run).rejects.toBe(error)
      expect(calls).toBe(1)
    }
  })

  test('Retry-After is waited for in full, with jitter on top', async () => {
    const time = fakeTime()
    const throttled = new KustoServiceError('T', 'slow', { status: 429, retryable: true, retryAfterMs: 7_000 })
    let calls = 0
    await retry(async () => (calls++ === 0 ? Promise.reject(throttled) : 1), {
      policy: POLICY,
      ...time,
      random: () => 0.5,
    })
    expect(time.waits).toEqual([7_500])
  })

  test('a Retry-After longer than the caller would wait is not begun', async () => {
    const time = fakeTime()
    const throttled = new KustoServiceError('T', 'slow', { status: 429, retryable: true, retryAfterMs: 3_600_000 })
    await expect(retry(async () => Promise.reject(throttled), { policy: POLICY, ...time })).rejects.toBe(throttled)
    expect(time.waits).toEqual([])
  })

  test('no wait crosses the deadline', async () => {
    const time = fakeTime()
    let calls = 0
    const run = retry(async () => Promise.reject((calls++, reset())), {
      policy: POLICY,
      ...time,
      random: () => 1,
      deadlineMs: 2_500,
    })
    await expect(run).rejects.toThrow('reset')
    expect([calls, time.waits]).toEqual([2, [1_000]])
  })

  test('an abort during the wait gives the reason, not the failure, and starts nothing more', async () => {
    const stop = new AbortController()
    const reason = new Error('stop')
    let calls = 0
    const run = retry(async () => Promise.reject((calls++, reset())), {
      policy: { ...POLICY, firstDelayMs: 60_000, maxDelayMs: 60_000 },
      signal: stop.signal,
      random: () => 1,
      onRetry: () => setImmediate(() => stop.abort(reason)),
    })
    await expect(run).rejects.toBe(reason)
    expect(calls).toBe(1)
  })

  test('jittered delays stay between nothing and the bound', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (random) => {
        const time = fakeTime()
        await expect(
          retry(async () => Promise.reject(reset()), { policy: POLICY, ...time, random: () => random }),
        ).rejects.toThrow()
        expect(time.waits.every((ms, at) => ms >= 0 && ms <= delayBoundMs(at + 1, POLICY))).toBe(true)
      }),
    )
  })
})

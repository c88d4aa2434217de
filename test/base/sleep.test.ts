import { describe, expect, test } from 'vitest'
import { sleep } from '../../src/base/sleep.ts'

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

describe('sleep', () => {
  test('an abort during the wait settles it at once with the very reason and leaves no timer', async () => {
    const before = timers()
    const stop = new AbortController()
    const reason = { why: 'not an error' }
    const startMs = performance.now()
    const waiting = sleep(60_000, stop.signal)
    expect(timers()).toBe(before + 1)
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(performance.now() - startMs).toBeLessThan(1_000)
    expect(timers()).toBe(before)
  })

  test('an abort before the wait starts no timer', async () => {
    const before = timers()
    const reason = new Error('gone')
    await expect(sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(timers()).toBe(before)
  })

  test('a delay beyond 31 bits waits instead of firing at once', async () => {
    const stop = new AbortController()
    let settled = false
    const waiting = sleep(2 ** 40, stop.signal).finally(() => (settled = true))
    await new Promise((resolve) => setImmediate(resolve))
    await sleep(5)
    expect(settled).toBe(false)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
})

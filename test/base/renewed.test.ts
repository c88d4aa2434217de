import { describe, expect, it, vi } from 'vitest'
import { Renewed } from '../../src/base/renewed.ts'
import type { RenewedOptions } from '../../src/base/renewed.ts'

class Clock {
  ms = 0
  readonly now = (): number => this.ms
}

/** Gives 1, 2, 3, ... and fails where told. */
function counted(
  clock: Clock,
  options: Partial<RenewedOptions<number>> = {},
): { value: Renewed<number>; asked: () => number; failing: { on: boolean }; stale: unknown[] } {
  let asked = 0
  const failing = { on: false }
  const stale: unknown[] = []
  const value = new Renewed(
    () => {
      asked++
      return failing.on ? Promise.reject(new Error('no answer')) : Promise.resolve(asked)
    },
    { maxAgeMs: 1000, timeoutMs: 100, now: clock.now, onStale: (error) => void stale.push(error), ...options },
  )
  return { value, asked: () => asked, failing, stale }
}

describe('a renewed value', () => {
  it('is fetched once for all who ask at a time, and again at its age', async () => {
    const clock = new Clock()
    const { value, asked } = counted(clock)
    expect(await Promise.all([value.get(), value.get(), value.get()])).toEqual([1, 1, 1])
    clock.ms = 999
    expect(await value.get()).toBe(1)
    clock.ms = 1000
    expect(await Promise.all([value.get(), value.get()])).toEqual([2, 2])
    expect(asked()).toBe(2)
  })

  it('is fetched before its life ends, by the margin, or at half of a short life', async () => {
    for (const [lifeMs, renewedAtMs] of [
      [500, 400],
      [120, 60],
    ] as const) {
      const clock = new Clock()
      const { value } = counted(clock, { lifeMs: () => lifeMs, marginMs: 100 })
      await value.get()
      clock.ms = renewedAtMs - 1
      expect(await value.get()).toBe(1)
      clock.ms = renewedAtMs
      expect(await value.get()).toBe(2)
    }
  })

  it('serves on while its renewal fails, is not asked for again at once, and fails when its life is over', async () => {
    const clock = new Clock()
    const { value, asked, failing, stale } = counted(clock, { lifeMs: () => 5000, marginMs: 0, retryAfterMs: 100 })
    await value.get()
    failing.on = true
    clock.ms = 1000
    expect(await value.get()).toBe(1)
    clock.ms = 1099
    expect(await value.get()).toBe(1)
    expect([asked(), stale.length]).toEqual([2, 1])
    clock.ms = 1100
    expect(await value.get()).toBe(1)
    expect(asked()).toBe(3)
    clock.ms = 5000
    await expect(value.get()).rejects.toThrow('no answer')
    failing.on = false
    expect(await value.get()).toBe(5)
  })

  it('serves on while its renewal hangs, and is the new one once that has come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const clock = new Clock()
      const answers: ((value: number) => void)[] = []
      const fetch = (): Promise<number> => new Promise((resolve) => answers.push(resolve))
      const value = new Renewed(fetch, { maxAgeMs: 1000, timeoutMs: 120_000, now: clock.now })
      const first = value.get()
      answers[0]?.(1)
      expect(await first).toBe(1)
      clock.ms = 1000
      const second = value.get()
      await vi.advanceTimersByTimeAsync(5_000)
      expect(await Promise.race([second, Promise.resolve('waits')])).toBe(1)
      expect(await value.get()).toBe(1)
      answers[1]?.(2)
      await vi.advanceTimersByTimeAsync(0)
      expect([await value.get(), answers.length]).toEqual([2, 2])
    } finally {
      vi.useRealTimers()
    }
  })

  it('is waited for where the old one ends before the patience of those who wait', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const clock = new Clock()
      const answers: ((value: number) => void)[] = []
      const fetch = (): Promise<number> => new Promise((resolve) => answers.push(resolve))
      const options = { maxAgeMs: 1000, lifeMs: () => 4000, timeoutMs: 120_000, now: clock.now }
      const value = new Renewed(fetch, options)
      const first = value.get()
      answers[0]?.(1)
      await first
      clock.ms = 3000
      const second = value.get()
      clock.ms = 8100
      await vi.advanceTimersByTimeAsync(5_100)
      answers[1]?.(2)
      expect(await second).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not serve once it is forgotten', async () => {
    const { value, failing } = counted(new Clock())
    await value.get()
    value.forget()
    failing.on = true
    await expect(value.get()).rejects.toThrow('no answer')
  })

  it('goes on being fetched for the others when one gives up', async () => {
    let resolve: (value: number) => void = () => undefined
    const answer = new Promise<number>((done) => (resolve = done))
    const value = new Renewed(() => answer, { maxAgeMs: 1, timeoutMs: 10_000 })
    const stop = new AbortController()
    const one = value.get(stop.signal)
    const other = value.get()
    stop.abort(new Error('enough'))
    await expect(one).rejects.toThrow('enough')
    resolve(7)
    expect(await other).toBe(7)
  })
})

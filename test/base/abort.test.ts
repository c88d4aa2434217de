import { getMaxListeners, setMaxListeners } from 'node:events'
import { expect, it } from 'vitest'
import { AbortScope, untilAborted } from '../../src/base/abort.ts'
import { ByteBudget } from '../../src/base/byte-budget.ts'
import { sleep } from '../../src/base/sleep.ts'

it('an abort scope follows the outer signal until it is closed', () => {
  const outer = new AbortController()
  const scope = new AbortScope(outer.signal)
  const closed = new AbortScope(outer.signal)
  closed.close()
  outer.abort(new Error('enough'))
  expect(scope.signal.reason).toEqual(new Error('enough'))
  expect(closed.signal.aborted).toBe(false)
})

it('an abort scope takes many listeners without a warning about a leak', async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error): number => warnings.push(warning.name)
  process.on('warning', onWarning)
  using scope = new AbortScope()
  for (let i = 0; i < 40; i++) scope.signal.addEventListener('abort', () => undefined)
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

it("many things that wait on one signal of the caller's are no leak either", async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error): number => warnings.push(warning.name)
  process.on('warning', onWarning)
  const budget = new ByteBudget(1)
  const release = await budget.acquire(1)
  for (const wait of [
    async (signal: AbortSignal) => new AbortScope(signal),
    (signal: AbortSignal) => untilAborted(new Promise(() => undefined), signal),
    (signal: AbortSignal) => budget.acquire(1, signal),
    (signal: AbortSignal) => sleep(60_000, signal),
  ]) {
    const stop = new AbortController()
    const waiting = Array.from({ length: 40 }, () => wait(stop.signal))
    await new Promise((resolve) => void setImmediate(resolve))
    stop.abort(new Error('enough'))
    await Promise.allSettled(waiting)
  }
  release()
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

it('a limit that the caller set for a signal stays', () => {
  const { signal } = new AbortController()
  for (const limit of [0, 3]) {
    setMaxListeners(limit, signal)
    new AbortScope(signal).close()
    // Node 20 does not tell a limit of 0.
    if (limit > 0) expect(getMaxListeners(signal)).toBe(limit)
  }
})

it('a wait ends with the reason of the signal, at once', async () => {
  const stop = new AbortController()
  const waiting = untilAborted(new Promise(() => undefined), stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteBudget } from '../../src/base/byte-budget.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('ByteBudget', () => {
  test('never holds more than its limit, except a single item that is larger on its own', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(150), { maxLength: 30 }), async (sizes) => {
        const budget = new ByteBudget(100)
        const served: number[] = []
        await Promise.all(
          sizes.map(async (bytes, index) => {
            const release = await budget.acquire(bytes)
            served.push(index)
            expect(budget.usedBytes <= 100 || sizes.includes(budget.usedBytes)).toBe(true)
            await turn()
            release()
          }),
        )
        expect(served).toEqual([...sizes.keys()])
        expect([budget.usedBytes, budget.waiting]).toEqual([0, 0])
      }),
      { numRuns: 50 },
    )
  })

  test('releasing twice gives the bytes back once', async () => {
    const budget = new ByteBudget(10)
    const release = await budget.acquire(6)
    release()
    release()
    expect(budget.usedBytes).toBe(0)
  })

  test('an aborted waiter leaves the queue and lets a smaller one behind it pass', async () => {
    const budget = new ByteBudget(10)
    const held = await budget.acquire(6)
    const stop = new AbortController()
    const large = budget.acquire(8, stop.signal)
    const small = budget.acquire(4)
    stop.abort(new Error('enough'))
    await expect(large).rejects.toThrow('enough')
    ;(await small)()
    held()
    expect([budget.usedBytes, budget.waiting]).toEqual([0, 0])
  })

  test('keeps a part when told to, even more than there was, and gives that back later', async () => {
    const budget = new ByteBudget(10)
    const release = await budget.acquire(8)
    release(3)
    expect(budget.usedBytes).toBe(3)
    const other = await budget.acquire(7)
    release(6)
    expect(budget.usedBytes).toBe(13)
    const waiting = budget.acquire(4)
    other()
    await waiting
    release()
    release(5)
    expect(budget.usedBytes).toBe(4)
  })

  test('gives at once what fits, and nothing past others who wait', async () => {
    const budget = new ByteBudget(10)
    expect(budget.tryAcquire(11)).toBe(undefined)
    const first = budget.tryAcquire(6)
    expect([first === undefined, budget.usedBytes]).toEqual([false, 6])
    expect(budget.tryAcquire(5)).toBe(undefined)
    const waiting = budget.acquire(8)
    expect(budget.tryAcquire(1)).toBe(undefined)
    first?.()
    ;(await waiting)()
    expect(budget.usedBytes).toBe(0)
  })
})

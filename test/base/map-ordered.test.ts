import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mapOrdered } from '../../src/base/map-ordered.ts'
import { sleep } from '../../src/base/sleep.ts'

const unhandled: unknown[] = []
const onUnhandled = (error: unknown): void => void unhandled.push(error)
beforeAll(() => void process.on('unhandledRejection', onUnhandled))
afterAll(() => {
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* brokenSource(): AsyncGenerator<number> {
  yield 1
  throw new Error('source broke')
}

describe('mapOrdered', () => {
  test('gives every result in order, whatever order the work ends in, and never exceeds its concurrency', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (delays, concurrency) => {
          let running = 0
          let most = 0
          const results = await collect(
            mapOrdered(
              delays.entries(),
              async ([index, delayMs]) => {
                most = Math.max(most, ++running)
                await sleep(delayMs)
                running--
                return index
              },
              { concurrency },
            ),
          )
          expect(results).toEqual([...delays.keys()])
          expect(most).toBeLessThanOrEqual(concurrency)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('several failures: the first in order is thrown, the others do not become unhandled rejections', async () => {
    const run = collect(
      mapOrdered([1, 2, 3], async (item) => Promise.reject(new Error(`item ${item}`)), { concurrency: 3 }),
    )
    await expect(run).rejects.toThrow('item 1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })

  test('leaving the loop aborts what runs, waits for it, and closes the source', async () => {
    const ended: string[] = []
    async function* source(): AsyncGenerator<number> {
      try {
        for (let item = 0; ; item++) yield item
      } finally {
        ended.push('source')
      }
    }
    const work = async (item: number, signal: AbortSignal): Promise<number> => {
      if (item > 0) await sleep(60_000, signal).finally(() => ended.push(`work ${item}`))
      return item
    }
    for await (const item of mapOrdered(source(), work, { concurrency: 3 })) {
      expect(item).toBe(0)
      break
    }
    expect(ended.filter((what) => what.startsWith('work')).length).toBeGreaterThan(0)
    expect(ended).toContain('source')
  })

  test('an abort ends the loop with its reason, even when the source never answers', async () => {
    const stop = new AbortController()
    const reason = new Error('stop')
    const silent: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
    const run = collect(mapOrdered(silent, async (item) => item, { concurrency: 2, signal: stop.signal }))
    setImmediate(() => stop.abort(reason))
    await expect(run).rejects.toBe(reason)
  })

  test('what the source gives after the loop has ended is not worked on', async () => {
    let release: () => void = () => undefined
    let arrive: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const arrived = new Promise<void>((resolve) => (arrive = resolve))
    async function* source(): AsyncGenerator<number> {
      yield 1
      arrive()
      await released
      yield 2
    }
    const worked: number[] = []
    const work = async (item: number): Promise<number> => {
      worked.push(item)
      return item
    }
    for await (const item of mapOrdered(source(), work, { concurrency: 2 })) {
      expect(item).toBe(1)
      await arrived
      break
    }
    release()
    await new Promise((resolve) => void setImmediate(resolve))
    expect(worked).toEqual([1])
  })

  test('results that are ready come out while the source has nothing new', async () => {
    let release: (() => void) | undefined
    async function* source(): AsyncGenerator<number> {
      yield 1
      await new Promise<void>((resolve) => (release = resolve))
      yield 2
    }
    const results: number[] = []
    for await (const item of mapOrdered(source(), async (item) => item, { concurrency: 4 })) {
      results.push(item)
      release?.()
    }
    expect(results).toEqual([1, 2])
  })

  test('a failing source fails after the results before it', async () => {
    const results: number[] = []
    const run = async (): Promise<void> => {
      for await (const item of mapOrdered(brokenSource(), async (item) => item, { concurrency: 4 })) results.push(item)
    }
    await expect(run()).rejects.toThrow('source broke')
    expect(results).toEqual([1])
  })
})

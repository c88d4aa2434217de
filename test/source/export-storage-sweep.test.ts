import { describe, expect, it, vi } from 'vitest'
import { Sweeps } from '../../src/source/export-storage-sweep.ts'

/** Writes down what happens, waits included. */
function recorder(endsAfter: number): { log: string[]; sweeps: Sweeps; run: () => Promise<void> } {
  const log: string[] = []
  const sweeps = new Sweeps((delayMs) => {
    log.push(`${delayMs} ms`)
    return Promise.resolve()
  })
  let questions = 0
  const run = (): Promise<void> => {
    sweeps.start({
      hasEnded: () =>
        ++questions === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve(questions > endsAfter),
      remove: () => Promise.resolve(void log.push('removed')),
    })
    return sweeps.close()
  }
  return { log, sweeps, run }
}

describe('Sweeps', () => {
  it('removes when the export has ended, and once more for a blob that was on its way', async () => {
    const { log, run } = recorder(2)
    await run()
    expect(log).toEqual(['250 ms', '500 ms', '1000 ms', 'removed', '1000 ms', 'removed'])
  })

  it('stops waiting for an export that does not end, and removes all the same', async () => {
    const { log, run } = recorder(Infinity)
    await run()
    expect(log.filter((line) => line === 'removed')).toHaveLength(2)
    expect(log.length).toBeLessThan(30)
  })

  it('ends with the connector within its limit', async () => {
    const sweeps = new Sweeps()
    await sweeps.close()
    sweeps.start({ hasEnded: () => Promise.resolve(true), remove: () => Promise.resolve() })
    const startedAt = performance.now()
    await sweeps.close()
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })
})

/** Storage that gives no answer: settles with the signal only. */
const hanging = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    const end = (): void => reject(signal.reason as Error)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })

describe('the end of a connector', () => {
  it('tells a removal, a question and what came before them to stop when its time is over', async () => {
    vi.useFakeTimers()
    try {
      for (const sweep of [
        { hasEnded: () => Promise.resolve(true), remove: hanging },
        { hasEnded: (signal: AbortSignal) => hanging(signal).then(() => true), remove: hanging },
      ]) {
        const sweeps = new Sweeps(() => Promise.resolve())
        sweeps.start(sweep)
        const removal = sweeps.remove(hanging, { signal: undefined })
        const closed = sweeps.close(hanging(new AbortController().signal))
        await vi.advanceTimersByTimeAsync(5_000)
        await closed
        await removal
      }
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a removal', () => {
  it('is waited for, and its failure is told', async () => {
    const sweeps = new Sweeps()
    const done: string[] = []
    await sweeps.remove(async () => void done.push('removed'), { signal: new AbortController().signal })
    expect(done).toEqual(['removed'])
    await expect(
      sweeps.remove(() => Promise.reject(new Error('told')), { signal: undefined, limitMs: 10 }),
    ).rejects.toThrow('told')
  })

  it('goes on by itself when its caller is aborted, before or while it runs, and when its time is over', async () => {
    vi.useFakeTimers()
    try {
      const stop = new AbortController()
      const aborted = AbortSignal.abort(new Error('enough'))
      for (const [options, waitMs] of [
        [{ signal: aborted }, 1_000],
        [{ signal: stop.signal }, 1_000],
        [{ signal: undefined, limitMs: 3_000 }, 3_000],
      ] as const) {
        const sweeps = new Sweeps()
        let end: (() => void) | undefined
        const done: string[] = []
        const work = (): Promise<void> =>
          new Promise<void>((resolve) => {
            end = resolve
          }).then(() => void done.push('removed'))
        const waiting = sweeps.remove(work, options)
        if (options.signal === stop.signal) stop.abort(new Error('enough'))
        await vi.advanceTimersByTimeAsync(waitMs)
        await waiting
        expect(done).toEqual([])
        const closed = sweeps.close()
        end?.()
        await closed
        expect(done).toEqual(['removed'])
      }
    } finally {
      vi.useRealTimers()
    }
  })
})

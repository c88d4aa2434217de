import { describe, expect, it } from 'vitest'
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

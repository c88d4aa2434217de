import { beforeEach, describe, expect, it, vi } from 'vitest'
import { workersOf } from '../../src/sink/check-write-options.ts'

const cores = vi.hoisted(() => ({ count: 2 }))
vi.mock('node:os', async (load) => ({
  ...(await load<typeof import('node:os')>()),
  availableParallelism: () => cores.count,
}))

describe('encodeWorkers', () => {
  beforeEach(() => {
    cores.count = 2
  })

  it.each([
    [1, 1, 0],
    [2, 1, 0],
    [3, 2, 2],
    [4, 3, 3],
    [64, 4, 4],
  ])('is on %d cores %d threads, of tables in memory %d, when left out', (count, encodeWorkers, tableWorkers) => {
    cores.count = count
    expect(workersOf(undefined)).toEqual({ encodeWorkers, tableWorkers })
  })

  it('is what it says for every kind of input', () => {
    for (const given of [0, 1, 2, 64]) expect(workersOf(given)).toEqual({ encodeWorkers: given, tableWorkers: given })
    expect(() => workersOf(65)).toThrow(/encodeWorkers/)
    expect(() => workersOf(-1)).toThrow(/encodeWorkers/)
  })
})

import { describe, expect, it, vi } from 'vitest'
import { KustoUsageError } from '../../src/errors.ts'
import type { BenchmarkAnswer } from '../../src/benchmark/benchmark-result.ts'
import type { BenchmarkEvent } from '../../src/benchmark/benchmark-events.ts'
import { benchmarkSettings } from '../../src/benchmark/benchmark-settings.ts'
import type { BenchmarkOptions } from '../../src/benchmark/benchmark-settings.ts'
import type { RunBudget } from '../../src/benchmark/run-budget.ts'
import { runSweep } from '../../src/benchmark/run-sweep.ts'
import type { SweepPoint } from '../../src/benchmark/run-sweep.ts'
import { measuresOf } from './made-up-result.ts'

const ROWS: BenchmarkAnswer = { rows: 10, columns: { a: 'x', b: 'y' } }

type Work = (budget: RunBudget) => Promise<BenchmarkAnswer> | BenchmarkAnswer

function point(id: string, work: Work, warmedUpBy = 'all'): SweepPoint {
  return {
    configuration: { id, label: `configuration ${id}`, parameters: { id } },
    warmedUpBy,
    run: async (budget) => ({ answer: await work(budget), measures: measuresOf(1) }),
  }
}

const sweep = (points: readonly SweepPoint[], options: BenchmarkOptions = {}): ReturnType<typeof runSweep> =>
  runSweep(points, benchmarkSettings(options))

describe('runSweep', () => {
  it('warms each kind up, then runs every point once a round, in an order that the seed decides', async () => {
    const order = async (seed: number): Promise<readonly string[]> => {
      const seen: string[] = []
      const points = ['a', 'b', 'c', 'd'].map((id) =>
        point(id, () => (seen.push(id), ROWS), id === 'a' ? 'first' : 'rest'),
      )
      const { runs, end } = await sweep(points, { repetitions: 6, seed })
      expect(end).toBe('complete')
      expect(runs.map(({ configuration }) => configuration)).toEqual(seen)
      expect(runs.map(({ outcome }) => outcome)).toEqual([...Array(2).fill('warm-up'), ...Array(24).fill('measured')])
      return seen
    }
    const first = await order(1)
    expect(first.slice(0, 2)).toEqual(['a', 'b'])
    const rounds = [0, 1, 2, 3, 4, 5].map((round) => first.slice(2 + round * 4, 6 + round * 4))
    for (const round of rounds) expect(round.toSorted()).toEqual(['a', 'b', 'c', 'd'])
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(1)
    expect(await order(1)).toEqual(first)
    expect(await order(2)).not.toEqual(first)
  })

  it('does not count runs whose rows are not those of the most runs', async () => {
    const odd: BenchmarkAnswer = { rows: 10, columns: { a: 'x', b: 'other' } }
    const fewer: BenchmarkAnswer = { rows: 9, columns: ROWS.columns }
    const points = [
      point('odd', () => odd),
      point('x', () => ROWS),
      point('y', () => ROWS),
      point('fewer', () => fewer),
    ]
    const { runs, answers } = await sweep(points, { repetitions: 2, warmups: 0 })
    expect(answers[0]).toEqual(ROWS)
    expect(answers.length).toBe(3)
    const told = new Map(runs.map((run) => [run.configuration, run]))
    expect(told.get('x')?.outcome).toBe('measured')
    expect(told.get('odd')).toMatchObject({
      outcome: 'different',
      error: {
        code: 'KUSTO_BENCHMARK_ROWS_DIFFER',
        message: 'expected the values that most runs gave, found others in b',
      },
    })
    expect(told.get('fewer')?.error?.message).toBe('expected 10 rows as most runs gave, found 9')
  })

  it('keeps what others measured when a point fails, and tries that one twice only', async () => {
    const bad = point('bad', () => Promise.reject(new KustoUsageError('KUSTO_BAD_OPTION', 'no')), 'bad')
    const { runs } = await sweep([bad, point('good', () => ROWS)], { repetitions: 4 })
    expect(runs.filter(({ configuration }) => configuration === 'bad').map(({ error }) => error?.code)).toEqual([
      'KUSTO_BAD_OPTION',
      'KUSTO_BAD_OPTION',
    ])
    expect(runs.filter(({ configuration, outcome }) => configuration === 'good' && outcome === 'measured').length).toBe(
      4,
    )
  })

  it('throws the first failure when nothing came to its end', async () => {
    const failure = new Error('the cluster is away')
    await expect(sweep([point('a', () => Promise.reject(failure))])).rejects.toBe(failure)
  })

  it.each([
    ['rows', { maxRows: 100 }, { rows: 40 }],
    ['bytes', { maxBytes: 1000 }, { bytes: 400 }],
  ] as const)('breaks off the run that passes the cap of %s', async (end, cap, spent) => {
    const work: Work = (budget) => {
      budget.spend(spent)
      budget.signal.throwIfAborted()
      return ROWS
    }
    const output = await sweep([point('a', work)], { ...cap, repetitions: 9, warmups: 0 })
    expect(output.end).toBe(end)
    expect(output.runs.length).toBe(2)
    expect(output.runs.every(({ outcome }) => outcome === 'measured')).toBe(true)
  })

  it('begins no run that will not fit into the time that is left', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    try {
      const work: Work = () => {
        vi.advanceTimersByTime(600)
        return ROWS
      }
      const output = await sweep([point('a', work)], { maxSeconds: 1, repetitions: 9, warmups: 0 })
      expect([output.end, output.runs.length]).toEqual(['time', 1])
    } finally {
      vi.useRealTimers()
    }
  })

  it('ends with what was measured when the signal is aborted, within the run', async () => {
    const stop = new AbortController()
    const events: BenchmarkEvent[] = []
    let runs = 0
    const work: Work = async ({ signal }) => {
      if (++runs === 3) stop.abort(new Error('enough'))
      signal.throwIfAborted()
      return ROWS
    }
    const output = await sweep([point('a', work)], {
      signal: stop.signal,
      repetitions: 9,
      warmups: 0,
      onEvent: (event) => void events.push(event),
    })
    expect([output.end, output.runs.length]).toEqual(['aborted', 2])
    expect(events.at(-1)).toEqual({ kind: 'benchmark-ended', end: 'aborted' })
    expect(events.filter(({ kind }) => kind === 'run-finished').length).toBe(2)
  })

  it('rejects with the reason when it is aborted before anything was measured', async () => {
    const reason = new Error('never mind')
    await expect(sweep([point('a', () => ROWS)], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('benchmarkSettings', () => {
  it.each([[{ repetitions: 0 }], [{ warmups: -1 }], [{ seed: 1.5 }], [{ maxSeconds: 0 }], [{ maxRows: 0 }]])(
    'refuses %j',
    (options) => {
      expect(() => benchmarkSettings(options)).toThrow(KustoUsageError)
    },
  )
})

import { describe, expect, it } from 'vitest'
import { comparisonText } from '../../src/benchmark/benchmark-text.ts'
import { compareBenchmarks } from '../../src/benchmark/compare-benchmarks.ts'
import { around, resultOf } from './made-up-result.ts'

const before = resultOf([1, 1, 1, 1].map(around))

describe('compareBenchmarks', () => {
  it('finds no change between a result and itself', () => {
    const comparison = compareBenchmarks(before, JSON.parse(JSON.stringify(before)))
    expect(comparison.hasRegression).toBe(false)
    expect(comparison.changes.map(({ verdict }) => verdict)).toEqual(['same', 'same', 'same', 'same'])
    expect(comparison.warnings).toEqual([])
  })

  it('tells slower and faster by intervals, and a regression by the percentage as well', () => {
    const after = resultOf([around(1.3), around(0.7), around(1.06), around(1)])
    const { changes, hasRegression } = compareBenchmarks(JSON.stringify(before), JSON.stringify(after))
    expect(changes.map(({ verdict, isRegression }) => [verdict, isRegression])).toEqual([
      ['slower', true],
      ['faster', false],
      ['slower', false],
      ['same', false],
    ])
    expect(changes[0]?.change).toBeCloseTo(0.3, 6)
    expect(changes[0]?.interval?.low).toBeGreaterThan(0.2)
    expect(hasRegression).toBe(true)
    expect(compareBenchmarks(before, after, { regressionPercent: 50 }).hasRegression).toBe(false)
    expect(compareBenchmarks(before, after, { regressionPercent: 5 }).changes[2]?.isRegression).toBe(true)
    const text = comparisonText(compareBenchmarks(before, after))
    expect(text).toMatch(/^single query .*\+30\.0 %.*slower: REGRESSION$/m)
    expect(text).toContain('1 of 4 configurations are slower by more than 10 % beyond chance, or fail.')
  })

  it('does not call a large change a regression when the runs differ as much among themselves', () => {
    const uneven = resultOf([[0.9, 1.5, 2, 0.8, 1.6]])
    const { changes } = compareBenchmarks(resultOf([[0.8, 1.4, 1, 0.9, 1.7]]), uneven)
    expect(changes[0]?.change).toBeGreaterThan(0.4)
    expect(changes[0]).toMatchObject({ verdict: 'same', isRegression: false })
  })

  it('decides nothing by two runs, and says so', () => {
    const comparison = compareBenchmarks(resultOf([[1, 1]]), resultOf([[2, 2]]))
    expect(comparison.hasRegression).toBe(false)
    expect(comparisonText(comparison)).toContain('too few runs')
  })

  it('counts a configuration that fails now as a regression', () => {
    const after = resultOf([[], around(1), around(1), around(1)])
    expect(compareBenchmarks(before, after).changes[0]).toMatchObject({ verdict: 'failing', isRegression: true })
  })

  it('does not take what a benchmark did not come to for failing', () => {
    const after = resultOf([[], around(1), around(1), around(1)], { end: 'time' })
    const comparison = compareBenchmarks(before, after)
    expect(comparison.hasRegression).toBe(false)
    expect(comparison.onlyBefore).toContain('single query')
    expect(comparison.changes.length).toBe(3)
    expect(compareBenchmarks(after, before).onlyAfter).toContain('single query')
  })

  it('tells of runs that do not count beside those that do, and of intervals of few runs', () => {
    const some = resultOf([around(1), [1, 1.1, 1.2]])
    const failed = { configuration: 'c1', round: 6, outcome: 'failed', error: { code: 'X', message: 'no' } } as const
    const after = { ...some, runs: [...some.runs, failed] }
    expect(compareBenchmarks(before, after).warnings).toEqual([
      'single query: 1 of 6 runs failed or gave other rows after',
      'Intervals of three repetitions hold the true median with 75 % confidence only, of four with 88 %: make five or more.',
    ])
  })

  it('lists what only one side has, and what makes them hard to compare', () => {
    const after = resultOf([around(1), around(1)], {
      sweep: [{ mode: 'single' }, { mode: 'distributed', partitions: 32, workers: 8 }],
      machine: { ...before.machine, cores: 8, load: 20 },
    })
    const comparison = compareBenchmarks(before, after)
    expect(comparison.onlyAfter).toEqual(['32 partitions, 8 workers, snappy'])
    expect(comparison.onlyBefore.length).toBe(6)
    expect(comparison.warnings).toEqual(['cores: 2 before, 8 after', 'load 20 on 8 cores at 2026-01-02T03:04:05.000Z'])
  })

  it.each([
    ['nothing', /an object/],
    [{}, /kind/],
    [{ ...before, version: 2 }, /version: 1, found 2/],
    [{ ...before, runs: undefined }, /runs: a list, found none/],
  ])('refuses what is no result', (json, message) => {
    expect(() => compareBenchmarks(before, json === 'nothing' ? null : json)).toThrow(message)
    expect(() => compareBenchmarks('{', before)).toThrow(/no JSON/)
  })

  it('refuses results that have nothing in common', () => {
    const other = resultOf([around(1)], { sweep: [{ mode: 'distributed', partitions: 64, workers: 1 }] })
    expect(() => compareBenchmarks(before, other)).toThrow(/configuration in both/)
    expect(() => compareBenchmarks(before, { ...before, subject: 'write' })).toThrow(/two of export/)
    expect(() => compareBenchmarks(before, before, { regressionPercent: -1 })).toThrow(/0 or more/)
  })
})

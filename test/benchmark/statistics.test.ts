import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom, shuffled } from '../../src/benchmark/seeded-random.ts'
import { median, overlap, quantile, ratioOfMedians, spreadOf } from '../../src/benchmark/statistics.ts'

const samples = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 3, maxLength: 30 })
const seed = fc.integer({ min: 0, max: 0xffff_ffff })

describe('medians and quantiles', () => {
  it('have as many samples below as above', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const middle = median(values)
        const below = values.filter((value) => value < middle).length
        const above = values.filter((value) => value > middle).length
        expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2)
      }),
    )
  })

  it('do not depend on the order, and lie between the least and the greatest', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), seed, (values, share, number) => {
        const value = quantile(values, share)
        expect(quantile(shuffled(values, seededRandom(number)), share)).toBe(value)
        expect(value).toBeGreaterThanOrEqual(Math.min(...values))
        expect(value).toBeLessThanOrEqual(Math.max(...values))
      }),
    )
  })

  it('are those of textbooks', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2)
    expect(median([])).toBeNaN()
  })
})

describe('the interval of a median', () => {
  it('holds the median, lies within the samples, and is the same for the same seed', () => {
    fc.assert(
      fc.property(samples, seed, (values, number) => {
        const { interval, median: middle, q1, q3 } = spreadOf(values, number)
        expect(interval).toEqual(spreadOf(values, number).interval)
        expect(interval?.low).toBeLessThanOrEqual(middle)
        expect(interval?.high).toBeGreaterThanOrEqual(middle)
        expect(interval?.low).toBeGreaterThanOrEqual(Math.min(...values))
        expect(interval?.high).toBeLessThanOrEqual(Math.max(...values))
        expect(q1).toBeLessThanOrEqual(q3)
      }),
      { numRuns: 30 },
    )
  })

  it('is not made of fewer than three samples', () => {
    expect(spreadOf([1, 2], 1)).toEqual({ median: 1.5, q1: 1.25, q3: 1.75 })
  })

  it('holds the true median in about 95 of 100 experiments', () => {
    const random = seededRandom(42)
    const hits = Array.from({ length: 300 }, () => {
      const values = Array.from({ length: 15 }, () => random())
      const { interval } = spreadOf(values, 7)
      return interval !== undefined && interval.low <= 0.5 && interval.high >= 0.5
    }).filter((hit) => hit).length
    expect(hits / 300).toBeGreaterThan(0.9)
  })
})

describe('the ratio of two medians', () => {
  it('is 1 with an interval around it for the same samples', () => {
    fc.assert(
      fc.property(samples, seed, (values, number) => {
        const { ratio, interval } = ratioOfMedians(values, values, number)
        expect(ratio).toBe(1)
        expect(interval?.low).toBeLessThanOrEqual(1)
        expect(interval?.high).toBeGreaterThanOrEqual(1)
      }),
      { numRuns: 30 },
    )
  })

  it('sees a factor between samples that do not touch', () => {
    const { ratio, interval } = ratioOfMedians([1, 1.1, 1.2, 1.1, 1], [2, 2.1, 2.2, 2.3, 2], 1)
    expect(ratio).toBeCloseTo(2.1 / 1.1, 6)
    expect(interval?.low).toBeGreaterThan(1.5)
  })
})

describe('overlap', () => {
  it('is symmetric, and holds exactly when one interval holds an end of the other', () => {
    const interval = fc.tuple(fc.nat(100), fc.nat(100)).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }))
    fc.assert(
      fc.property(interval, interval, (a, b) => {
        const points = Array.from({ length: 101 }, (_, point) => point)
        const shared = points.some((p) => p >= a.low && p <= a.high && p >= b.low && p <= b.high)
        expect(overlap(a, b)).toBe(shared)
        expect(overlap(b, a)).toBe(shared)
      }),
    )
  })
})

describe('shuffled', () => {
  it('keeps every item, and gives the same order for the same seed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), seed, (items, number) => {
        const order = shuffled(items, seededRandom(number))
        expect(order.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b))
        expect(shuffled(items, seededRandom(number))).toEqual(order)
      }),
    )
  })

  it('puts each item in each place about equally often', () => {
    const random = seededRandom(3)
    const counts = [0, 0, 0, 0]
    for (let turn = 0; turn < 4000; turn++) {
      const place = shuffled([0, 1, 2, 3], random).indexOf(0)
      counts[place] = (counts[place] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

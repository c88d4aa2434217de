import { seededRandom } from './seeded-random.ts'
import type { Random } from './seeded-random.ts'

/** A number and the range that holds the true one with 95 % confidence, as far as the samples tell. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** The middle of some samples and their spread. */
export interface Spread {
  readonly median: number
  /** The first and the third quartile. */
  readonly q1: number
  readonly q3: number
  /** Of the median, by the bootstrap; absent for fewer than three samples. */
  readonly interval?: Interval
}

/** Fewer say nothing about how much repetitions differ. */
export const MIN_SAMPLES = 3

const RESAMPLES = 2_000

/** What must be known of the intervals of so many samples, where that is something. */
export function noteOnSamples(counts: readonly number[]): readonly string[] {
  // They reach from the lowest to the highest, and the median lies between those in 1 - 2 / 2^n of all cases.
  return counts.some((count) => count === 3 || count === 4)
    ? [
        'Intervals of three repetitions hold the true median with 75 % confidence only, of four with 88 %: make five or more.',
      ]
    : []
}

/** The value below which `share` (0 to 1) of the values lie, between neighbours in proportion. NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)] ?? NaN
  const above = sorted[Math.ceil(at)] ?? NaN
  return below + (above - below) * (at - Math.floor(at))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Median, quartiles and, for three samples or more, the interval of the median. The same seed gives the same interval. */
export function spreadOf(values: readonly number[], seed: number): Spread {
  const spread = { median: median(values), q1: quantile(values, 0.25), q3: quantile(values, 0.75) }
  if (values.length < MIN_SAMPLES) return spread
  const random = seededRandom(seed)
  return { ...spread, interval: resampled(() => median(resample(values, random))) }
}

/**
 * How many times as large the median of `b` is as that of `a`, and the interval of that ratio by the bootstrap; none when
 * one side has fewer than three samples.
 */
export function ratioOfMedians(
  a: readonly number[],
  b: readonly number[],
  seed: number,
): { readonly ratio: number; readonly interval?: Interval } {
  const ratio = median(b) / median(a)
  if (Math.min(a.length, b.length) < MIN_SAMPLES) return { ratio }
  const random = seededRandom(seed)
  return { ratio, interval: resampled(() => median(resample(b, random)) / median(resample(a, random))) }
}

/** Whether two intervals have a number in common. */
export function overlap(a: Interval, b: Interval): boolean {
  return a.low <= b.high && b.low <= a.high
}

function resampled(draw: () => number): Interval {
  const draws = Array.from({ length: RESAMPLES }, draw)
  return { low: quantile(draws, 0.025), high: quantile(draws, 0.975) }
}

function resample(values: readonly number[], random: Random): readonly number[] {
  return values.map(() => values[Math.floor(random() * values.length)] ?? NaN)
}

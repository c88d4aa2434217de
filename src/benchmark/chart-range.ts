import type { Interval, Spread } from './statistics.ts'

/** Median and interval in a unit; without an interval both ends are the median. */
export function rangeOf({ median, interval }: Spread, unit: number): Interval & { readonly median: number } {
  return { median: median / unit, low: (interval?.low ?? median) / unit, high: (interval?.high ?? median) / unit }
}

/** Both ends as text, or that there is no interval. */
export function rangeText(interval: Interval | undefined, text: (value: number) => string): string {
  return interval === undefined ? 'too few runs' : `${text(interval.low)} to ${text(interval.high)}`
}

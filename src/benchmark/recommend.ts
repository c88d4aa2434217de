import type { BenchmarkConfiguration } from './benchmark-result.ts'
import { bytesText, countText, secondsText } from './number-text.ts'
import { MIN_SAMPLES, overlap } from './statistics.ts'
import type { ConfigurationSummary } from './summarize-runs.ts'

/** Which configuration to take. */
export interface Recommendation {
  /** Whether the best one is told apart from all others. */
  readonly isDecided: boolean
  /** Id of the configuration to take; absent when nothing was measured. */
  readonly configuration?: string
  /** Ids of those that the data do not tell apart, the recommended one among them. */
  readonly tied: readonly string[]
  /** One sentence for people. */
  readonly sentence: string
}

/**
 * The configuration with the most rows per second. Where the interval of others overlaps with its own the data do not
 * decide, and of those the one that takes the least work is named: the fewest workers, then partitions, then memory.
 * Expects the summaries with the fastest first.
 */
export function recommend(
  configurations: readonly BenchmarkConfiguration[],
  summaries: readonly ConfigurationSummary[],
): Recommendation {
  const [best] = summaries
  const labels = new Map(configurations.map(({ id, label }) => [id, label]))
  const label = ({ configuration }: ConfigurationSummary): string => `"${labels.get(configuration) ?? configuration}"`
  if (best === undefined) {
    return { isDecided: false, tied: [], sentence: 'Nothing was measured, so nothing can be recommended.' }
  }
  if (summaries.every(({ rows }) => rows === 0)) {
    return { isDecided: false, tied: [], sentence: 'No run had any rows, so nothing can be recommended.' }
  }
  const speed = `${countText(best.rowsPerSecond.median)} rows/s`
  const { interval } = best.rowsPerSecond
  const all = summaries.map(({ configuration }) => configuration)
  if (interval === undefined) {
    const sentence =
      `The data do not decide: ${label(best)} was fastest with ${speed}, ` +
      `but fewer than ${MIN_SAMPLES} repetitions say nothing about how much they differ.`
    return { isDecided: false, configuration: best.configuration, tied: all, sentence }
  }
  const tied = summaries.filter(
    ({ rowsPerSecond }) => rowsPerSecond.interval === undefined || overlap(rowsPerSecond.interval, interval),
  )
  if (tied.length === 1) {
    const [, second] = summaries
    const range = `95 % interval ${countText(interval.low)} to ${countText(interval.high)}`
    const reason =
      second === undefined
        ? 'it is the only one that was measured'
        : `${ratioText(best.rowsPerSecond.median / second.rowsPerSecond.median)} the next one, ${label(second)}, and their intervals do not overlap`
    const sentence = `Take ${label(best)}: ${speed} (${range}), ${reason}; ${longestPhase(best)}.${failuresOf(best)}`
    return { isDecided: summaries.length > 1, configuration: best.configuration, tied: [best.configuration], sentence }
  }
  const byId = new Map(configurations.map((configuration) => [configuration.id, configuration]))
  const effort = (summary: ConfigurationSummary): readonly number[] => {
    const parameters = byId.get(summary.configuration)?.parameters ?? {}
    return [...EFFORTS.map((name) => Number(parameters[name] ?? 0)), summary.peakMemoryBytes.median]
  }
  const least = tied.toSorted((a, b) => compareEach(effort(a), effort(b)))[0] ?? best
  const sentence =
    `The data do not decide between ${listText(tied.map(label))}: their 95 % intervals overlap. ` +
    `Of these ${label(least)} asks for the least work and memory (${countText(least.rowsPerSecond.median)} rows/s, ` +
    `${bytesText(least.peakMemoryBytes.median)} at most); more repetitions may tell them apart.${failuresOf(least)}`
  return {
    isDecided: false,
    configuration: least.configuration,
    tied: tied.map(({ configuration }) => configuration),
    sentence,
  }
}

/** What costs threads or requests, the dearest first. */
const EFFORTS = ['workers', 'encodeWorkers', 'uploads', 'partitions'] as const

function compareEach(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** A configuration that is fast when it works may not be the one to take. */
function failuresOf({ runs, failed, different }: ConfigurationSummary): string {
  const bad = failed + different
  return bad === 0 ? '' : ` But ${bad} of its ${runs + bad} runs failed or gave other rows.`
}

function longestPhase({ phases, seconds }: ConfigurationSummary): string {
  const [longest] = Object.entries(phases).toSorted(([, a], [, b]) => b.sharedSeconds - a.sharedSeconds)
  if (longest === undefined) return 'no phase was seen'
  const [name, { sharedSeconds }] = longest
  return `of its ${secondsText(seconds.median)} the phase ${name} has the largest share, ${secondsText(sharedSeconds)}`
}

function ratioText(ratio: number): string {
  return `${ratio.toFixed(ratio < 1.1 ? 3 : 2)} times`
}

function listText(items: readonly string[]): string {
  const shown = items.length > 4 ? [...items.slice(0, 3), `${items.length - 3} more`] : items
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`
}

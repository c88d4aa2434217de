import { badOption, checkNames } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import type { BenchmarkConfiguration, BenchmarkResult } from './benchmark-result.ts'
import { parseBenchmark } from './parse-benchmark.ts'
import { median, noteOnSamples, ratioOfMedians } from './statistics.ts'
import type { Interval } from './statistics.ts'

export interface CompareOptions {
  /** How much longer a configuration may take, in percent. Default 10. */
  readonly regressionPercent?: number
  /** Of the intervals. Default 1. */
  readonly seed?: number
}

/**
 * `slower` and `faster`: the interval of the change lies on one side of none. `same`: it holds no change, or there are too
 * few runs to say. `failing`: it has no run that counts any more.
 */
export type ChangeVerdict = 'slower' | 'faster' | 'same' | 'failing'

/** How one configuration changed. */
export interface BenchmarkChange {
  readonly label: string
  readonly parameters: BenchmarkConfiguration['parameters']
  /** Median seconds before and after; absent where no run counts. */
  readonly before?: number
  readonly after?: number
  /** Runs that count, before and after. */
  readonly runs: readonly [number, number]
  /** Seconds after, divided by seconds before, less 1; 0.1 is ten percent slower. */
  readonly change?: number
  /** With 95 % confidence; absent when one side has fewer than three runs. */
  readonly interval?: Interval
  readonly verdict: ChangeVerdict
  /** Failing, or slower by more than the limit. */
  readonly isRegression: boolean
}

export interface BenchmarkComparison {
  readonly regressionPercent: number
  readonly changes: readonly BenchmarkChange[]
  /** Labels of configurations that only one side has, or came to before it ended early. */
  readonly onlyBefore: readonly string[]
  readonly onlyAfter: readonly string[]
  readonly hasRegression: boolean
  /** What makes the two hard to compare: another machine, load, data or version. */
  readonly warnings: readonly string[]
}

/**
 * What changed from one result to another, configuration by configuration.
 * @throws {KustoUsageError} KUSTO_BAD_BENCHMARK; KUSTO_BENCHMARKS_DIFFER when they have no configuration in common
 */
export function compareBenchmarks(before: unknown, after: unknown, options: CompareOptions = {}): BenchmarkComparison {
  checkNames(options, ['regressionPercent', 'seed'])
  const { regressionPercent = 10, seed = 1 } = options
  if (!(Number.isFinite(regressionPercent) && regressionPercent >= 0)) {
    throw badOption(`expected regressionPercent to be 0 or more, found ${String(regressionPercent)}`)
  }
  const [a, b] = [parseBenchmark(before), parseBenchmark(after)]
  if (a.subject !== b.subject) throw differ(`two of ${a.subject}, found one of ${b.subject}`)
  const own = byParameters(a)
  const other = byParameters(b)
  const shared = [...own].filter(([key]) => other.has(key))
  if (shared.length === 0) throw differ('a configuration in both, found none')
  const changes = shared
    .map(([key, configuration]) => {
      const times = [secondsOf(a, configuration), secondsOf(b, other.get(key))] as const
      return changeOf(configuration, times, { regressionPercent, seed })
    })
    // What neither side could run says nothing.
    .filter(({ runs: [first, second] }) => first + second > 0)
  return {
    regressionPercent,
    changes,
    onlyBefore: [...own].filter(([key]) => !other.has(key)).map(([, { label }]) => label),
    onlyAfter: [...other].filter(([key]) => !own.has(key)).map(([, { label }]) => label),
    hasRegression: changes.some(({ isRegression }) => isRegression),
    warnings: [
      ...warningsOf(a, b),
      ...badRunsOf(a, 'before'),
      ...badRunsOf(b, 'after'),
      ...noteOnSamples(changes.flatMap(({ runs, interval }) => (interval === undefined ? [] : runs))),
    ],
  }
}

function changeOf(
  { label, parameters }: BenchmarkConfiguration,
  [before, after]: readonly [readonly number[], readonly number[]],
  { regressionPercent, seed }: Required<CompareOptions>,
): BenchmarkChange {
  const runs = [before.length, after.length] as const
  const times = {
    ...(before.length === 0 ? {} : { before: median(before) }),
    ...(after.length === 0 ? {} : { after: median(after) }),
  }
  const base = { label, parameters, runs, ...times }
  if (before.length === 0) return { ...base, verdict: 'same', isRegression: false }
  if (after.length === 0) return { ...base, verdict: 'failing', isRegression: true }
  const { ratio, interval } = ratioOfMedians(before, after, seed)
  const change = ratio - 1
  if (interval === undefined) return { ...base, change, verdict: 'same', isRegression: false }
  const verdict = interval.low > 1 ? 'slower' : interval.high < 1 ? 'faster' : 'same'
  return {
    ...base,
    change,
    interval: { low: interval.low - 1, high: interval.high - 1 },
    verdict,
    isRegression: verdict === 'slower' && change * 100 > regressionPercent,
  }
}

/** The configurations that the benchmark came to: of the others one that ended early says nothing. */
function byParameters({ configurations, runs, end }: BenchmarkResult): ReadonlyMap<string, BenchmarkConfiguration> {
  const reached = new Set(runs.flatMap(({ configuration, outcome }) => (outcome === 'warm-up' ? [] : [configuration])))
  return new Map(
    configurations
      .filter(({ id }) => end === 'complete' || reached.has(id))
      .map((configuration) => {
        const { parameters } = configuration
        const sorted = Object.entries(parameters).toSorted(([x], [y]) => (x < y ? -1 : 1))
        return [JSON.stringify(sorted), configuration]
      }),
  )
}

function secondsOf({ runs }: BenchmarkResult, configuration: BenchmarkConfiguration | undefined): readonly number[] {
  return runs.flatMap(({ configuration: id, outcome, measures }) =>
    id === configuration?.id && outcome === 'measured' && measures !== undefined ? [measures.seconds] : [],
  )
}

function warningsOf(a: BenchmarkResult, b: BenchmarkResult): readonly string[] {
  const facts: readonly (readonly [string, string | number, string | number])[] = [
    ['processor', a.machine.cpu, b.machine.cpu],
    ['cores', a.machine.cores, b.machine.cores],
    ['Node', a.machine.node, b.machine.node],
    ['service', a.service.host.replace(/:\d+$/, ''), b.service.host.replace(/:\d+$/, '')],
    ['data', a.data, b.data],
    ['rows', a.answers[0]?.rows ?? 0, b.answers[0]?.rows ?? 0],
  ]
  const different = facts
    .filter(([, before, after]) => before !== after)
    .map(([name, before, after]) => `${name}: ${before} before, ${after} after`)
  const busy = [a, b].filter(({ machine }) => machine.load > machine.cores)
  const loads = busy.map(({ machine, startedAt }) => `load ${machine.load} on ${machine.cores} cores at ${startedAt}`)
  return [...different, ...loads]
}

/** Runs that do not count, where others of their configuration do: the times do not show them. */
function badRunsOf({ configurations, runs }: BenchmarkResult, when: string): readonly string[] {
  return configurations.flatMap(({ id, label }) => {
    const own = runs.filter(({ configuration, outcome }) => configuration === id && outcome !== 'warm-up')
    const bad = own.filter(({ outcome }) => outcome !== 'measured').length
    return bad === 0 ? [] : [`${label}: ${bad} of ${own.length} runs failed or gave other rows ${when}`]
  })
}

function differ(expected: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BENCHMARKS_DIFFER', `expected ${expected}: these benchmarks cannot be compared`)
}

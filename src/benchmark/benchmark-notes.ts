import type { BenchmarkEnd, BenchmarkResult } from './benchmark-result.ts'
import { noteOnSamples } from './statistics.ts'

const ENDS: Readonly<Record<Exclude<BenchmarkEnd, 'complete'>, string>> = {
  time: 'It ended early, because the time it was given was over (maxSeconds).',
  rows: 'It ended early, because all runs together read as many rows as allowed (maxRows).',
  bytes: 'It ended early, because all runs together moved as many bytes as allowed (maxBytes).',
  aborted: 'It ended early, because it was interrupted; what was measured until then is shown.',
}

/** What whoever reads the numbers must know: what they measure, what went wrong, and why there are fewer than asked for. */
export function notesOf(result: BenchmarkResult): readonly string[] {
  const { end, service, machine, plan, summaries } = result
  const rounds = summaries.map(({ runs }) => runs)
  return [
    ...(service.isEmbedded ? [EMBEDDED] : []),
    ...problemsOf(result),
    ...(end === 'complete' ? [] : [`${ENDS[end]} Of ${plan.repetitions} repetitions it made ${rangeText(rounds)}.`]),
    ...noteOnSamples(rounds),
    ...(machine.load > machine.cores
      ? [
          `The machine was shared: load ${machine.load} on ${machine.cores} cores when it began. Times are longer and more uneven than on a quiet one.`,
        ]
      : []),
  ]
}

/** In plain words, wherever numbers of the embedded Kusto are shown. */
export const EMBEDDED: string =
  'This was measured against the embedded Kusto, on this machine: it measures the client and this machine, not Kusto. ' +
  'The service shares processor and memory with the client, so nothing here says how fast a cluster is, or which choice is best for one.'

/** Errors of the benchmark: runs that failed and runs whose rows were not those of the others. */
export function problemsOf({ configurations, runs, answers }: BenchmarkResult): readonly string[] {
  const labels = new Map(configurations.map(({ id, label }) => [id, label]))
  const bad = runs.filter(
    ({ outcome, error }) => error !== undefined && (outcome === 'failed' || outcome === 'different'),
  )
  const lines = bad.map(({ configuration, outcome, error }) => {
    const what = outcome === 'failed' ? 'failed' : 'gave other rows, so its time does not count'
    return `ERROR: ${labels.get(configuration) ?? configuration} ${what}: ${error?.message ?? ''}`
  })
  const advice =
    answers.length > 1
      ? [
          'ERROR: the runs did not all give the same rows. The data change or the query is not deterministic: bound it by time, or sort before taking. If neither holds, this is a fault that should be reported.',
        ]
      : []
  return [...new Set(lines), ...advice]
}

function rangeText(values: readonly number[]): string {
  if (values.length === 0) return 'none'
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return least === most ? String(least) : `${least} to ${most}`
}

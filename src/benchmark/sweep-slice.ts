import type { BenchmarkConfiguration, BenchmarkResult } from './benchmark-result.ts'
import type { ConfigurationSummary } from './summarize-runs.ts'

/** A configuration that was measured, and what its runs say. */
export interface MeasuredConfiguration {
  readonly configuration: BenchmarkConfiguration
  readonly summary: ConfigurationSummary
}

/** Which parameters a subject's charts compare. */
export interface SweepAxes {
  readonly x: string
  readonly series: string
}

/** `partitions` and `workers` of an export; bytes of a blob and `uploads` of a write. */
export function axesOf({ subject }: BenchmarkResult): SweepAxes {
  return subject === 'export' ? { x: 'partitions', series: 'workers' } : { x: 'maxBlobBytes', series: 'uploads' }
}

/** All that was measured, the fastest first. */
export function measuredOf({ configurations, summaries }: BenchmarkResult): readonly MeasuredConfiguration[] {
  const byId = new Map(configurations.map((configuration) => [configuration.id, configuration]))
  return summaries.flatMap((summary) => {
    const configuration = byId.get(summary.configuration)
    return configuration === undefined ? [] : [{ configuration, summary }]
  })
}

/** The largest set of measured configurations that differ in the two axes only; what else they have in common is `fixed`. */
export function largestSlice(result: BenchmarkResult): {
  readonly members: readonly MeasuredConfiguration[]
  readonly fixed: BenchmarkConfiguration['parameters']
} {
  const { x, series } = axesOf(result)
  const slices = new Map<string, MeasuredConfiguration[]>()
  for (const one of measuredOf(result)) {
    const { parameters } = one.configuration
    if (parameters[x] === undefined || parameters[series] === undefined) continue
    const key = JSON.stringify(fixedOf(parameters, [x, series]))
    slices.set(key, [...(slices.get(key) ?? []), one])
  }
  const members = [...slices.values()].toSorted((a, b) => b.length - a.length)[0] ?? []
  return { members, fixed: fixedOf(members[0]?.configuration.parameters ?? {}, [x, series]) }
}

function fixedOf(parameters: BenchmarkConfiguration['parameters'], varied: readonly string[]): typeof parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => !varied.includes(name)))
}

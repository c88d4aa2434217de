import type { KustoConnector } from '../connector.ts'
import { VERSION } from '../client/version.ts'
import { showVersion } from '../kql/commands/table-commands.ts'
import type { BenchmarkConfiguration, BenchmarkResult, BenchmarkSubject } from './benchmark-result.ts'
import type { BenchmarkSettings } from './benchmark-settings.ts'
import { describeMachine } from './machine.ts'
import { recommend } from './recommend.ts'
import { runSweep } from './run-sweep.ts'
import type { SweepPoint } from './run-sweep.ts'
import { summarizeRuns } from './summarize-runs.ts'

export interface BenchmarkJob {
  readonly subject: BenchmarkSubject
  /** The query, or what is written, for people. */
  readonly data: string
  readonly phases: readonly string[]
  readonly points: readonly SweepPoint[]
}

/** Runs the sweep and makes the result of it. */
export async function runBenchmark(
  kusto: KustoConnector,
  { subject, data, phases, points }: BenchmarkJob,
  settings: BenchmarkSettings,
): Promise<BenchmarkResult> {
  const startedAt = new Date().toISOString()
  const began = performance.now()
  const machine = describeMachine()
  const isEmbedded = await isEmbeddedKusto(kusto, settings.signal)
  const { end, runs, answers } = await runSweep(points, settings)
  const configurations: readonly BenchmarkConfiguration[] = points.map(({ configuration }) => configuration)
  const { repetitions, warmups, seed, maxSeconds, maxRows, maxBytes } = settings
  const summaries = summarizeRuns(configurations, runs, { seed, phases })
  return {
    kind: 'kusto-arrow/benchmark',
    version: 1,
    subject,
    startedAt,
    seconds: (performance.now() - began) / 1000,
    end,
    versions: { 'kusto-arrow': VERSION, node: process.versions.node, v8: process.versions.v8 },
    machine,
    service: { host: new URL(kusto.cluster).host, database: kusto.database, isEmbedded },
    data,
    plan: { repetitions, warmups, seed, maxSeconds, maxRows, maxBytes },
    phases,
    configurations,
    answers,
    runs,
    summaries,
    recommendation: recommend(configurations, summaries),
  }
}

/** The embedded Kusto says so in its version. */
async function isEmbeddedKusto(kusto: KustoConnector, signal: AbortSignal | undefined): Promise<boolean> {
  const command = kusto.command(showVersion(), signal === undefined ? {} : { signal })
  const { rows } = await command.rows()
  return rows[0]?.has('ProductVersion') === true && rows[0].text('ProductVersion').includes('embedded')
}

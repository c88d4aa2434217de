import { availableParallelism } from 'node:os'
import type { RecordBatch } from 'apache-arrow'
import { badOption, checkNames } from '../base/check-options.ts'
import type { KustoConnector } from '../connector.ts'
import { kustoColumns } from '../arrow/kusto-columns.ts'
import type { Kql } from '../kql/kql.ts'
import type { ReadOptions } from '../source/read-settings.ts'
import { BENCHMARK_NAMES, benchmarkSettings } from './benchmark-settings.ts'
import type { BenchmarkOptions } from './benchmark-settings.ts'
import type { BenchmarkResult } from './benchmark-result.ts'
import { EXPORT_PHASES } from './export-phases.ts'
import { runExportOnce } from './export-run.ts'
import { defaultExportSweep, exportPoints, SWEEP_NAMES } from './export-sweep.ts'
import type { ExportChoice, ExportSweep } from './export-sweep.ts'
import { runBenchmark } from './run-benchmark.ts'

export interface BenchmarkExportOptions extends BenchmarkOptions {
  /** What is measured: values of options, in every combination, or the configurations themselves. Default: see the docs. */
  readonly sweep?: ExportSweep | readonly ExportChoice[]
  /** Options of every read: `storage`, `types`, `properties`, `exportTimeoutMs` and others. */
  readonly read?: Omit<ReadOptions, keyof ExportChoice | 'signal' | 'onEvent' | 'cache'>
  /**
   * Arrow bytes of a run that are kept until its clock has stopped and checked then; what is more is checked as it comes,
   * in measured time. Default 256 MiB.
   */
  readonly holdBytes?: number
  /** Your own work on each batch; its time is the phase `delivery`. Default: none. */
  readonly deliver?: (batch: RecordBatch) => void | Promise<void>
}

const NAMES: readonly (keyof BenchmarkExportOptions)[] = [...BENCHMARK_NAMES, 'sweep', 'read', 'holdBytes', 'deliver']
const READ_NAMES_OF_THE_SWEEP: readonly string[] = [...SWEEP_NAMES, 'signal', 'onEvent', 'cache']

/**
 * Measures ways to read the rows of a table, by its name, or of a query: as one query and as exports with different
 * partitions, workers and codecs. Every run's rows are compared with those of the others before its time counts; nothing is
 * left on the service. A cap or the signal ends it early, with what was measured.
 * @throws what the first run failed with when none came to its end; the signal's reason when nothing was measured
 */
export async function benchmarkExport(
  kusto: KustoConnector,
  query: Kql | string,
  options: BenchmarkExportOptions = {},
): Promise<BenchmarkResult> {
  checkNames(options, NAMES)
  const settings = benchmarkSettings(options)
  const { read = {}, holdBytes = 268_435_456, deliver } = options
  const swept = Object.keys(read).find((name) => READ_NAMES_OF_THE_SWEEP.includes(name))
  if (swept !== undefined) throw badOption(`expected read without ${swept}, which the benchmark decides`)
  if (!Number.isSafeInteger(holdBytes) || holdBytes < 0) {
    throw badOption(`expected holdBytes to be a whole number of bytes, found ${String(holdBytes)}`)
  }
  const points = exportPoints(options.sweep ?? (await defaultSweep(kusto, query, settings.signal)))
  return await runBenchmark(
    kusto,
    {
      subject: 'export',
      data: String(query),
      phases: EXPORT_PHASES,
      points: points.map(({ configuration, options: choice }) => ({
        configuration,
        // The decoding threads of one number are another pool than those of another.
        warmedUpBy: choice.mode === 'single' ? 'single' : `${choice.workers ?? 1} workers`,
        run: (budget) => runExportOnce(kusto, { query, choice, read, holdBytes, deliver }, budget),
      })),
    },
    settings,
  )
}

async function defaultSweep(
  kusto: KustoConnector,
  query: Kql | string,
  signal: AbortSignal | undefined,
): Promise<readonly ExportChoice[]> {
  const schema = await kusto.read(query, signal === undefined ? {} : { signal }).schema()
  return defaultExportSweep(availableParallelism(), kustoColumns(schema))
}

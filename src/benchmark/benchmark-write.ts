import { Table } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { readBatches } from '../arrow/batches.ts'
import type { BatchInput } from '../arrow/batches.ts'
import { badOption, checkNames, wholeNumber } from '../base/check-options.ts'
import type { KustoConnector } from '../connector.ts'
import type { WriteOptions } from '../sink/write-settings.ts'
import { BENCHMARK_NAMES, benchmarkSettings } from './benchmark-settings.ts'
import type { BenchmarkOptions } from './benchmark-settings.ts'
import type { BenchmarkResult } from './benchmark-result.ts'
import { bytesText } from './number-text.ts'
import { runBenchmark } from './run-benchmark.ts'
import { WRITE_PHASES } from './write-phases.ts'
import { runWriteOnce } from './write-run.ts'
import { DEFAULT_WRITE_SWEEP, writePoints } from './write-sweep.ts'
import type { WriteChoice, WriteSweep } from './write-sweep.ts'

/** Options that the benchmark sets itself. */
type SweptName = keyof WriteChoice | 'mode' | 'create' | 'flushImmediately' | 'explain' | 'signal' | 'onEvent'

const SWEPT: readonly SweptName[] = [
  'format',
  'compression',
  'maxBlobBytes',
  'uploads',
  'encodeWorkers',
  'mode',
  'create',
  'flushImmediately',
  'explain',
  'signal',
  'onEvent',
]

export interface BenchmarkWriteOptions extends BenchmarkOptions {
  /** What is measured: values of options, in every combination, or the configurations themselves. Default: see the docs. */
  readonly sweep?: WriteSweep | readonly WriteChoice[]
  /** Options of every write: `ingestionStorage`, `maxBufferedBytes` and others. */
  readonly write?: Omit<WriteOptions, SweptName>
  /** How long to wait for the ingestion of a run, whose time does not count. Default 600,000 (10 minutes). */
  readonly ingestionTimeoutMs?: number
}

const NAMES: readonly (keyof BenchmarkWriteOptions)[] = [...BENCHMARK_NAMES, 'sweep', 'write', 'ingestionTimeoutMs']

/**
 * Measures ways to write rows through queued ingestion: formats, codecs, sizes of blobs, uploads at once. Each run writes into
 * a table of its own, which the service then counts and hashes, and which is dropped; runs whose tables differ do not count.
 * All rows are held in memory. A cap or the signal ends it early, with what was measured.
 * @throws what the first run failed with when none came to its end; the signal's reason when nothing was measured
 */
export async function benchmarkWrite(
  kusto: KustoConnector,
  data: BatchInput,
  options: BenchmarkWriteOptions = {},
): Promise<BenchmarkResult> {
  checkNames(options, NAMES)
  const settings = benchmarkSettings(options)
  const { write = {}, sweep = DEFAULT_WRITE_SWEEP } = options
  const own: readonly string[] = SWEPT
  const swept = Object.keys(write).find((name) => own.includes(name))
  if (swept !== undefined) throw badOption(`expected write without ${swept}, which the benchmark decides`)
  const ingestionTimeoutMs = wholeNumber('ingestionTimeoutMs', options.ingestionTimeoutMs ?? 600_000, 2_147_483_647)
  const points = writePoints(sweep)
  const table = await collect(data, settings.signal)
  if (table.numRows === 0) throw badOption('expected rows to write, found none')
  const bytes = table.batches.reduce((sum, batch) => sum + batch.data.byteLength, 0)
  return await runBenchmark(
    kusto,
    {
      subject: 'write',
      data: `${table.numRows.toLocaleString('en')} rows of ${table.schema.fields.length} columns, ${bytesText(bytes)} in Arrow`,
      phases: WRITE_PHASES,
      points: points.map(({ configuration, options: choice }) => ({
        configuration,
        warmedUpBy: `${choice.format ?? 'parquet'} ${choice.encodeWorkers ?? 1}`,
        run: (budget) => runWriteOnce(kusto, { table, choice, write, ingestionTimeoutMs }, budget),
      })),
    },
    settings,
  )
}

async function collect(data: BatchInput, signal: AbortSignal | undefined): Promise<Table> {
  const { schema, batches } = await readBatches(data, signal === undefined ? {} : { signal })
  const all: RecordBatch[] = []
  for await (const batch of batches) all.push(batch)
  return new Table(schema, all)
}

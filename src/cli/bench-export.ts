import { BENCH_FLAGS } from './bench-flags.ts'
import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import type { Flag } from './flags.ts'
import { QUERY_TEXT_FLAGS } from './query-flags.ts'

const GROUP = 'Sweep'

const SWEEP_FLAGS: readonly Flag[] = [
  {
    name: 'mode',
    kind: 'list',
    value: 'MODE,...',
    split: true,
    help: 'single (one query), distributed (an export read by partitions)',
    default: 'both',
    group: GROUP,
  },
  { name: 'partitions', kind: 'list', value: 'N,...', split: true, help: 'how many partitions', group: GROUP },
  {
    name: 'partition-by',
    kind: 'list',
    value: 'HOW,...',
    split: true,
    help: 'service (one export, shared out by size), hash:COLUMN, range:COLUMN, quantiles:COLUMN',
    default: 'service',
    group: GROUP,
  },
  { name: 'workers', kind: 'list', value: 'N,...', split: true, help: 'threads that decode', group: GROUP },
  {
    name: 'compression',
    kind: 'list',
    value: 'CODEC,...',
    split: true,
    help: 'of exported Parquet: snappy, zstd, gzip, lz4_raw, brotli, none',
    default: 'snappy',
    group: GROUP,
  },
  {
    name: 'size-limit',
    kind: 'list',
    value: 'SIZE,...',
    split: true,
    help: 'size of an exported blob before compression; service leaves it to the service',
    default: 'service',
    group: GROUP,
  },
]

/** `kusto-arrow bench export`: which way of reading is the fastest. */
export const benchExportCommand: CliCommand = {
  words: 'bench export',
  summary: 'measure ways to read a query: one query, and exports by partitions, workers and codec',
  examples: [
    {
      line: 'kusto-arrow bench export --local --html report.html',
      says: 'the default sweep on this machine, in about two minutes, with a report',
    },
    {
      line: "kusto-arrow bench export 'StormEvents | where StartTime < datetime(2008-01-01)' --out storms.json",
      says: 'the default sweep on your cluster; bound the query, so that all runs see the same rows',
    },
    {
      line: 'kusto-arrow bench export StormEvents --mode distributed --partitions 4,8,16 --workers 2,4 --repetitions 7 --max-time 20m',
      says: 'every combination of these values, seven times each',
    },
    {
      line: 'kusto-arrow bench export StormEvents --sweep sweep.json --html report.html',
      says: 'what a file says: { "partitions": [4, 8], "workers": [4], "compression": ["snappy", "zstd"] }',
    },
  ],
  operands: [
    {
      name: 'query',
      optional: true,
      help: 'KQL, or the name of a table; - takes it from standard input. With --local it may be left out',
    },
  ],
  flags: [...QUERY_TEXT_FLAGS, ...SWEEP_FLAGS, ...BENCH_FLAGS, ...CONNECTION_FLAGS],
  notes: [
    'Every run reads all rows, and they are compared with those of the other runs before its time counts. The export needs ' +
      'the permission to export; blobs are deleted after each run.',
    'With --local and no query it reads the three million flights of the package vega-datasets, where that is installed in ' +
      'this folder, else a million made-up rows. A benchmark on the embedded Kusto measures the client and this machine, not Kusto.',
    'Ctrl-C ends it with what was measured. Exit code 5 when a run failed, 6 when runs gave different rows.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./bench-export-run.ts')).runBenchExport(call),
}

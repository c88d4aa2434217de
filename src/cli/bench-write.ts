import { BENCH_FLAGS } from './bench-flags.ts'
import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import type { Flag } from './flags.ts'
import { INPUT_FORMAT_FLAG } from './write-flags.ts'

const GROUP = 'Sweep'

const SWEEP_FLAGS: readonly Flag[] = [
  {
    name: 'format',
    kind: 'list',
    value: 'FORMAT,...',
    split: true,
    help: 'parquet, csv',
    default: 'parquet',
    group: GROUP,
  },
  {
    name: 'compression',
    kind: 'list',
    value: 'CODEC,...',
    split: true,
    help: 'of Parquet: zstd, snappy, gzip, none; CSV is always gzip',
    default: 'zstd',
    group: GROUP,
  },
  {
    name: 'blob-size',
    kind: 'list',
    value: 'SIZE,...',
    split: true,
    help: 'size of a blob before compression',
    default: '64MiB',
    group: GROUP,
  },
  {
    name: 'uploads',
    kind: 'list',
    value: 'N,...',
    split: true,
    help: 'blobs under way at once',
    default: '3',
    group: GROUP,
  },
  {
    name: 'encode-workers',
    kind: 'list',
    value: 'N,...',
    split: true,
    help: 'threads that encode; 0 for the calling thread alone',
    default: 'cores - 1, from 1 to 4',
    group: GROUP,
  },
]

/** `kusto-arrow bench write`: which way of writing is the fastest. */
export const benchWriteCommand: CliCommand = {
  words: 'bench write',
  summary: 'measure ways to write files: format, codec, size of blobs, uploads at once',
  examples: [
    {
      line: 'kusto-arrow bench write --local --html report.html',
      says: 'the default sweep on this machine, in about two minutes, with a report',
    },
    {
      line: 'kusto-arrow bench write day.parquet --out write.json',
      says: 'the default sweep on your cluster, in tables of its own that are dropped after each run',
    },
    {
      line: 'kusto-arrow bench write day.parquet --format parquet,csv --uploads 1,3,6 --max-time 20m',
      says: 'every combination of these values',
    },
  ],
  operands: [
    {
      name: 'files',
      optional: true,
      many: true,
      help: 'Parquet, CSV, Arrow, JSON or NDJSON files, or patterns. With --local they may be left out',
    },
  ],
  flags: [INPUT_FORMAT_FLAG, ...SWEEP_FLAGS, ...BENCH_FLAGS, ...CONNECTION_FLAGS],
  notes: [
    'A run is measured until the service has queued all blobs; then it waits for the ingestion, has the service count and hash ' +
      'the rows, and drops the table. All rows are held in memory.',
    'With --local and no files it writes a million flights of the package vega-datasets, where that is installed in this ' +
      'folder, else made-up rows. A benchmark on the embedded Kusto measures the client and this machine, not Kusto.',
    'Ctrl-C ends it with what was measured. Exit code 5 when a run failed, 6 when runs wrote different rows.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./bench-write-run.ts')).runBenchWrite(call),
}

import type { Flag } from './flags.ts'

const GROUP = 'Benchmark'

/** Flags of `bench export` and `bench write`. */
export const BENCH_FLAGS: readonly Flag[] = [
  {
    name: 'sweep',
    kind: 'text',
    value: 'FILE',
    help: 'what to measure, from a JSON file: lists of values by option, or a list of configurations',
    group: 'Sweep',
  },
  {
    name: 'repetitions',
    kind: 'number',
    value: 'N',
    min: 1,
    max: 1_000,
    help: 'how often each configuration is measured; fewer than 3 decide nothing',
    default: '5',
    group: GROUP,
  },
  {
    name: 'warmups',
    kind: 'number',
    value: 'N',
    min: 0,
    max: 100,
    help: 'runs of each kind before the clock counts',
    default: '1',
    group: GROUP,
  },
  {
    name: 'seed',
    kind: 'number',
    value: 'N',
    min: 0,
    max: 4_294_967_295,
    help: 'of the random order and of the intervals',
    default: '1',
    group: GROUP,
  },
  {
    name: 'max-time',
    kind: 'duration',
    help: 'measure for so long at most; what was measured until then counts',
    default: '2m',
    group: GROUP,
  },
  {
    name: 'max-rows',
    kind: 'number',
    value: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'rows of all runs together',
    default: '1000000000',
    group: GROUP,
  },
  { name: 'max-bytes', kind: 'bytes', help: 'bytes moved by all runs together', default: '64GiB', group: GROUP },
  {
    name: 'out',
    kind: 'text',
    value: 'FILE',
    help: 'write the result as JSON, with every run: for bench compare, and to keep',
    group: 'Output',
  },
  {
    name: 'html',
    kind: 'text',
    value: 'FILE',
    help: 'write a report with charts, one HTML file that needs nothing else',
    group: 'Output',
  },
]

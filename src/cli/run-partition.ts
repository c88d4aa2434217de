import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { OUTPUT_FLAGS } from './output-flags.ts'
import { STORAGE_FLAGS, WORKERS_FLAG } from './read-flags.ts'
import type { Flag } from './flags.ts'

/** The plan that a command works on. */
export const PLAN_FLAG: Flag = {
  name: 'plan',
  kind: 'text',
  value: 'FILE',
  help: 'what the command plan wrote; - is standard input',
  group: 'Plan',
}

/** `kusto-arrow run-partition`: the rows of one partition of a plan. */
export const runPartitionCommand: CliCommand = {
  words: 'run-partition',
  summary: 'read one partition of a plan',
  examples: [
    {
      line: 'kusto-arrow run-partition --plan plan.json --index 0 --out part-0.parquet',
      says: 'one partition to a file',
    },
    {
      line: 'seq 0 7 | xargs -P 4 -I{} kusto-arrow run-partition --plan plan.json --index {} --out part-{}.parquet',
      says: 'all of eight, four processes at a time',
    },
  ],
  operands: [],
  flags: [
    PLAN_FLAG,
    {
      name: 'index',
      kind: 'number',
      value: 'N',
      min: 0,
      max: 1_000_000,
      help: 'which partition, from 0',
      group: 'Plan',
    },
    ...OUTPUT_FLAGS,
    WORKERS_FLAG,
    ...STORAGE_FLAGS,
    ...CONNECTION_FLAGS,
  ],
  notes: ['Cluster and database come from the plan where no flag and no variable names others.'],
  run: async (call: CliCall): Promise<number> => (await import('./run-plan.ts')).runPartition(call),
}

/** `kusto-arrow release`: the end of a plan. */
export const releaseCommand: CliCommand = {
  words: 'release',
  summary: 'delete the exported blobs of a plan',
  examples: [
    {
      line: 'kusto-arrow release --plan plan.json',
      says: 'deletes what the plan owns; what is gone already does not matter',
    },
  ],
  operands: [],
  flags: [PLAN_FLAG, ...STORAGE_FLAGS, ...CONNECTION_FLAGS],
  run: async (call: CliCall): Promise<number> => (await import('./run-plan.ts')).runRelease(call),
}

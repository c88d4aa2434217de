import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { QUERY_FLAGS } from './query-flags.ts'
import { READ_FLAGS } from './read-flags.ts'

/** `kusto-arrow plan`: an export that other processes read by partition. */
export const planCommand: CliCommand = {
  words: 'plan',
  summary: 'export a query, for other processes to read by partition',
  examples: [
    {
      line: 'kusto-arrow plan StormEvents --partitions 8 --out plan.json',
      says: 'exports the rows; the plan holds no credential',
    },
    {
      line: 'kusto-arrow run-partition --plan plan.json --index 3 --out part-3.parquet',
      says: 'reads one partition, here or on another machine',
    },
    { line: 'kusto-arrow release --plan plan.json', says: 'deletes the exported blobs' },
    {
      line: 'kusto-arrow plan Samples --out plan.json --local --data-dir ./kusto-data',
      says: 'the same on this machine, where all three name one data folder',
    },
    {
      line: 'kusto-arrow run-partition --plan plan.json --index 0 --out part-0.parquet --local --data-dir ./kusto-data',
      says: 'reads it from there',
    },
    { line: 'kusto-arrow release --plan plan.json --local --data-dir ./kusto-data', says: 'deletes the blobs' },
  ],
  operands: [{ name: 'query', optional: true, help: 'KQL, or the name of a table; - takes it from standard input' }],
  flags: [
    ...QUERY_FLAGS,
    {
      name: 'out',
      kind: 'text',
      value: 'FILE',
      help: 'write the plan to a file',
      default: 'standard output',
      group: 'Output',
    },
    { name: 'ttl', kind: 'duration', help: 'how long the plan can be read', default: '1d', group: 'Output' },
    ...READ_FLAGS.filter(({ name }) => name !== 'mode'),
    ...CONNECTION_FLAGS,
  ],
  notes: [
    'With --local the blobs end with the command unless --data-dir keeps them; one command at a time uses a data folder. For several at once run kusto-arrow local and name its cluster.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-plan.ts')).runPlan(call),
}

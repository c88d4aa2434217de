import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import type { Flag } from './flags.ts'
import { FORMAT_NAMES } from './output-format.ts'
import { READ_FLAGS } from './read-flags.ts'
import { QUERY_FLAGS } from './query-flags.ts'

/** Where rows go. */
export const OUTPUT_FLAGS: readonly Flag[] = [
  {
    name: 'output',
    kind: 'choice',
    choices: FORMAT_NAMES,
    help: 'the format of the rows',
    default: 'by the name of --out; else table, or csv where standard output is no terminal',
    group: 'Output',
  },
  {
    name: 'out',
    kind: 'text',
    value: 'FILE',
    help: 'write the rows to a file; .gz at the end of its name compresses it',
    group: 'Output',
  },
  {
    name: 'rows',
    kind: 'number',
    value: 'N',
    min: 1,
    max: 100_000,
    help: 'rows that a table shows',
    default: '50',
    group: 'Output',
  },
]

/** `kusto-arrow read`: the rows of a query or table. */
export const readCommand: CliCommand = {
  words: 'read',
  summary: 'read a query or a table: to the terminal, a file or a pipe',
  examples: [
    {
      line: "kusto-arrow read 'Samples | summarize count() by Level' --local",
      says: 'a query on this machine, with a table that is always there',
    },
    {
      line: 'kusto-arrow read Samples --local --out samples.parquet',
      says: 'a whole table to Parquet; csv, json, ndjson, arrow and arrows by the file’s name',
    },
    {
      line: "kusto-arrow read 'Samples | where Level == wanted' --param wanted=error --local",
      says: 'a value that cannot become KQL',
    },
    {
      line: 'kusto-arrow read StormEvents --mode distributed --partitions 8 --out storms.parquet',
      says: 'an export read by partitions, for results beyond the limits of a query',
    },
    {
      line: 'cat report.kql | kusto-arrow read - --output ndjson | head',
      says: 'a query from standard input, rows to a pipe',
    },
    {
      line: "kusto-arrow read Samples --where 'Value > 80' --columns Id,Value --explain --local",
      says: 'what would be sent, and why, without running it',
    },
  ],
  operands: [{ name: 'query', optional: true, help: 'KQL, or the name of a table; - takes it from standard input' }],
  flags: [
    ...QUERY_FLAGS,
    ...OUTPUT_FLAGS,
    { name: 'explain', kind: 'switch', help: 'tell what a run would do, and do not run it', group: 'Output' },
    ...READ_FLAGS,
    ...CONNECTION_FLAGS,
  ],
  notes: [
    'A table shows the first rows and stops there; the other formats have all rows. Times and decimals keep every digit in ' +
      'table, csv, json and ndjson; arrow and parquet have microseconds and decimal(38, 18).',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-read.ts')).runRead(call),
}

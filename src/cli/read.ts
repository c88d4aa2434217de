import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { OUTPUT_FLAGS } from './output-flags.ts'
import { READ_FLAGS } from './read-flags.ts'
import { QUERY_FLAGS } from './query-flags.ts'

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
    'With --local a read is one query without the limits of a cluster, unless --mode or --partitions asks for an export.',
    'A table shows the first rows and stops there; the other formats have all rows. Times and decimals keep every digit in ' +
      'table, csv, json and ndjson; arrow and parquet have microseconds and decimal(38, 18).',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-read.ts')).runRead(call),
}

import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { INPUT_FLAGS, WRITE_FLAGS } from './write-flags.ts'

/** `kusto-arrow write`: files into a table. */
export const writeCommand: CliCommand = {
  words: 'write',
  summary: 'write files into a table: Parquet, CSV, Arrow, JSON, NDJSON',
  examples: [
    {
      line: 'kusto-arrow write Storms storms.parquet --create',
      says: 'creates the table from the file’s schema and waits for the rows',
    },
    {
      line: "kusto-arrow write Storms 'data/**/*.csv' --dry-run",
      says: 'the commands, the mapping and how files and table differ; nothing is written',
    },
    {
      line: 'kusto-arrow write Storms storms.parquet --no-wait --receipt storms.receipt.json',
      says: 'ends when all is queued; look again with: kusto-arrow receipt storms.receipt.json',
    },
    {
      line: 'kusto-arrow write Storms today.csv --mode replace --replace-tag 2026-01-01',
      says: 'all rows at once in the place of those with that tag',
    },
    {
      line: 'cat rows.ndjson | kusto-arrow write Events - --input-format ndjson --create --local --data-dir ./kusto-data',
      says: 'rows from a pipe, into an embedded Kusto that is kept',
    },
  ],
  operands: [
    { name: 'table', help: 'the table' },
    { name: 'files', many: true, help: 'files, patterns such as data/*.parquet, or - for standard input' },
  ],
  flags: [
    ...INPUT_FLAGS,
    ...WRITE_FLAGS,
    { name: 'dry-run', kind: 'switch', help: 'tell what would be done, and do nothing', group: 'Output' },
    {
      name: 'receipt',
      kind: 'text',
      value: 'FILE',
      help: 'save the receipt, which holds no credential',
      group: 'Output',
    },
    ...CONNECTION_FLAGS,
  ],
  notes: [
    'What is queued is loaded even when the command ends before it has arrived. All files must have the same columns.',
    'Types of CSV and JSON columns that neither the table nor --types has are inferred from the first 20,000 rows and hold for ' +
      'all files: a later value that does not fit is an error with its file and row. Whole numbers keep every digit: they are ' +
      'long, decimal, or where they are longer than 20 digits string.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-write.ts')).runWrite(call),
}

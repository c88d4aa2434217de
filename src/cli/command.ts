import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { OUTPUT_FLAGS } from './output-flags.ts'

/** `kusto-arrow command`: a management command. */
export const commandCommand: CliCommand = {
  words: 'command',
  summary: 'run a management command and show its answer',
  examples: [
    { line: "kusto-arrow command '.show tables' --local", says: 'the answer as a table' },
    { line: "kusto-arrow command '.show cluster' --output json", says: 'as JSON; csv, ndjson, arrow and parquet too' },
    { line: 'kusto-arrow command --file setup.kql', says: 'one command from a file' },
  ],
  operands: [{ name: 'command', optional: true, help: 'the command, which begins with a dot; - is standard input' }],
  flags: [
    { name: 'file', kind: 'text', value: 'FILE', help: 'take the command from a file; - is standard input' },
    {
      name: 'ingestion-endpoint',
      kind: 'switch',
      help: 'send it to the ingestion endpoint, as .show ingestion resources needs',
    },
    ...OUTPUT_FLAGS,
    ...CONNECTION_FLAGS,
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-command.ts')).runCommand(call),
}

/** `kusto-arrow tables`: what the database has. */
export const tablesCommand: CliCommand = {
  words: 'tables',
  summary: 'list the tables of the database, with rows and size',
  examples: [
    {
      line: 'kusto-arrow tables --local --load Flights=flights.parquet',
      says: 'every table with rows, size and columns',
    },
    { line: 'kusto-arrow tables --output json', says: 'for a script' },
  ],
  operands: [],
  flags: [...OUTPUT_FLAGS, ...CONNECTION_FLAGS],
  run: async (call: CliCall): Promise<number> => (await import('./run-command.ts')).runTables(call),
}

/** `kusto-arrow schema`: the columns of a table or query. */
export const schemaCommand: CliCommand = {
  words: 'schema',
  summary: 'show the columns of a table or a query: Kusto and Arrow types',
  examples: [
    { line: 'kusto-arrow schema Samples --local', says: 'columns with their types' },
    { line: "kusto-arrow schema 'StormEvents | summarize count() by State'", says: 'of a query, which is not run' },
    { line: 'kusto-arrow schema Samples --ddl --local', says: 'as the command that creates the table' },
  ],
  operands: [{ name: 'table', help: 'the name of a table, or a query' }],
  flags: [
    { name: 'ddl', kind: 'switch', help: 'print .create-merge table for it', group: 'Output' },
    {
      name: 'name',
      kind: 'text',
      value: 'TABLE',
      help: 'with --ddl: the name of the table',
      default: 'that of the table, or Table',
      group: 'Output',
    },
    ...CONNECTION_FLAGS,
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-command.ts')).runSchema(call),
}

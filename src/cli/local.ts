import type { CliCall, CliCommand } from './cli-command.ts'

/** `kusto-arrow local`: serves until a signal ends it. */
export const localCommand: CliCommand = {
  words: 'local',
  summary: 'start an embedded Kusto on this machine',
  examples: [
    { line: 'kusto-arrow local --port 8080', says: 'prints its cluster URL and serves until Ctrl-C' },
    { line: 'kusto-arrow local --data-dir ./kusto-data', says: 'keeps databases and blobs for the next time' },
  ],
  operands: [],
  flags: [
    {
      name: 'port',
      kind: 'number',
      value: 'N',
      min: 0,
      max: 65_535,
      help: 'port to listen on',
      default: 'the last one of the data folder, else any free one',
    },
    {
      name: 'data-dir',
      kind: 'text',
      value: 'DIR',
      help: 'folder to keep databases and blobs in',
      default: 'in memory',
    },
    { name: 'database', kind: 'text', value: 'NAME', help: 'name of the default database', default: 'db1' },
    { name: 'no-storage', kind: 'switch', help: 'without Azurite: no queued ingestion, no export to storage' },
  ],
  notes: ['The first line on standard output is the cluster URL. It is not Kusto, and not for production.'],
  run: async (call: CliCall): Promise<number> => (await import('./run-local.ts')).runLocal(call),
}

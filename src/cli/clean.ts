import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { STORAGE_FLAGS } from './read-flags.ts'

/** `kusto-arrow clean`: what killed reads and writes have left. */
export const cleanCommand: CliCommand = {
  words: 'clean',
  summary: 'find what killed reads and writes have left, and with --yes delete it',
  examples: [
    { line: 'kusto-arrow clean', says: 'lists staging tables that are older than a day; nothing is deleted' },
    { line: 'kusto-arrow clean --yes', says: 'drops those whose write must have ended' },
    {
      line: 'kusto-arrow clean --storage sas --storage-url https://me.blob.core.windows.net/exports --storage-secret-env EXPORTS_SAS --yes',
      says: 'also deletes exported blobs in storage of yours; the service’s own containers expire by themselves',
    },
  ],
  operands: [],
  flags: [
    { name: 'older-than', kind: 'duration', help: 'leave what is younger', default: '1d' },
    {
      name: 'directory',
      kind: 'text',
      value: 'PATH',
      help: 'below the container, where exported blobs lie',
      default: 'kusto-arrow',
    },
    { name: 'yes', kind: 'switch', help: 'delete; without it nothing is changed' },
    ...STORAGE_FLAGS,
    ...CONNECTION_FLAGS,
  ],
  notes: ['Exit code 5 when something could not be deleted.'],
  run: async (call: CliCall): Promise<number> => (await import('./run-clean.ts')).runClean(call),
}

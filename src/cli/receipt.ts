import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'

/** `kusto-arrow receipt`: what became of a write. */
export const receiptCommand: CliCommand = {
  words: 'receipt',
  summary: 'check a saved receipt of a write again',
  examples: [
    { line: 'kusto-arrow receipt storms.receipt.json', says: 'the state of every blob as the service tells it now' },
    {
      line: 'kusto-arrow receipt storms.receipt.json --wait --wait-timeout 30m',
      says: 'waits until every blob has reached its end, and fails with those that failed',
    },
  ],
  operands: [{ name: 'file', help: 'what write --receipt saved; - is standard input' }],
  flags: [
    { name: 'wait', kind: 'switch', help: 'wait for the rows to arrive, and save the outcome in the file' },
    { name: 'wait-timeout', kind: 'duration', help: 'how long to wait', default: '1h' },
    ...CONNECTION_FLAGS,
  ],
  notes: [
    'Cluster and database come from the receipt where no flag and no variable names others. Exit code 5 when blobs failed.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-receipt.ts')).runReceipt(call),
}

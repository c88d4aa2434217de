import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'

/** `kusto-arrow doctor`: what works and what does not. */
export const doctorCommand: CliCommand = {
  words: 'doctor',
  summary: 'check connection, identity, permissions and storage, and say what to do',
  examples: [
    {
      line: 'kusto-arrow doctor --cluster https://help.kusto.windows.net --database Samples',
      says: 'one line for each check, with what to do',
    },
    { line: 'kusto-arrow doctor --json', says: 'for a support ticket; it holds no secret' },
    { line: 'kusto-arrow doctor --local', says: 'whether the embedded Kusto works here' },
  ],
  operands: [],
  flags: [
    { name: 'timeout', kind: 'duration', help: 'longest wait of one check', default: '30s' },
    ...CONNECTION_FLAGS,
  ],
  notes: [
    'Nothing is changed: no table, no blob. Exit code 5 when a check failed, 3 when identity or permissions are what is wrong.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-doctor.ts')).runDoctor(call),
}

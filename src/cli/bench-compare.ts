import type { CliCall, CliCommand } from './cli-command.ts'

/** `kusto-arrow bench compare`: what changed between two results. */
export const benchCompareCommand: CliCommand = {
  words: 'bench compare',
  summary: 'compare two results of a benchmark; exit code 1 when the second one is slower',
  examples: [
    { line: 'kusto-arrow bench compare before.json after.json', says: 'what changed, with 95 % intervals' },
    {
      line: 'kusto-arrow bench compare main.json branch.json --regression 5 --json',
      says: 'for CI: exit code 1 when a configuration is slower by more than 5 % beyond chance',
    },
  ],
  operands: [
    { name: 'before', help: 'the JSON that --out of a benchmark wrote' },
    { name: 'after', help: 'a later one, of the same sweep' },
  ],
  flags: [
    {
      name: 'regression',
      kind: 'number',
      value: 'PERCENT',
      min: 0,
      max: 10_000,
      help: 'how much slower a configuration may be',
      default: '10',
    },
    {
      name: 'seed',
      kind: 'number',
      value: 'N',
      min: 0,
      max: 4_294_967_295,
      help: 'of the intervals',
      default: '1',
    },
  ],
  notes: [
    'A configuration is a regression when the whole 95 % interval of its change is on the slow side and the change is more ' +
      'than PERCENT, or when it has no run that counts any more. With fewer than three runs on a side nothing is decided.',
  ],
  run: async (call: CliCall): Promise<number> => (await import('./bench-compare-run.ts')).runBenchCompare(call),
}

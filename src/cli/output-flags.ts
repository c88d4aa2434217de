import type { Flag } from './flags.ts'
import { FORMAT_NAMES } from './output-format.ts'

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

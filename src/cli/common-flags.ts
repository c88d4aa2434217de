import type { Flag } from './flags.ts'

/** Flags of every command. */
export const COMMON_FLAGS: readonly Flag[] = [
  { name: 'json', kind: 'switch', help: 'the result as one JSON document; errors as JSON too', group: 'Everywhere' },
  {
    name: 'ndjson',
    kind: 'switch',
    help: 'each event of the work as a line of JSON on standard error, and the result as one line',
    group: 'Everywhere',
  },
  { name: 'quiet', kind: 'switch', help: 'nothing on standard error but warnings and errors', group: 'Everywhere' },
  { name: 'verbose', kind: 'switch', help: 'more about what is done, and the causes of errors', group: 'Everywhere' },
  { name: 'no-color', kind: 'switch', help: 'no colour, as with NO_COLOR', group: 'Everywhere' },
  { name: 'help', kind: 'switch', help: 'this text', group: 'Everywhere' },
]

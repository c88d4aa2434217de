import type { Flag } from './flags.ts'

/** A query, and the values that it uses. */
export const QUERY_TEXT_FLAGS: readonly Flag[] = [
  {
    name: 'file',
    kind: 'text',
    value: 'FILE',
    help: 'take the query from a file; - is standard input',
    group: 'Query',
  },
  {
    name: 'param',
    kind: 'list',
    value: 'NAME[:TYPE]=VALUE',
    help: 'a value that the query uses by name, sent as a query parameter; string where no type is said',
    group: 'Query',
  },
]

/** What the rows of a query are. */
export const QUERY_FLAGS: readonly Flag[] = [
  ...QUERY_TEXT_FLAGS,
  { name: 'columns', kind: 'list', value: 'A,B', split: true, help: 'these columns, in this order', group: 'Query' },
  { name: 'where', kind: 'list', value: 'CONDITION', help: 'rows for which this KQL condition holds', group: 'Query' },
  {
    name: 'limit',
    kind: 'number',
    value: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'at most so many rows',
    group: 'Query',
  },
]

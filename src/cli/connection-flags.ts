import type { Flag } from './flags.ts'

const GROUP = 'Connection'

/** Flags of every command that talks to a Kusto. */
export const CONNECTION_FLAGS: readonly Flag[] = [
  {
    name: 'cluster',
    kind: 'text',
    value: 'URL',
    help: 'the cluster; a path of one segment is the database',
    default: '$KUSTO_CLUSTER',
    group: GROUP,
  },
  { name: 'database', kind: 'text', value: 'NAME', help: 'the database', default: '$KUSTO_DATABASE', group: GROUP },
  {
    name: 'connection-string-env',
    kind: 'text',
    value: 'VARIABLE',
    help: 'environment variable that holds a Kusto connection string; --cluster and --database win over its parts',
    default: '$KUSTO_CONNECTION_STRING',
    group: GROUP,
  },
  {
    name: 'token-env',
    kind: 'text',
    value: 'VARIABLE',
    help: 'environment variable that holds a token; without it the connection string or the default Azure credential signs in',
    group: GROUP,
  },
  {
    name: 'ingestion-cluster',
    kind: 'text',
    value: 'URL',
    help: 'the ingestion endpoint, where it does not follow from the cluster',
    group: GROUP,
  },
  {
    name: 'trusted-host',
    kind: 'list',
    value: 'HOST',
    help: 'a further host that may see a token: a full name, or a suffix that starts with a dot',
    group: GROUP,
  },
  {
    name: 'local',
    kind: 'switch',
    help: 'run on an embedded Kusto that ends with the command; it has a table Samples of 1,000 rows',
    group: 'On this machine',
  },
  {
    name: 'data-dir',
    kind: 'text',
    value: 'DIR',
    help: 'with --local: keep its databases in this folder for the next time',
    default: 'in memory',
    group: 'On this machine',
  },
  {
    name: 'load',
    kind: 'list',
    value: 'TABLE=FILE',
    help: 'with --local: put a file into a table first (Parquet, CSV, Arrow, JSON, NDJSON); a table that exists is left as it is',
    group: 'On this machine',
  },
]

import type { Flag } from './flags.ts'

export const MODES = ['auto', 'single', 'distributed'] as const
export const PARTITION_KINDS = ['hash', 'range'] as const
export const BOUNDS = ['equal-width', 'quantiles'] as const
export const COMPRESSIONS = ['snappy', 'gzip', 'lz4_raw', 'brotli', 'zstd', 'none'] as const
export const DISTRIBUTIONS = ['per_shard', 'per_node', 'single'] as const
export const STORAGE_KINDS = ['service', 'account-key', 'sas', 'impersonate', 'managed-identity', 'onelake'] as const

/** Where exported blobs lie: of every command that exports or reads what was exported. */
export const STORAGE_FLAGS: readonly Flag[] = [
  {
    name: 'storage',
    kind: 'choice',
    choices: STORAGE_KINDS,
    help: 'where exported blobs lie',
    default: 'service',
    group: 'Export',
  },
  {
    name: 'storage-url',
    kind: 'list',
    value: 'URL',
    help: 'container or folder, without a signature',
    group: 'Export',
  },
  {
    name: 'storage-secret-env',
    kind: 'text',
    value: 'VARIABLE',
    help: 'environment variable that holds the account key or the signature of --storage',
    group: 'Export',
  },
]

/** Of every command that decodes what was exported. */
export const WORKERS_FLAG: Flag = {
  name: 'workers',
  kind: 'number',
  value: 'N',
  min: 1,
  max: 64,
  help: 'threads that decode blobs',
  default: 'cores - 1, at most 4',
  group: 'Reading',
}

/** How a query is read. */
export const READ_FLAGS: readonly Flag[] = [
  {
    name: 'mode',
    kind: 'choice',
    choices: MODES,
    help: 'one query, or an export read by partitions; auto exports when the service reports a limit',
    default: 'auto',
    group: 'Reading',
  },
  {
    name: 'partitions',
    kind: 'number',
    value: 'N',
    min: 1,
    max: 10_000,
    help: 'partitions of an export',
    default: 'as many as workers',
    group: 'Reading',
  },
  WORKERS_FLAG,
  {
    name: 'partition-by',
    kind: 'text',
    value: 'COLUMN',
    help: 'cut by this column, one export per partition',
    group: 'Reading',
  },
  {
    name: 'partition-kind',
    kind: 'choice',
    choices: PARTITION_KINDS,
    help: 'by the hash of the column or by ranges of it',
    default: 'hash',
    group: 'Reading',
  },
  {
    name: 'partition-bounds',
    kind: 'choice',
    choices: BOUNDS,
    help: 'how ranges are cut',
    default: 'equal-width',
    group: 'Reading',
  },
  {
    name: 'timeout',
    kind: 'duration',
    help: 'deadline of the whole read; the service is told to stop too',
    group: 'Reading',
  },
  {
    name: 'property',
    kind: 'list',
    value: 'NAME=VALUE',
    help: 'a client request property, by the service’s name',
    group: 'Reading',
  },
  {
    name: 'export-compression',
    kind: 'choice',
    choices: COMPRESSIONS,
    help: 'codec of exported blobs',
    default: 'snappy',
    group: 'Export',
  },
  {
    name: 'distribution',
    kind: 'choice',
    choices: DISTRIBUTIONS,
    help: 'who writes the blobs',
    default: 'per_shard',
    group: 'Export',
  },
  {
    name: 'size-limit',
    kind: 'bytes',
    help: 'size of an exported blob before compression',
    default: '100 MB',
    group: 'Export',
  },
  { name: 'keep-blobs', kind: 'switch', help: 'leave exported blobs where they are', group: 'Export' },
  ...STORAGE_FLAGS,
]

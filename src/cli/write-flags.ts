import type { Flag } from './flags.ts'
import { INPUT_FORMATS } from './input-format.ts'

export const WRITE_MODES = ['queued', 'transactional', 'replace', 'streaming'] as const
export const ADJUSTMENTS = [
  'ByName',
  'NoAdjustment',
  'FailIfNotMatch',
  'GenerateDynamicCsvMapping',
  'AddColumns',
] as const
export const WRITE_FORMATS = ['parquet', 'csv'] as const
export const WRITE_COMPRESSIONS = ['zstd', 'snappy', 'gzip', 'none'] as const
export const STAGE_KINDS = ['service', 'account-key', 'sas', 'user-delegation', 'managed-identity', 'onelake'] as const

/** Of every command that takes files of rows. */
export const INPUT_FORMAT_FLAG: Flag = {
  name: 'input-format',
  kind: 'choice',
  choices: INPUT_FORMATS,
  help: 'what the files hold',
  default: 'by their names',
  group: 'Input',
}

/** What the files hold. */
export const INPUT_FLAGS: readonly Flag[] = [
  INPUT_FORMAT_FLAG,
  {
    name: 'delimiter',
    kind: 'text',
    value: 'CHAR',
    help: 'between the fields of CSV; \\t is a tab',
    default: ',',
    group: 'Input',
  },
  {
    name: 'no-header',
    kind: 'switch',
    help: 'the first line of CSV is data; the columns are Column1, Column2 ...',
    group: 'Input',
  },
  {
    name: 'types',
    kind: 'text',
    value: 'SCHEMA',
    help: 'Kusto types of columns of CSV and JSON: a:long, b:datetime',
    default: 'those of the table, or inferred from the first rows',
    group: 'Input',
  },
]

/** How rows reach the table; each stands for an option of `kusto.write`. */
export const WRITE_FLAGS: readonly Flag[] = [
  {
    name: 'mode',
    kind: 'choice',
    choices: WRITE_MODES,
    help: 'queued; all rows or none; in the place of what the table holds; or streamed',
    default: 'queued',
    group: 'Writing',
  },
  { name: 'create', kind: 'switch', help: 'create the table when it does not exist', group: 'Writing' },
  {
    name: 'adjust-schema',
    kind: 'choice',
    choices: ADJUSTMENTS,
    help: 'how columns of the data meet those of the table',
    default: 'ByName',
    group: 'Writing',
  },
  {
    name: 'no-wait',
    kind: 'switch',
    help: 'end when the service has queued the rows; see the command receipt',
    group: 'Writing',
  },
  {
    name: 'wait-timeout',
    kind: 'duration',
    help: 'how long to wait for the rows to arrive',
    default: '1h',
    group: 'Writing',
  },
  { name: 'flush', kind: 'switch', help: 'ask the service not to wait for more data', group: 'Writing' },
  { name: 'flush-full-blobs', kind: 'switch', help: 'as --flush, for all blobs but the last', group: 'Writing' },
  {
    name: 'replace-tag',
    kind: 'text',
    value: 'TAG',
    help: 'with --mode replace: only what carries this drop-by tag',
    group: 'Writing',
  },
  {
    name: 'staging-table',
    kind: 'text',
    value: 'TABLE',
    help: 'with --mode transactional: an empty table of yours to load into',
    group: 'Writing',
  },
  {
    name: 'staging-timeout',
    kind: 'duration',
    help: 'when the service deletes a staging table that nobody dropped',
    default: '7d',
    group: 'Writing',
  },
  {
    name: 'format',
    kind: 'choice',
    choices: WRITE_FORMATS,
    help: 'of the blobs',
    default: 'parquet where every column survives it',
    group: 'Blobs',
  },
  {
    name: 'compression',
    kind: 'choice',
    choices: WRITE_COMPRESSIONS,
    help: 'of Parquet blobs',
    default: 'zstd',
    group: 'Blobs',
  },
  {
    name: 'blob-size',
    kind: 'bytes',
    help: 'rows of a blob before encoding, at most',
    default: '64MiB',
    group: 'Blobs',
  },
  {
    name: 'uploads',
    kind: 'number',
    value: 'N',
    min: 1,
    max: 64,
    help: 'blobs under way at once',
    default: '3',
    group: 'Blobs',
  },
  {
    name: 'encode-workers',
    kind: 'number',
    value: 'N',
    min: 0,
    max: 64,
    help: 'threads that encode',
    default: 'cores - 1, at most 4',
    group: 'Blobs',
  },
  { name: 'buffer', kind: 'bytes', help: 'what the write may hold at once', default: '256MiB', group: 'Blobs' },
  {
    name: 'storage',
    kind: 'choice',
    choices: STAGE_KINDS,
    help: 'where blobs are staged',
    default: 'service',
    group: 'Blobs',
  },
  { name: 'storage-url', kind: 'list', value: 'URL', help: 'container or folder, without a signature', group: 'Blobs' },
  {
    name: 'storage-secret-env',
    kind: 'text',
    value: 'VARIABLE',
    help: 'environment variable that holds the account key or the signature of --storage',
    group: 'Blobs',
  },
  {
    name: 'keep-blobs',
    kind: 'switch',
    help: 'the service does not delete a blob once it is ingested',
    group: 'Blobs',
  },
  { name: 'drop-by', kind: 'list', value: 'TAG', split: true, help: 'drop-by: tags of the extents', group: 'Tags' },
  { name: 'ingest-by', kind: 'list', value: 'TAG', split: true, help: 'ingest-by: tags of the extents', group: 'Tags' },
  { name: 'tag', kind: 'list', value: 'TAG', split: true, help: 'further tags', group: 'Tags' },
  {
    name: 'unless-ingested',
    kind: 'list',
    value: 'TAG',
    split: true,
    help: 'write nothing when an extent carries one of these ingest-by: tags',
    group: 'Tags',
  },
  {
    name: 'deduplicate',
    kind: 'text',
    value: 'NAME',
    help: 'a name for the data: writing them again under it loads nothing twice',
    group: 'Tags',
  },
  {
    name: 'creation-time',
    kind: 'text',
    value: 'TIME',
    help: 'creation time of the extents',
    default: 'when they are ingested',
    group: 'Tags',
  },
  {
    name: 'mapping',
    kind: 'text',
    value: 'FILE',
    help: 'an ingestion mapping as JSON, in place of --adjust-schema',
    group: 'Mapping',
  },
  { name: 'mapping-name', kind: 'text', value: 'NAME', help: 'a mapping that the table stores', group: 'Mapping' },
  {
    name: 'source-column',
    kind: 'text',
    value: 'NAME',
    help: 'a column that gets the URL of the blob each row came in',
    group: 'Mapping',
  },
]

import { extname } from 'node:path'
import { usageError } from './usage-error.ts'

/** How rows leave the command. */
export type OutputFormat = 'table' | 'csv' | 'json' | 'ndjson' | 'arrow' | 'arrows' | 'parquet'

export interface FormatRule {
  readonly format: OutputFormat
  readonly extensions: readonly string[]
  readonly isBinary: boolean
  readonly says: string
}

/** Every format, for help and docs. */
export const FORMATS: readonly FormatRule[] = [
  {
    format: 'table',
    extensions: ['.txt'],
    isBinary: false,
    says: 'for people: as wide as the terminal, with types and row count',
  },
  {
    format: 'csv',
    extensions: ['.csv'],
    isBinary: false,
    says: 'RFC 4180 with a header; null is an empty field, an empty text is ""',
  },
  { format: 'json', extensions: ['.json'], isBinary: false, says: 'one array of objects' },
  { format: 'ndjson', extensions: ['.ndjson', '.jsonl'], isBinary: false, says: 'an object a line' },
  { format: 'arrow', extensions: ['.arrow', '.feather', '.ipc'], isBinary: true, says: 'Arrow IPC file' },
  { format: 'arrows', extensions: ['.arrows'], isBinary: true, says: 'Arrow IPC stream' },
  { format: 'parquet', extensions: ['.parquet', '.pq'], isBinary: true, says: 'Parquet, zstd' },
]

export const FORMAT_NAMES: readonly OutputFormat[] = FORMATS.map(({ format }) => format)

/** Formats that carry times and decimals as text, with every digit. */
export function isTextFormat(format: OutputFormat): boolean {
  return FORMATS.some((rule) => rule.format === format && !rule.isBinary)
}

/**
 * The format that a file's name stands for, without the `.gz` it may end with.
 * @throws {KustoUsageError} CLI_USAGE when it stands for none
 */
export function formatOfName(file: string): OutputFormat {
  const extension = extname(file.toLowerCase().replace(/\.gz$/, ''))
  const rule = FORMATS.find(({ extensions }) => extensions.includes(extension))
  if (rule !== undefined) return rule.format
  // A table goes to the terminal alone: a name that stands for it is refused.
  const known = FORMATS.flatMap(({ format, extensions }) => (format === 'table' ? [] : extensions)).join(', ')
  throw usageError(`expected a file name that ends with one of ${known}, or --output, found ${file}`)
}

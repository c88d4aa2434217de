import { extname } from 'node:path'
import { usageError } from './usage-error.ts'

/** What a file to write holds. */
export const INPUT_FORMATS = ['parquet', 'csv', 'tsv', 'arrow', 'json', 'ndjson'] as const
export type InputFormat = (typeof INPUT_FORMATS)[number]

const BY_EXTENSION: ReadonlyMap<string, InputFormat> = new Map([
  ['.parquet', 'parquet'],
  ['.pq', 'parquet'],
  ['.csv', 'csv'],
  ['.tsv', 'tsv'],
  ['.arrow', 'arrow'],
  ['.arrows', 'arrow'],
  ['.feather', 'arrow'],
  ['.ipc', 'arrow'],
  ['.json', 'json'],
  ['.ndjson', 'ndjson'],
  ['.jsonl', 'ndjson'],
])

/**
 * The format that a file's name stands for, without the `.gz` it may end with.
 * @throws {KustoUsageError} CLI_USAGE when it stands for none
 */
export function inputFormatOf(file: string): InputFormat {
  const format = BY_EXTENSION.get(extname(file.toLowerCase().replace(/\.gz$/, '')))
  if (format !== undefined) return format
  if (file === '-') throw usageError('standard input has no name: say what it is with --input-format')
  throw usageError(
    `expected a name that ends with one of ${[...BY_EXTENSION.keys()].join(', ')}, or --input-format, found ${file}`,
  )
}

import { badOption } from '../base/check-options.ts'

/** Formats of files that the service reads, by its own names. */
export type IngestFormat =
  | 'csv'
  | 'tsv'
  | 'scsv'
  | 'sohsv'
  | 'psv'
  | 'tsve'
  | 'txt'
  | 'raw'
  | 'json'
  | 'multijson'
  | 'avro'
  | 'apacheavro'
  | 'parquet'
  | 'orc'
  | 'w3clogfile'

export interface IngestFormatRule {
  /** The kind of mapping that fits, as messages say it; commands take it in lower case. */
  readonly mapping: 'Csv' | 'Json' | 'Avro' | 'ApacheAvro' | 'Parquet' | 'Orc' | 'W3CLogFile'
  /** Whether the streaming route takes it, and whether it then needs a stored mapping. */
  readonly streaming: 'no' | 'yes' | 'with-mapping'
  /** Compressed inside, so that gzip around it saves nothing. */
  readonly isBinary: boolean
  /** Endings of file names that tell it. */
  readonly extensions: readonly string[]
}

const text = (extension: string): IngestFormatRule => ({
  mapping: 'Csv',
  streaming: 'yes',
  isBinary: false,
  extensions: [extension],
})

/** @see https://learn.microsoft.com/kusto/ingestion-supported-formats */
export const INGEST_FORMATS: Readonly<Record<IngestFormat, IngestFormatRule>> = {
  csv: text('csv'),
  tsv: text('tsv'),
  scsv: text('scsv'),
  sohsv: text('sohsv'),
  psv: text('psv'),
  tsve: { ...text('tsve'), streaming: 'no' },
  txt: { ...text('txt'), streaming: 'no' },
  raw: { ...text('raw'), streaming: 'no' },
  json: { mapping: 'Json', streaming: 'with-mapping', isBinary: false, extensions: ['json', 'jsonl', 'ndjson'] },
  multijson: { mapping: 'Json', streaming: 'with-mapping', isBinary: false, extensions: ['multijson'] },
  avro: { mapping: 'Avro', streaming: 'with-mapping', isBinary: true, extensions: ['avro'] },
  apacheavro: { mapping: 'ApacheAvro', streaming: 'no', isBinary: true, extensions: ['apacheavro'] },
  parquet: { mapping: 'Parquet', streaming: 'no', isBinary: true, extensions: ['parquet'] },
  orc: { mapping: 'Orc', streaming: 'no', isBinary: true, extensions: ['orc'] },
  w3clogfile: { mapping: 'W3CLogFile', streaming: 'no', isBinary: false, extensions: ['w3clogfile'] },
}

/**
 * The format that a file's name tells: by its ending, or by the one before `.gz` or `.zip`.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION when it tells none
 */
export function formatOfName(fileName: string): IngestFormat {
  const ending =
    fileName
      .toLowerCase()
      .replace(/\.(?:gz|zip)$/, '')
      .split('.')
      .at(-1) ?? ''
  const found = Object.entries(INGEST_FORMATS).find(([, { extensions }]) => extensions.includes(ending))
  if (found !== undefined) return found[0] as IngestFormat
  throw badOption(`expected a file whose name tells its format, found ${fileName}: give the option format`)
}

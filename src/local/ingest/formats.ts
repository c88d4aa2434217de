import { LocalError, notSupported } from '../server/local-error.ts'

/** Formats that the embedded Kusto ingests. */
export type IngestFormat =
  | 'csv'
  | 'tsv'
  | 'psv'
  | 'scsv'
  | 'sohsv'
  | 'tsve'
  | 'txt'
  | 'raw'
  | 'json'
  | 'multijson'
  | 'parquet'

/** Kind of mapping that fits a format. */
export type MappingKind = 'csv' | 'json' | 'parquet'

export interface FormatRule {
  readonly mapping: MappingKind
  /** Separator of a format that follows RFC 4180. */
  readonly separator?: string
  readonly extension: string
}

export const FORMATS: Readonly<Record<IngestFormat, FormatRule>> = {
  csv: { mapping: 'csv', separator: ',', extension: 'csv' },
  tsv: { mapping: 'csv', separator: '\t', extension: 'tsv' },
  psv: { mapping: 'csv', separator: '|', extension: 'psv' },
  scsv: { mapping: 'csv', separator: ';', extension: 'scsv' },
  sohsv: { mapping: 'csv', separator: '\u0001', extension: 'sohsv' },
  tsve: { mapping: 'csv', extension: 'tsve' },
  txt: { mapping: 'csv', extension: 'txt' },
  raw: { mapping: 'csv', extension: 'raw' },
  json: { mapping: 'json', extension: 'json' },
  multijson: { mapping: 'json', extension: 'multijson' },
  parquet: { mapping: 'parquet', extension: 'parquet' },
}

/** Formats of the service that the embedded Kusto refuses. */
const OTHER_FORMATS = ['avro', 'apacheavro', 'orc', 'sstream', 'w3clogfile', 'singlejson', 'azmonstream']

/** Reads the name of a format in any case. */
export function parseFormat(text: string): IngestFormat {
  const wanted = text.trim().toLowerCase()
  for (const format of formatNames()) if (format === wanted) return format
  if (OTHER_FORMATS.includes(wanted)) throw notSupported(`ingestion of the format '${wanted}'`)
  throw new LocalError('BadRequest_FormatNotSupported', `unknown ingestion format '${text}'`)
}

/** Tells the format from the last extension that is not one of compression. */
export function formatOfName(path: string): IngestFormat {
  const name = (path.split('/').at(-1) ?? '').toLowerCase()
  if (name.endsWith('.zip')) throw notSupported('ingestion from zip archives')
  const extension = name.replace(/\.gz$/, '').split('.').at(-1) ?? ''
  for (const format of formatNames()) if (FORMATS[format].extension === extension) return format
  throw new LocalError(
    'BadRequest_FormatNotSupported',
    `the format of '${name}' is not known from its name: give the property format`,
  )
}

function formatNames(): readonly IngestFormat[] {
  return Object.keys(FORMATS) as IngestFormat[]
}

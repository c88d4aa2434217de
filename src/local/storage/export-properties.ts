import { LocalError, notSupported } from '../server/local-error.ts'

export type ExportFormat = 'csv' | 'tsv' | 'json' | 'parquet'

/** The `with (...)` clause of `.export`, with defaults filled in. */
export interface ExportSettings {
  readonly format: ExportFormat
  /** What the bytes are compressed with; `none` without the keyword `compressed`. */
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4_raw' | 'brotli' | 'zstd'
  readonly namePrefix: string | undefined
  /** With its dot, without `.gz`. */
  readonly fileExtension: string
  readonly includeHeaders: 'none' | 'all' | 'firstFile'
  readonly byteOrderMark: boolean
  readonly distribution: 'single' | 'per_node' | 'per_shard'
  /** Bytes of one artifact before compression. */
  readonly sizeLimit: number
  readonly rowGroupRows: number
  readonly datetimePrecision: 'millisecond' | 'microsecond'
}

const DEFAULT_SIZE_LIMIT = 100 * 1024 * 1024
const MAX_SIZE_LIMIT = 4 * 1024 * 1024 * 1024

/** Property by lower-case name to the formats that take it. */
const PROPERTIES: ReadonlyMap<string, readonly ExportFormat[]> = new Map<string, readonly ExportFormat[]>([
  ['nameprefix', ['csv', 'tsv', 'json', 'parquet']],
  ['fileextension', ['csv', 'tsv', 'json', 'parquet']],
  ['includeheaders', ['csv', 'tsv']],
  ['encoding', ['csv', 'tsv', 'json']],
  ['compressiontype', ['csv', 'tsv', 'json', 'parquet']],
  ['distribution', ['csv', 'tsv', 'json', 'parquet']],
  ['distributed', ['csv', 'tsv', 'json', 'parquet']],
  ['sizelimit', ['csv', 'tsv', 'json', 'parquet']],
  ['persistdetails', ['csv', 'tsv', 'json', 'parquet']],
  ['parquetrowgroupsize', ['parquet']],
  ['parquetdatetimeprecision', ['parquet']],
  ['usenativeparquetwriter', ['parquet']],
])

export interface ExportClause {
  readonly format: string
  /** Whether the keyword `compressed` is there. */
  readonly compressed: boolean
  /** Pairs of the `with (...)` clause, unquoted; names in any case. */
  readonly properties: readonly (readonly [string, string])[]
}

/**
 * Checks the properties of an export and fills in the defaults.
 *
 * @throws {LocalError} for a format, a property or a value that is not known, or a property that the format does not take
 */
export function exportSettings(clause: ExportClause, minimumSizeLimit: number): ExportSettings {
  const format = oneOf('format', clause.format, ['csv', 'tsv', 'json', 'parquet'])
  const given = new Map<string, string>()
  for (const [name, value] of clause.properties) {
    const key = name.toLowerCase()
    const formats = PROPERTIES.get(key)
    if (formats === undefined) throw notSupported(`the export property '${name}'`)
    if (!formats.includes(format)) throw bad(`the export property '${name}' does not apply to ${format}`)
    if (given.has(key)) throw bad(`the export property '${name}' is given twice`)
    given.set(key, value)
  }
  flag(given, 'persistDetails')
  // The two writers of the service differ in encodings; there is one writer here, and any reader takes what it writes.
  flag(given, 'useNativeParquetWriter')
  const codec = oneOf(
    'compressionType',
    given.get('compressiontype') ?? 'gzip',
    format === 'parquet' ? ['gzip', 'snappy', 'lz4_raw', 'brotli', 'zstd'] : ['gzip'],
  )
  const distribution = oneOf('distribution', given.get('distribution') ?? 'per_shard', [
    'single',
    'per_node',
    'per_shard',
  ])
  return {
    format,
    compression: clause.compressed ? codec : 'none',
    namePrefix: given.get('nameprefix'),
    fileExtension: extension(given.get('fileextension') ?? format),
    includeHeaders: oneOf('includeHeaders', given.get('includeheaders') ?? 'none', ['none', 'all', 'firstFile']),
    byteOrderMark: oneOf('encoding', given.get('encoding') ?? 'UTF8NoBOM', ['UTF8NoBOM', 'UTF8BOM']) === 'UTF8BOM',
    distribution: flag(given, 'distributed') === false ? 'single' : distribution,
    sizeLimit: whole(given, 'sizeLimit', {
      smallest: minimumSizeLimit,
      largest: MAX_SIZE_LIMIT,
      absent: DEFAULT_SIZE_LIMIT,
    }),
    rowGroupRows: whole(given, 'parquetRowGroupSize', { smallest: 1, largest: 1_000_000_000, absent: 100_000 }),
    datetimePrecision: oneOf('parquetDatetimePrecision', given.get('parquetdatetimeprecision') ?? 'millisecond', [
      'millisecond',
      'microsecond',
    ]),
  }
}

/** Whether `.show operation <id> details` gives the artifacts later: by default when the export is async. */
export function keepsExportDetails(properties: ExportClause['properties'], isAsync: boolean): boolean {
  const given = properties.find(([name]) => name.toLowerCase() === 'persistdetails')?.[1]
  return given === undefined ? isAsync : given.toLowerCase() === 'true'
}

function oneOf<const V extends string>(name: string, value: string, values: readonly V[]): V {
  const found = values.find((each) => each.toLowerCase() === value.toLowerCase())
  if (found === undefined) throw bad(`'${name}' is '${value}', expected one of ${values.join(', ')}`)
  return found
}

function flag(given: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const value = given.get(name.toLowerCase())
  return value === undefined ? undefined : oneOf(name, value, ['true', 'false']) === 'true'
}

interface Range {
  readonly smallest: number
  readonly largest: number
  readonly absent: number
}

function whole(given: ReadonlyMap<string, string>, name: string, { smallest, largest, absent }: Range): number {
  const text = given.get(name.toLowerCase())
  if (text === undefined) return absent
  const value = /^(long\()?\d{1,15}\)?$/.test(text) ? Number(text.replaceAll(/\D/g, '')) : Number.NaN
  if (!(value >= smallest && value <= largest)) throw bad(`'${name}' is ${text}, expected ${smallest} to ${largest}`)
  return value
}

function extension(text: string): string {
  const name = text.startsWith('.') ? text : `.${text}`
  if (!/^\.[\w.-]+$/.test(name)) throw bad(`'fileExtension' is '${text}', expected letters, digits, dots and dashes`)
  return name
}

function bad(message: string): LocalError {
  return new LocalError('General_BadRequest', message)
}

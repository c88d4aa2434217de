import { join } from 'node:path'
import { castTo } from '../kql/casts.ts'
import { quoteText, sqlLiteral } from '../kql/sql.ts'
import type { Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import { FORMATS } from './formats.ts'
import type { LoadPlan, LoadRequest } from './load.ts'
import type { MappedColumn } from './mapping.ts'
import {
  delimitedRecords,
  escapedRecords,
  fileChunks,
  fileText,
  type RecordBatches,
  textLines,
  writeRecords,
} from './rewrite-records.ts'
import { scanDelimited } from './scan-delimited.ts'
import { epochToTicks, textToColumn } from './text-to-column.ts'

/** Most fields of a record; also what keeps a hostile file from building a huge statement. */
const MAX_FIELDS = 10_000

/** A file that DuckDB's CSV reader reads exactly as Kusto's rules say. */
export interface CsvFile {
  readonly file: string
  readonly separator: string
  readonly fields: number
  readonly records: number
  readonly longestRecord: number
}

/** Plans a delimited, `txt` or `raw` file. */
export async function planDelimited(request: LoadRequest): Promise<Omit<LoadPlan, 'bytes'>> {
  const csv = await canonicalFile(request)
  const skip = request.ignoreFirstRecord === true ? 1 : 0
  const numbered = request.mapping?.some(({ transform }) => transform === 'SourceLineNumber') === true
  const values = request.columns.map((column, index) => {
    const mapped =
      request.mapping === undefined
        ? { column: column.name, ordinal: index }
        : request.mapping.find((entry) => entry.column === column.name)
    return valueOf(column, mapped, csv.fields, request.sourceLocation)
  })
  return {
    select: `SELECT ${values.join(', ')} FROM ${numbered ? withLineNumbers(csv, skip) : readCsv(csv, skip)}`,
    records: Math.max(0, csv.records - skip),
  }
}

function valueOf(column: Column, mapped: MappedColumn | undefined, fields: number, source: string): string {
  const { type } = column
  if (mapped === undefined) return sqlLiteral(null, type)
  if (mapped.transform === 'SourceLocation' || mapped.transform === 'SourceLineNumber')
    return sourceValue(column, mapped.transform, source)
  if (mapped.constValue !== undefined) return castTo({ sql: quoteText(mapped.constValue), type: 'string' }, type)
  const ordinal = mapped.ordinal ?? 0
  if (ordinal >= fields) return sqlLiteral(null, type)
  const unit = epochUnit(mapped)
  if (unit !== undefined) return epochValue(`r${ordinal}`, unit, column)
  return textToColumn(`r${ordinal}`, type)
}

/** The unit of a DateTimeFromUnix transform. */
export function epochUnit({ transform }: MappedColumn): string | undefined {
  return /^DateTimeFromUnix(.+)$/.exec(transform ?? '')?.[1]
}

/** An epoch number in a datetime column. */
export function epochValue(text: string, unit: string, { name, type }: Column): string {
  if (type !== 'datetime') {
    throw new LocalError(
      'BadRequest_InvalidMapping',
      `the transform DateTimeFromUnix${unit} needs a datetime column, '${name}' is ${type}`,
    )
  }
  return epochToTicks(text, unit)
}

/** The URL of the source or the number of the record, from 1, in a column of any type that takes it. */
export function sourceValue(
  { type }: Column,
  transform: 'SourceLocation' | 'SourceLineNumber',
  source: string,
): string {
  return transform === 'SourceLocation'
    ? castTo({ sql: quoteText(source), type: 'string' }, type)
    : castTo({ sql: 'line', type: 'long' }, type)
}

/** Table function over the file; its columns are `r0`, `r1`, ... */
export function readCsv(csv: CsvFile, skip = 0): string {
  const columns = Array.from({ length: csv.fields }, (_, index) => `'r${index}': 'VARCHAR'`).join(', ')
  const lineBytes = Math.max(2_097_152, csv.longestRecord + 16)
  return (
    `read_csv(${quoteText(csv.file)}, auto_detect = false, header = false, compression = 'none', delim = ${quoteText(csv.separator)},` +
    ` quote = '"', escape = '"', comment = '', new_line = '\\n', nullstr = ${quoteText(NO_NULL)}, skip = ${skip}, strict_mode = true, max_line_size = ${lineBytes},` +
    ` buffer_size = ${Math.max(lineBytes * 2, 16 * 1024 * 1024)}, columns = {${columns}})`
  )
}

/** Nothing in a file is null by its text; DuckDB insists on a word, and a quoted line of its length in a field is no word anybody writes. */
const NO_NULL = '\u0002kusto-arrow no null\u0003'

/** Like `readCsv`, with the number of the record as `line`. */
export function withLineNumbers(csv: CsvFile, skip: number): string {
  return `(SELECT row_number() OVER () + ${skip} AS line, * FROM ${readCsv(csv, skip)})`
}

async function canonicalFile(request: LoadRequest): Promise<CsvFile> {
  const { file, format } = request
  const { separator } = FORMATS[format]
  const rewrite = async (records: RecordBatches, fields: number): Promise<CsvFile> => {
    const target = join(request.scratch, 'records.csv')
    return { file: target, separator: ',', fields, ...(await writeRecords(target, records, fields)) }
  }
  if (format === 'raw') return rewrite(wholeText(file), 1)
  if (format === 'txt') return rewrite(nonEmptyLines(file), 1)
  if (format === 'tsve') {
    const { fields } = await countFields(escapedRecords(fileText(file)), request)
    return rewrite(escapedRecords(fileText(file)), fields)
  }
  if (separator === undefined)
    throw new LocalError('BadRequest_FormatNotSupported', `${format} is not a delimited format`)
  const scan = await scanDelimited(fileChunks(file), separator)
  checkFields(scan.mostFields, scan.ragged, scan.fields, request)
  if (scan.plain) return { ...scan, file, separator }
  return rewrite(delimitedRecords(fileText(file), separator), scan.mostFields)
}

async function countFields(records: RecordBatches, request: LoadRequest): Promise<{ fields: number }> {
  let count = 0
  let first = 0
  let most = 0
  let ragged: { record: number; fields: number } | undefined
  for await (const batch of records)
    for (const { length } of batch) {
      count++
      if (count === 1) first = length
      else if (length !== first) ragged ??= { record: count, fields: length }
      if (length > most) most = length
    }
  checkFields(most, ragged, first, request)
  return { fields: most }
}

function checkFields(
  most: number,
  ragged: { readonly record: number; readonly fields: number } | undefined,
  first: number,
  request: LoadRequest,
): void {
  if (ragged !== undefined && request.acceptRagged !== true) {
    throw new LocalError(
      'Stream_WrongNumberOfFields',
      `the source ${request.sourceLocation} is malformed: record ${ragged.record} has ${ragged.fields} fields, the first has ${first}`,
    )
  }
  if (most > MAX_FIELDS)
    throw new LocalError('Stream_WrongNumberOfFields', `a record has ${most} fields, more than ${MAX_FIELDS}`)
}

async function* wholeText(file: string): AsyncGenerator<readonly (readonly string[])[]> {
  let text = ''
  for await (const piece of fileText(file)) text += piece
  yield [[text]]
}

async function* nonEmptyLines(file: string): AsyncGenerator<readonly (readonly string[])[]> {
  for await (const lines of textLines(fileText(file))) yield lines.filter((line) => line !== '').map((line) => [line])
}

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { RecordBatch } from 'apache-arrow'
import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { arrowBytes, arrowFile } from './arrow-input.ts'
import { arrayRecords, lineRecords } from './json-records.ts'
import type { CliCall } from './cli-command.ts'
import { csvRecords } from './csv-records.ts'
import type { FlagValues } from './flags.ts'
import { globFiles } from './glob-files.ts'
import { inputFormatOf, INPUT_FORMATS } from './input-format.ts'
import type { InputFormat } from './input-format.ts'
import { parquetBytes, parquetInput } from './parquet-input.ts'
import type { InputBatches } from './parquet-input.ts'
import { namingFolder, standardInput } from './read-text.ts'
import { typedBatches } from './typed-batches.ts'
import type { SharedColumns, TextColumn } from './typed-batches.ts'
import { usageError } from './usage-error.ts'

export interface InputOptions {
  readonly call: CliCall
  /** The columns of a text file, where the caller knows them; else they are inferred from its first rows. */
  readonly columns?: readonly TextColumn[]
  /** The flags that describe input are for other files: these are what their names say. */
  readonly isByName?: boolean
  /** Told of rows as they are read. */
  readonly onRows?: (rows: number) => void
}

export interface Input {
  readonly files: readonly string[]
  /** Bytes of the files; undefined with standard input. */
  readonly bytes: number | undefined
  /** Rows of all files, where they tell. */
  readonly rows: number | undefined
  readonly batches: AsyncIterable<RecordBatch>
}

/**
 * The batches of all files, one after the other.
 * @throws {KustoUsageError} CLI_USAGE for a name that tells no format; KUSTO_BAD_INPUT or KUSTO_BAD_PARQUET naming a file that is not what it says
 */
export async function inputOf(words: readonly string[], options: InputOptions): Promise<Input> {
  const files = await globFiles(words)
  const format = flagsOf(options)?.choice('input-format', INPUT_FORMATS)
  const opened: InputBatches[] = []
  const shared = files.length > 1 ? {} : undefined
  for (const file of files) opened.push(await openFile(file, format ?? inputFormatOf(file), { ...options, shared }))
  const sizes = files.includes('-') ? undefined : await Promise.all(files.map(async (file) => (await stat(file)).size))
  const known = opened.every(({ rows }) => rows !== undefined)
  return {
    files,
    bytes: sizes?.reduce((sum, size) => sum + size, 0),
    rows: known ? opened.reduce((sum, { rows = 0 }) => sum + rows, 0) : undefined,
    batches: joined(files, opened, options),
  }
}

async function* joined(
  files: readonly string[],
  opened: readonly InputBatches[],
  { call: { signal }, onRows }: InputOptions,
): AsyncGenerator<RecordBatch> {
  for (const [index, input] of opened.entries()) {
    try {
      for await (const batch of input.batches()) {
        signal.throwIfAborted()
        onRows?.(batch.numRows)
        yield batch
      }
    } catch (error) {
      throw naming(files[index] ?? '-', error)
    }
  }
}

type FileOptions = InputOptions & { readonly shared: SharedColumns | undefined }

async function openFile(file: string, format: InputFormat, options: FileOptions): Promise<InputBatches> {
  try {
    return await openFormat(file, format, options)
  } catch (error) {
    throw naming(file, error)
  }
}

async function openFormat(file: string, format: InputFormat, options: FileOptions): Promise<InputBatches> {
  const bytes = (): AsyncIterable<Uint8Array> => bytesOf(file, options.call)
  const isPlainFile = file !== '-' && !file.toLowerCase().endsWith('.gz')
  const flags = flagsOf(options)
  const { columns, shared } = options
  const typed = { columns, ...(shared === undefined ? {} : { shared }) }
  checkFlags(format, flags)
  switch (format) {
    case 'parquet':
      return isPlainFile ? await parquetInput(file) : await parquetBytes(bytes())
    case 'arrow':
      return { batches: () => (isPlainFile ? arrowFile(file, bytes) : arrowBytes(bytes())) }
    case 'csv':
    case 'tsv': {
      const separator = format === 'tsv' ? '\t' : separatorOf(flags)
      const hasHeader = !isGiven(flags, 'no-header')
      return { batches: () => typedBatches(csvRecords(bytes(), { separator, hasHeader }), { ...typed, isText: true }) }
    }
    case 'json':
      return { batches: () => typedBatches(arrayRecords(bytes()), { ...typed, isText: false }) }
    case 'ndjson':
      return { batches: () => typedBatches(lineRecords(bytes()), { ...typed, isText: false }) }
  }
}

/** Flags that describe text, and the formats that leave that open. */
const FORMATS_OF_FLAG: Readonly<Record<string, readonly InputFormat[]>> = {
  types: ['csv', 'tsv', 'json', 'ndjson'],
  'no-header': ['csv', 'tsv'],
  delimiter: ['csv'],
}

function checkFlags(format: InputFormat, flags: FlagValues | undefined): void {
  for (const [name, formats] of Object.entries(FORMATS_OF_FLAG)) {
    if (formats.includes(format) || !isGiven(flags, name)) continue
    throw usageError(`--${name} is for ${formats.join(', ')}, found ${format}`)
  }
}

function isGiven(flags: FlagValues | undefined, name: string): boolean {
  return flags?.knows(name) === true && flags.isGiven(name)
}

function separatorOf(flags: FlagValues | undefined): string {
  const text = (isGiven(flags, 'delimiter') ? flags?.text('delimiter') : undefined) ?? ','
  // A shell hands these two characters on as they are.
  const separator = text === String.raw`\t` ? '\t' : text
  if (separator.length === 1 && !/["\r\n]/.test(separator)) return separator
  throw usageError(`expected --delimiter to be one character, or \\t for a tab, found ${JSON.stringify(text)}`)
}

async function* bytesOf(file: string, call: CliCall): AsyncGenerator<Uint8Array> {
  if (file === '-') return yield* standardInput(call)
  const source = createReadStream(file, { signal: call.signal, highWaterMark: 1 << 20 })
  const plain = file.toLowerCase().endsWith('.gz') ? pipeline(source, createGunzip(), () => undefined) : source
  for await (const part of plain as AsyncIterable<Uint8Array | string>)
    yield typeof part === 'string' ? Buffer.from(part) : part
}

/** The flags that describe input, where the command has such and they are for these files. */
function flagsOf({ call: { flags }, isByName = false }: InputOptions): FlagValues | undefined {
  return isByName || !flags.knows('input-format') ? undefined : flags
}

/** What goes wrong inside a library is told with the file's name; our own errors have their words. */
function naming(file: string, error: unknown): unknown {
  if (error instanceof KustoUsageError && error.code === 'CLI_USAGE') return usageError(`${file}: ${error.message}`)
  if (error instanceof KustoProtocolError) {
    return new KustoProtocolError(error.code, `${file}: ${error.message}`, { cause: error.cause })
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  const isUnzipped = code?.startsWith('Z_') === true
  if (!isUnzipped && (code !== undefined || (error instanceof Error && error.name === 'AbortError'))) {
    return namingFolder(file, error)
  }
  const message = error instanceof Error ? error.message : String(error)
  return new KustoUsageError('KUSTO_BAD_INPUT', `${file} cannot be read: ${message}`, { cause: error })
}

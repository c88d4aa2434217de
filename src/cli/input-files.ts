import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type RecordBatch, RecordBatchReader } from 'apache-arrow'
import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { arrayRecords, lineRecords } from './json-records.ts'
import type { CliCall } from './cli-command.ts'
import { csvRecords } from './csv-records.ts'
import { globFiles } from './glob-files.ts'
import { inputFormatOf, INPUT_FORMATS } from './input-format.ts'
import type { InputFormat } from './input-format.ts'
import { parquetBytes, parquetInput } from './parquet-input.ts'
import type { InputBatches } from './parquet-input.ts'
import { standardInput } from './read-text.ts'
import { typedBatches } from './typed-batches.ts'
import type { TextColumn } from './typed-batches.ts'
import { usageError } from './usage-error.ts'

export interface InputOptions {
  readonly call: CliCall
  /** The columns of a text file, where the caller knows them; else they are inferred from its first rows. */
  readonly columns?: readonly TextColumn[]
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
  const format = formatOption(options.call)
  const opened: InputBatches[] = []
  for (const file of files) opened.push(await openFile(file, format ?? inputFormatOf(file), options))
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

async function openFile(file: string, format: InputFormat, options: InputOptions): Promise<InputBatches> {
  try {
    return await openFormat(file, format, options)
  } catch (error) {
    throw naming(file, error)
  }
}

async function openFormat(file: string, format: InputFormat, { call, columns }: InputOptions): Promise<InputBatches> {
  const bytes = (): AsyncIterable<Uint8Array> => bytesOf(file, call)
  const isPlainFile = file !== '-' && !file.toLowerCase().endsWith('.gz')
  switch (format) {
    case 'parquet':
      return isPlainFile ? await parquetInput(file) : await parquetBytes(bytes())
    case 'arrow':
      return { batches: () => arrowBatches(isPlainFile ? file : bytes()) }
    case 'csv':
    case 'tsv': {
      const separator =
        format === 'tsv' ? '\t' : ((call.flags.knows('delimiter') ? call.flags.text('delimiter') : undefined) ?? ',')
      const hasHeader = !(call.flags.knows('no-header') && call.flags.on('no-header'))
      return { batches: () => typedBatches(csvRecords(bytes(), { separator, hasHeader }), { columns, isText: true }) }
    }
    case 'json':
      return { batches: () => typedBatches(arrayRecords(bytes()), { columns, isText: false }) }
    case 'ndjson':
      return { batches: () => typedBatches(lineRecords(bytes()), { columns, isText: false }) }
  }
}

async function* arrowBatches(source: string | AsyncIterable<Uint8Array>): AsyncGenerator<RecordBatch> {
  if (typeof source !== 'string') {
    yield* await RecordBatchReader.from(source)
    return
  }
  const handle = await open(source)
  try {
    yield* await RecordBatchReader.from(handle)
  } finally {
    await handle.close().catch(() => undefined)
  }
}

async function* bytesOf(file: string, call: CliCall): AsyncGenerator<Uint8Array> {
  if (file === '-') return yield* standardInput(call)
  const source = createReadStream(file, { signal: call.signal, highWaterMark: 1 << 20 })
  const plain = file.toLowerCase().endsWith('.gz') ? pipeline(source, createGunzip(), () => undefined) : source
  for await (const part of plain as AsyncIterable<Uint8Array | string>)
    yield typeof part === 'string' ? Buffer.from(part) : part
}

function formatOption({ flags }: CliCall): InputFormat | undefined {
  return flags.knows('input-format') ? flags.choice('input-format', INPUT_FORMATS) : undefined
}

/** What goes wrong inside a library is told with the file's name; our own errors have their words. */
function naming(file: string, error: unknown): unknown {
  if (error instanceof KustoUsageError && error.code === 'CLI_USAGE') return usageError(`${file}: ${error.message}`)
  if (error instanceof KustoProtocolError) {
    return new KustoProtocolError(error.code, `${file}: ${error.message}`, { cause: error.cause })
  }
  const isOurs = error instanceof Error && ('code' in error || error.name === 'AbortError')
  if (isOurs) return error
  const message = error instanceof Error ? error.message : String(error)
  return new KustoUsageError('KUSTO_BAD_INPUT', `${file} cannot be read: ${message}`, { cause: error })
}

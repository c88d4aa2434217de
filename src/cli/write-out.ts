import type { CliCall } from './cli-command.ts'
import { checkOutputs } from './check-output.ts'
import { writeAll } from './cli-screen.ts'
import { writeRows } from './encode-rows.ts'
import type { Rows, StreamFormat } from './encode-rows.ts'
import { EXIT } from './exit-codes.ts'
import { FORMAT_NAMES, formatOfName, FORMATS } from './output-format.ts'
import type { OutputFormat } from './output-format.ts'
import { fileOutput, standardOutput } from './output-target.ts'
import { formatBytes, formatDuration, formatNumberOf, formatRows } from './quantities.ts'
import { firstRows } from './rows-of.ts'
import { showRows } from './show-rows.ts'
import type { ReadTelling } from './tell-read.ts'
import { usageError } from './usage-error.ts'

/** Rows that a table shows where no flag says. */
export const SHOWN_ROWS = 50

/**
 * The format that flags ask for, or the one that suits where the rows go.
 * @throws {KustoUsageError} CLI_USAGE for a table in a file and for bytes on a terminal; and as {@link checkOutput} does where `--out` cannot be made
 */
export async function outputFormat(call: CliCall): Promise<OutputFormat> {
  const format = formatOf(call)
  if (!call.flags.isGiven('out')) standardOutput(call.io, isBinary(format))
  await checkOutputs(call.flags, ['out'])
  return format
}

function isBinary(format: OutputFormat): boolean {
  return FORMATS.some((rule) => rule.format === format && rule.isBinary)
}

function formatOf({ flags, io, screen }: CliCall): OutputFormat {
  const file = flags.text('out')
  const output = flags.choice('output', FORMAT_NAMES)
  if (file !== undefined) {
    const format = output ?? formatOfName(file)
    if (format !== 'table') return format
    throw usageError('a table goes to the terminal: name a file of another format, or leave --out out')
  }
  if (output !== undefined) return output
  if (flags.on('ndjson')) return 'ndjson'
  if (screen.isJson) return 'json'
  return io.stdout.isTTY === true ? 'table' : 'csv'
}

/** The first rows as a table on standard output. */
export async function showFirst(call: CliCall, rows: Rows): Promise<number> {
  const { flags, io, screen } = call
  const most = flags.number('rows') ?? SHOWN_ROWS
  const { schema, batches } = await firstRows(rows, most + 1)
  screen.progress.end()
  const more = ', there are more: --rows N shows them, --out FILE has all'
  await writeAll(io.stdout, showRows({ schema, batches, most, more }, call))
  return EXIT.done
}

export interface WriteOut {
  readonly rows: Rows
  readonly format: StreamFormat
  readonly tell: ReadTelling
}

/** All rows to the file of `--out` or to standard output, and a line about it. */
export async function writeOut(call: CliCall, { rows, format, tell }: WriteOut): Promise<number> {
  const { flags, io, screen } = call
  const file = flags.text('out')
  const target = file === undefined ? standardOutput(io, isBinary(format)) : await fileOutput(file)
  const startedAt = performance.now()
  const { bytes } = await writeRows({ ...rows, batches: tell.counted(rows.batches) }, format, target)
  screen.progress.end()
  if (file === undefined) return EXIT.done
  const elapsedMs = performance.now() - startedAt
  const { mode, blobs } = tell.summary()
  screen.note(
    `${formatRows(tell.rows())} to ${file}, ${formatBytes(bytes)}, ${formatDuration(elapsedMs)}` +
      (mode === 'distributed' ? `, by export in ${formatNumberOf(blobs, 'blob')}` : ''),
  )
  if (!screen.isJson) return EXIT.done
  await screen.result({ file, format, rows: tell.rows(), bytes, mode, elapsedMs: Math.round(elapsedMs) }, '')
  return EXIT.done
}

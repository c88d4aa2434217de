import type { KustoRead, ReadOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { writeAll } from './cli-screen.ts'
import { writeRows } from './encode-rows.ts'
import type { StreamFormat } from './encode-rows.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import { FORMAT_NAMES, formatOfName, FORMATS, isTextFormat } from './output-format.ts'
import type { OutputFormat } from './output-format.ts'
import { fileOutput, standardOutput } from './output-target.ts'
import { formatBytes, formatDuration, formatNumberOf, formatRows } from './quantities.ts'
import { openRead, queryText } from './read-query.ts'
import { readOptions } from './read-options.ts'
import { firstRows, withSchema } from './rows-of.ts'
import { showRows } from './show-rows.ts'
import { tellRead } from './tell-read.ts'
import { usageError } from './usage-error.ts'

const SHOWN_ROWS = 50

/** Reads, and writes the rows where flags say. */
export async function runRead(call: CliCall): Promise<number> {
  const format = outputFormat(call)
  const text = await queryText(call)
  const options = { ...readOptions(call), ...(isTextFormat(format) ? TEXT_TYPES : {}) }
  await using connection = await openConnection(call, { mentions: text })
  const tell = tellRead(call)
  const read = openRead(connection.kusto, { call, text, options: { ...options, onEvent: tell.onEvent } })
  if (call.flags.on('explain')) return await explain(call, read)
  if (format === 'table') return await showTable(call, read)
  return await writeOut(call, { read, format, tell })
}

/** Times as ticks and decimals as text: the text formats then have every digit. */
export const TEXT_TYPES: Pick<ReadOptions, 'types'> = {
  types: { datetime: 'ticks', timespan: 'ticks', decimal: 'text' },
}

/** The format that flags ask for, or the one that suits where the rows go. */
export function outputFormat({ flags, io, screen }: CliCall): OutputFormat {
  const file = flags.text('out')
  const output = flags.choice('output', FORMAT_NAMES)
  if (file !== undefined) {
    const format = output ?? formatOfName(file)
    if (format === 'table')
      throw usageError('a table goes to the terminal: name a file of another format, or leave --out out')
    return format
  }
  if (output !== undefined) return output
  if (screen.isJson) return 'json'
  return io.stdout.isTTY === true ? 'table' : 'csv'
}

async function explain({ screen }: CliCall, read: KustoRead): Promise<number> {
  const explanation = await read.explain()
  await screen.result(explanation, () => `${explanation.toString()}\n`)
  return EXIT.done
}

async function showTable(call: CliCall, read: KustoRead): Promise<number> {
  const { flags, io, screen } = call
  const most = flags.number('rows') ?? SHOWN_ROWS
  // One more than is shown tells whether there are more.
  const limited = (flags.number('limit') ?? Infinity) <= most ? read : read.limit(most + 1)
  screen.progress.phase('reading')
  const { schema, batches } = await firstRows(limited, most + 1)
  screen.progress.end()
  await writeAll(
    io.stdout,
    showRows({ schema, batches, most, more: ', there are more: --rows N shows them, --out FILE has all' }, call),
  )
  return EXIT.done
}

async function writeOut(
  call: CliCall,
  {
    read,
    format,
    tell,
  }: { readonly read: KustoRead; readonly format: StreamFormat; readonly tell: ReturnType<typeof tellRead> },
): Promise<number> {
  const { flags, io, screen } = call
  const file = flags.text('out')
  const isBinary = FORMATS.some((rule) => rule.format === format && rule.isBinary)
  const target = file === undefined ? standardOutput(io, isBinary) : await fileOutput(file)
  const startedAt = performance.now()
  screen.progress.phase('reading', { rows: 0 })
  const rows = await withSchema(read)
  const { bytes } = await writeRows({ ...rows, batches: tell.counted(rows.batches) }, format, target)
  screen.progress.end()
  const elapsedMs = performance.now() - startedAt
  const { mode, blobs } = tell.summary()
  if (file === undefined) return EXIT.done
  screen.note(
    `${formatRows(tell.rows())} to ${file}, ${formatBytes(bytes)}, ${formatDuration(elapsedMs)}` +
      (mode === 'distributed' ? `, by export in ${formatNumberOf(blobs, 'blob')}` : ''),
  )
  if (screen.isJson)
    await screen.result({ file, format, rows: tell.rows(), bytes, mode, elapsedMs: Math.round(elapsedMs) }, '')
  return EXIT.done
}

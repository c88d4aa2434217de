import { writeFile } from 'node:fs/promises'
import { IngestReceipt } from '../index.ts'
import type { BlobStatus, WriteReceipt } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import { formatNumberOf, formatRows } from './quantities.ts'
import { readFileText, readText } from './read-text.ts'
import { terminalTable } from './terminal-table.ts'
import { usageError } from './usage-error.ts'

/** Asks the service about every blob of a receipt, once or until all have reached their end. */
export async function runReceipt(call: CliCall): Promise<number> {
  const { operands, flags, screen, signal } = call
  const [file = '-'] = operands
  const stored = parsed(file === '-' ? await readText(call) : await readFileText(file), file)
  await using connection = await openConnection(call, { place: stored })
  const receipt = stored.isStreaming
    ? connection.kusto.ingestReceipt(stored.json)
    : connection.kusto.receipt(stored.json)
  if (flags.on('wait')) {
    const timeoutMs = flags.durationMs('wait-timeout')
    screen.progress.phase('waiting for the service to load the rows')
    await receipt.completed({
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      onEvent: (event) => {
        screen.event(event)
        if (event.kind === 'ingestion-waiting')
          screen.progress.update({ note: `${formatNumberOf(event.succeeded, 'blob')} in, ${event.pending} to go` })
      },
    })
    screen.progress.end()
    if (file !== '-') await writeFile(file, `${JSON.stringify(receipt.toJSON(), null, 2)}\n`)
  }
  const blobs = await receipt.status({ signal })
  await screen.result({ table: receipt.table, rows: receipt.rows, blobs }, () => statusText(call, receipt, blobs))
  return blobs.some(({ state }) => FAILED.has(state)) ? EXIT.part : EXIT.done
}

const FAILED: ReadonlySet<string> = new Set(['Failed', 'PartiallySucceeded', 'Canceled'])

function statusText(
  { screen, io }: CliCall,
  receipt: WriteReceipt | IngestReceipt,
  blobs: readonly BlobStatus[],
): string {
  const table = terminalTable(
    [{ name: 'Blob' }, { name: 'State' }, { name: 'Details' }],
    blobs.map(({ sourceId, state, errorCode, details }) => [
      sourceId,
      state,
      [errorCode, details].filter(Boolean).join(': '),
    ]),
    { paint: screen.paint, ...(io.stdout.isTTY === true ? { width: io.stdout.columns ?? 80 } : {}) },
  )
  const states = [...new Set(blobs.map(({ state }) => state))].map(
    (state) => `${blobs.filter((blob) => blob.state === state).length} ${state}`,
  )
  const all = receipt.rows === undefined ? 'all rows' : formatRows(receipt.rows)
  return `${blobs.length === 0 ? '' : table}${all} for table ${receipt.table} in ${formatNumberOf(blobs.length, 'blob')}${states.length > 0 ? `: ${states.join(', ')}` : ''}\n`
}

interface StoredReceipt {
  readonly json: unknown
  readonly isStreaming: boolean
  readonly cluster: string | undefined
  readonly database: string | undefined
}

function parsed(text: string, file: string): StoredReceipt {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw usageError(`expected ${file === '-' ? 'standard input' : file} to be a receipt, found text that is not JSON`)
  }
  const fields = new Map<string, unknown>(typeof json === 'object' && json !== null ? Object.entries(json) : [])
  const textOf = (name: string): string | undefined => {
    const value = fields.get(name)
    return typeof value === 'string' ? value : undefined
  }
  return { json, isStreaming: fields.has('pieces'), cluster: textOf('cluster'), database: textOf('database') }
}

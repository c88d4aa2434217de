import type { Table } from 'apache-arrow'
import { kql } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import { isTextFormat } from './output-format.ts'
import type { OutputFormat } from './output-format.ts'
import { formatNumberOf } from './quantities.ts'
import { queryOf, queryText } from './read-query.ts'
import { rowsOf } from './rows-of.ts'
import { tellRead } from './tell-read.ts'
import { terminalTable } from './terminal-table.ts'
import { TEXT_TYPES } from './text-types.ts'
import { usageError } from './usage-error.ts'
import { outputFormat, showFirst, writeOut } from './write-out.ts'

/** Runs one management command. */
export async function runCommand(call: CliCall): Promise<number> {
  const text = await queryText(call)
  if (!text.startsWith('.'))
    throw usageError('a management command begins with a dot; a query is run with: kusto-arrow read')
  const format = await outputFormat(call)
  await using connection = await openConnection(call, { mentions: text })
  const endpoint = call.flags.on('ingestion-endpoint') ? ('ingestion' as const) : ('engine' as const)
  const table = await connection.kusto
    .command(text, { endpoint, signal: call.signal, ...(isTextFormat(format) ? TEXT_TYPES : {}) })
    .table()
  return await giveTable(call, table, format)
}

/** Lists tables with what the service says of them. */
export async function runTables(call: CliCall): Promise<number> {
  const { signal } = call
  const format = await outputFormat(call)
  await using connection = await openConnection(call, { mentions: 'Samples', storage: false })
  // Rows and sizes are those of the extents, which every reader of the database may see.
  const table = await connection.kusto
    .command(
      kql`.show tables details | project Table = TableName, Rows = TotalRowCount, Bytes = TotalOriginalSize, Extents = TotalExtents, Folder, DocString`,
      { signal },
    )
    .table()
  return await giveTable(call, table, format)
}

async function giveTable(call: CliCall, table: Table, format: OutputFormat): Promise<number> {
  const rows = rowsOf(table.schema, table.batches)
  if (format === 'table') return await showFirst(call, rows)
  return await writeOut(call, { rows, format, tell: tellRead(call) })
}

/** The columns of a table or query, by `getschema`. */
export async function runSchema(call: CliCall): Promise<number> {
  const { operands, flags, io, screen, signal } = call
  const [text = ''] = operands
  await using connection = await openConnection(call, { mentions: text, storage: false })
  const { fields } = await connection.kusto.read(queryOf(text, []), { signal }).schema()
  screen.progress.end()
  const columns = fields.map((field) => ({
    name: field.name,
    type: field.metadata.get('kusto:type') ?? '',
    arrow: String(field.type),
  }))
  if (flags.on('ddl')) {
    const table = flags.text('name') ?? (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(text) ? text : 'Table')
    const list = columns.map(({ name, type }) => `${quotedName(name)}:${type}`).join(', ')
    const ddl = `.create-merge table ${quotedName(table)} (${list})`
    await screen.result({ table, columns, ddl }, `${ddl}\n`)
    return EXIT.done
  }
  await screen.result({ columns }, () => {
    const body = terminalTable(
      [{ name: 'Column' }, { name: 'Kusto' }, { name: 'Arrow' }],
      columns.map(({ name, type, arrow }) => [name, type, arrow]),
      { paint: screen.paint, ...(io.stdout.isTTY === true ? { width: io.stdout.columns ?? 80 } : {}) },
    )
    return `${body}${screen.paint.dim(formatNumberOf(columns.length, 'column'))}\n`
  })
  return EXIT.done
}

function quotedName(name: string): string {
  return `['${name.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}']`
}

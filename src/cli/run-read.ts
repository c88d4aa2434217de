import type { KustoRead, ReadOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import { isTextFormat } from './output-format.ts'
import { openRead, queryText } from './read-query.ts'
import { propertiesOf, readOptions } from './read-options.ts'
import { withSchema } from './rows-of.ts'
import { tellRead } from './tell-read.ts'
import { TEXT_TYPES } from './text-types.ts'
import { outputFormat, showFirst, SHOWN_ROWS, writeOut } from './write-out.ts'

/** Reads, and writes the rows where flags say. */
export async function runRead(call: CliCall): Promise<number> {
  const format = await outputFormat(call)
  const text = await queryText(call)
  const options = { ...readOptions(call), ...localOptions(call), ...(isTextFormat(format) ? TEXT_TYPES : {}) }
  await using connection = await openConnection(call, { mentions: text, storage: needsStorage(call) })
  const tell = tellRead(call)
  const read = openRead(connection.kusto, { call, text, options: { ...options, onEvent: tell.onEvent } })
  if (call.flags.on('explain')) return await explain(call, read)
  if (format === 'table') return await showTable(call, read)
  call.screen.progress.phase('reading', { rows: 0 })
  return await writeOut(call, { rows: await withSchema(read), format, tell })
}

/**
 * The limit of a query protects a cluster that many share. An embedded Kusto of one's own needs no export to get around it:
 * one query gives all rows in less memory. A mode that was asked for is kept.
 */
function localOptions({ flags }: Pick<CliCall, 'flags'>): Pick<ReadOptions, 'mode' | 'properties'> {
  if (!flags.on('local') || needsStorage({ flags })) return {}
  return { mode: 'single', properties: { notruncation: true, ...propertiesOf(flags.list('property')) } }
}

/** Whether flags ask for something that an export may come of. */
function needsStorage({ flags }: Pick<CliCall, 'flags'>): boolean {
  return ['mode', 'partitions', 'partition-by', 'explain'].some((name) => flags.isGiven(name))
}

async function explain({ screen }: CliCall, read: KustoRead): Promise<number> {
  const explanation = await read.explain()
  await screen.result(explanation, () => `${explanation.toString()}\n`)
  return EXIT.done
}

async function showTable(call: CliCall, read: KustoRead): Promise<number> {
  const { flags, screen } = call
  const most = flags.number('rows') ?? SHOWN_ROWS
  // One more than is shown tells whether there are more.
  const limited = (flags.number('limit') ?? Infinity) <= most ? read : read.limit(most + 1)
  screen.progress.phase('reading')
  return await showFirst(call, await withSchema(limited))
}

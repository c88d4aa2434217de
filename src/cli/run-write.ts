import { writeFile } from 'node:fs/promises'
import { IngestReceipt, KustoIngestError } from '../index.ts'
import type { KustoConnector, StreamingWriteOptions, WriteOptions, WriteReceipt } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { checkOutputs } from './check-output.ts'
import { EXIT } from './exit-codes.ts'
import { inputOf } from './input-files.ts'
import { openConnection } from './open-connection.ts'
import { parseTypes, tableTypes } from './column-types.ts'
import { receiptText } from './receipt-text.ts'
import { tellWrite } from './tell-write.ts'
import type { TextColumn } from './typed-batches.ts'
import { writeOptions } from './write-options.ts'

/** Writes the files, or tells what writing them would do, and gives the receipt. */
export async function runWrite(call: CliCall): Promise<number> {
  const { operands, flags, screen, signal } = call
  const [table = '', ...files] = operands
  const options = await writeOptions(call)
  const given = parseTypes(flags.text('types'))
  await checkOutputs(flags, ['receipt'])
  await using connection = await openConnection(call, { mentions: table })
  const { kusto } = connection
  const tell = tellWrite(call)
  const columns = [...(await typesOf(kusto, table, signal)), ...given.map((each) => ({ ...each, isDeclared: true }))]
  const input = await inputOf(files, { call, columns, onRows: tell.onRows })
  if (flags.on('dry-run')) return await dryRun(call, { kusto, table, input, options })
  tell.start(input)
  const receipt = await write(call, { kusto, table, input, options: { ...options, onEvent: tell.onEvent } })
  screen.progress.end()
  const ended = await completed(call, receipt, tell.onEvent)
  await screen.result(receipt.toJSON(), () => receiptText(receipt, { isEnded: ended, files: input.files }))
  return EXIT.done
}

interface Writing<Options> {
  readonly kusto: KustoConnector
  readonly table: string
  readonly input: Awaited<ReturnType<typeof inputOf>>
  readonly options: Options
}

async function dryRun(
  { screen, signal }: CliCall,
  { kusto, table, input, options }: Writing<WriteOptions | StreamingWriteOptions>,
): Promise<number> {
  const queued = options.mode === 'streaming' ? withoutStreaming(options) : options
  const explanation = await kusto.write(table, input.batches, { ...queued, explain: true, signal })
  screen.progress.end()
  await screen.result(explanation, () => `${explanation.toString()}\n`)
  return explanation.fails === undefined ? EXIT.done : EXIT.schema
}

/** What is streamed meets the table as what is queued does. */
function withoutStreaming({ create, adjustSchema, inferRows }: StreamingWriteOptions): WriteOptions {
  return {
    ...(create === undefined ? {} : { create }),
    ...(adjustSchema === undefined ? {} : { adjustSchema }),
    ...(inferRows === undefined ? {} : { inferRows }),
  }
}

/** Writes; what the service has taken of a write that fails is saved too. */
async function write(
  call: CliCall,
  { kusto, table, input, options }: Writing<WriteOptions | StreamingWriteOptions>,
): Promise<WriteReceipt | IngestReceipt> {
  try {
    const receipt = await kusto.write(table, input.batches, options)
    await save(call, receipt.toJSON())
    return receipt
  } catch (error) {
    if (error instanceof KustoIngestError && error.receipt !== undefined) await save(call, error.receipt)
    throw error
  }
}

async function save({ flags, screen }: CliCall, receipt: unknown): Promise<void> {
  const file = flags.text('receipt')
  if (file === undefined) return
  await writeFile(file, `${JSON.stringify(receipt, null, 2)}\n`)
  screen.detail(`receipt saved in ${file}`)
}

async function completed(
  call: CliCall,
  receipt: WriteReceipt | IngestReceipt,
  onEvent: ReturnType<typeof tellWrite>['onEvent'],
): Promise<boolean> {
  const { flags, screen, signal } = call
  if (flags.on('no-wait'))
    return receipt instanceof IngestReceipt ? receipt.counts.queued === 0 : receipt.toJSON().transaction !== undefined
  const timeoutMs = flags.durationMs('wait-timeout')
  screen.progress.phase('waiting for the service to load the rows')
  await receipt.completed({ signal, onEvent, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  screen.progress.end()
  await save(call, receipt.toJSON())
  return true
}

/** The types of a table that exists, for files that have none of their own. */
async function typesOf(kusto: KustoConnector, table: string, signal: AbortSignal): Promise<readonly TextColumn[]> {
  return (await tableTypes(kusto, table, signal)) ?? []
}

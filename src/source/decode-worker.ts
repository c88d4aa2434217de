import { parentPort } from 'node:worker_threads'
import type { RecordBatch } from 'apache-arrow'
import { castBatch } from '../arrow/cast-batch.ts'
import { openParquet, type OpenParquet } from '../arrow/parquet-decode.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { type BatchBuffers, buffersOf, memoryOf } from './batch-transfer.ts'
import { errorData } from './error-transfer.ts'
import { exportedNames } from './exported-names.ts'
import type { DecodedRowGroup, DecodeSettings, FileFooter, FromThread, ModuleOutcome } from './thread-messages.ts'
import type { SuppliedBlob, ToThread } from './thread-messages.ts'

// Runs in a worker thread: Parquet bytes to column buffers in the query's schema, row group by row group.

type RunMessage = Extract<ToThread, { readonly kind: 'run' }>
type BlobWaiter = (blob: SuppliedBlob | undefined) => void

interface OpenFile {
  readonly parquet: OpenParquet
  readonly settings: DecodeSettings
}

const files = new Map<number, Promise<OpenFile>>()
const waiting = new Map<number, BlobWaiter>()

parentPort?.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'open':
      void answer(message.id, () => open(message))
      break
    case 'read':
      void answer(message.id, () => read(message.file, message.rowGroup))
      break
    case 'run':
      void answer(message.id, () => runModule(message))
      break
    case 'blob':
      waiting.get(message.run)?.(message.blob)
      waiting.delete(message.run)
      break
    case 'close':
      void close(message.file)
      break
  }
})

async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  try {
    const value = await work()
    send({ kind: 'answer', id, value }, transferOf(value))
  } catch (error) {
    send({ kind: 'failed', id, error: errorData(error) })
  }
}

function send(message: FromThread, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer)
}

/** The memory of decoded batches moves to the reader's thread instead of being copied. */
function transferOf(value: unknown): readonly ArrayBuffer[] {
  return typeof value === 'object' && value !== null && 'batches' in value
    ? memoryOf(value.batches as readonly BatchBuffers[])
    : []
}

async function open({ file, parquet, ...settings }: Extract<ToThread, { kind: 'open' }>): Promise<FileFooter> {
  const opening = openParquet(parquet).then((opened) => ({ parquet: opened, settings }))
  files.set(file, opening)
  const { rows, rowGroups } = (await opening).parquet
  return { rows, rowGroups }
}

async function close(file: number): Promise<void> {
  const opened = await files.get(file)?.catch(() => undefined)
  files.delete(file)
  opened?.parquet.close()
}

async function read(file: number, rowGroup: number): Promise<DecodedRowGroup> {
  const opened = await files.get(file)
  if (opened === undefined) throw new KustoProtocolError('KUSTO_FILE_CLOSED', 'expected an open file, found none')
  const { parquet, settings } = opened
  const batches: BatchBuffers[] = []
  const lostTicks = settings.columns.map(() => 0)
  let rows = 0
  for await (const batch of decode(parquet, settings, [rowGroup], lostTicks)) {
    batches.push(buffersOf(batch))
    rows += batch.numRows
  }
  return { batches, rows, lostTicks }
}

async function* decode(
  parquet: OpenParquet,
  { columns, types, batchRows }: DecodeSettings,
  rowGroups: readonly number[],
  lostTicks: number[],
): AsyncGenerator<RecordBatch, void, undefined> {
  const schema = arrowSchema(columns, types)
  let rowOffset = parquet.rowGroups.slice(0, rowGroups[0]).reduce((sum, group) => sum + group.rows, 0)
  const sourceNames = exportedNames(columns)
  for await (const decoded of parquet.batches({ columns: sourceNames, rowGroups, batchRows })) {
    const cast = castBatch(decoded, schema, { sourceNames, rowOffset })
    rowOffset += decoded.numRows
    for (const [index, values] of cast.lostTicks.entries()) lostTicks[index] = (lostTicks[index] ?? 0) + values
    yield cast.batch
  }
}

async function runModule(message: RunMessage): Promise<ModuleOutcome> {
  const { module, partition, data, columns, types } = message
  const loaded = (await import(module)) as { readonly default?: unknown }
  const handler = loaded.default
  if (typeof handler !== 'function') {
    throw new KustoUsageError(
      'KUSTO_BAD_MODULE',
      `expected a function as the default export of ${module}, found ${typeof handler}`,
    )
  }
  const found = { rows: 0, lostTicks: columns.map(() => 0) }
  const context = { partition, schema: arrowSchema(columns, types), data }
  const result: unknown = await handler(suppliedBatches(message, found), context)
  return { result, ...found }
}

async function* suppliedBatches(
  message: RunMessage,
  found: { rows: number; readonly lostTicks: number[] },
): AsyncGenerator<RecordBatch, void, undefined> {
  for (let blob = await nextBlob(message.id); blob !== undefined; blob = await nextBlob(message.id)) {
    const parquet = await openParquet(blob.parquet)
    try {
      if (parquet.rows !== blob.rows) throw rowCountMismatch(blob, parquet.rows)
      let rows = 0
      const all = parquet.rowGroups.map((_, index) => index)
      for await (const batch of decode(parquet, message, all, found.lostTicks)) {
        rows += batch.numRows
        found.rows += batch.numRows
        yield batch
      }
      if (rows !== blob.rows) throw rowCountMismatch(blob, rows)
    } finally {
      parquet.close()
    }
  }
}

async function nextBlob(run: number): Promise<SuppliedBlob | undefined> {
  return new Promise((resolve) => {
    waiting.set(run, resolve)
    send({ kind: 'want-blob', run })
  })
}

function rowCountMismatch(blob: SuppliedBlob, found: number): KustoProtocolError {
  return new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected ${blob.rows} rows in ${blob.url} as exported, found ${found}`,
  )
}

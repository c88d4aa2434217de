import type { RecordBatch } from 'apache-arrow'
import { type BatchBuffers, buffersOf, memoryOf } from '../arrow/batch-transfer.ts'
import { castBatch } from '../arrow/cast-batch.ts'
import { openParquet, type OpenParquet } from '../arrow/parquet-decode.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { serveThread } from '../base/serve-thread.ts'
import { badParquet, TrapGuard } from '../base/trap-guard.ts'
import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { exportedNames } from './exported-names.ts'
import type { DecodedRowGroup, DecodeSettings, FileFooter, ModuleOutcome } from './thread-messages.ts'
import type { SuppliedBlob, ToThread } from './thread-messages.ts'

// Runs in a worker thread: Parquet bytes to column buffers in the query's schema, row group by row group.

type RunMessage = Extract<ToThread, { readonly kind: 'run' }>
type NextBlob = () => Promise<SuppliedBlob | undefined>

interface OpenFile {
  readonly parquet: OpenParquet
  readonly settings: DecodeSettings
}

const files = new Map<number, Promise<OpenFile>>()

/** All calls into the decoder: some damaged bytes trap it. */
const decoder = new TrapGuard(badParquet)

serveThread<ToThread>(async (message, next) => {
  switch (message.kind) {
    case 'open':
      return { value: await open(message), transfer: [] }
    case 'read': {
      const value = await read(message.file, message.rowGroup)
      // The memory of decoded batches moves to the reader's thread instead of being copied.
      return { value, transfer: memoryOf(value.batches) }
    }
    case 'run':
      return { value: await runModule(message, next as NextBlob), transfer: [] }
    case 'close':
      return { value: await close(message.file), transfer: [] }
  }
})

async function open({ file, parquet, ...settings }: Extract<ToThread, { kind: 'open' }>): Promise<FileFooter> {
  const opening = decoder.run(() => openParquet(parquet)).then((opened) => ({ parquet: opened, settings }))
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
  for await (const decoded of guarded(parquet.batches({ columns: sourceNames, rowGroups, batchRows }))) {
    const cast = castBatch(decoded, schema, { sourceNames, rowOffset })
    rowOffset += decoded.numRows
    for (const [index, values] of cast.lostTicks.entries()) lostTicks[index] = (lostTicks[index] ?? 0) + values
    yield cast.batch
  }
}

async function* guarded(batches: AsyncGenerator<RecordBatch>): AsyncGenerator<RecordBatch, void, undefined> {
  try {
    for (let next = await decoder.run(() => batches.next()); next.done !== true;) {
      yield next.value
      next = await decoder.run(() => batches.next())
    }
  } finally {
    // After a trap it is in the middle of a step that never ends.
    void batches.return(undefined).catch(() => undefined)
  }
}

async function runModule(message: RunMessage, nextBlob: NextBlob): Promise<ModuleOutcome> {
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
  const result: unknown = await handler(suppliedBatches(message, nextBlob, found), context)
  return { result, ...found }
}

async function* suppliedBatches(
  message: RunMessage,
  nextBlob: NextBlob,
  found: { rows: number; readonly lostTicks: number[] },
): AsyncGenerator<RecordBatch, void, undefined> {
  for (let blob = await nextBlob(); blob !== undefined; blob = await nextBlob()) {
    const bytes = blob.parquet
    const parquet = await decoder.run(() => openParquet(bytes))
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

function rowCountMismatch(blob: SuppliedBlob, found: number): KustoProtocolError {
  return new KustoProtocolError(
    'KUSTO_ROW_COUNT_MISMATCH',
    `expected ${blob.rows} rows in ${blob.url} as exported, found ${found}`,
  )
}

import type { RecordBatch, Schema } from 'apache-arrow'
import { untilAborted } from '../base/abort.ts'
import { badInput } from './bad-input.ts'
import { inferSchema, type KnownTypes, type Row, rowColumns } from './infer-rows.ts'
import { rowsToBatch } from './rows-to-batch.ts'
import type { ScalarName } from './scalar-types.ts'

/** How batches are made of rows. */
export interface RowBatchesOptions {
  /** Rows the schema is inferred from when the input is rows. Default 10,000. */
  readonly inferRows?: number
  /** Rows of a batch made from rows, at most; large rows make smaller batches. Default 65,536. */
  readonly batchRows?: number
  /** Asked, when the input is rows, for the types of the table columns that the columns go to. Default: none is known. */
  readonly columnTypes?: (names: readonly string[]) => Promise<readonly (ScalarName | undefined)[]>
}

/** Rows as batches of the schema that was inferred from them. */
export interface RowBatches {
  readonly schema: Schema
  readonly isInferred: true
  readonly batches: AsyncIterable<RecordBatch>
}

/** Text of a batch made from rows, about: it is held in memory, and 2 GiB of it do not fit. */
const ROW_BATCH_BYTES = 32 * 1024 * 1024

/**
 * Infers the schema of rows from the first of them, and makes batches of all.
 * @throws {KustoUsageError} KUSTO_BAD_INPUT for an element that is no row; and what `inferSchema` and `rowsToBatch` throw
 */
export async function openRows(
  items: AsyncIterable<unknown>,
  options: RowBatchesOptions,
  signal: AbortSignal | undefined,
): Promise<RowBatches> {
  const { inferRows = 10_000, batchRows = 65_536 } = options
  const iterator = items[Symbol.asyncIterator]()
  const sample: Row[] = []
  let ended = false
  while (!ended && sample.length < inferRows) {
    const next = await untilAborted(iterator.next(), signal)
    if (next.done === true) ended = true
    else sample.push(asRow(next.value, sample.length))
  }
  const names = rowColumns(sample)
  const types = (await options.columnTypes?.(names)) ?? []
  const known: KnownTypes = new Map(
    names.flatMap((name, index) => {
      const type = types[index]
      return type === undefined ? [] : [[name, type] as const]
    }),
  )
  const schema = inferSchema(sample, known)
  return { schema, isInferred: true, batches: rowBatches({ sample, iterator, schema, known, batchRows }) }
}

async function* rowBatches(from: {
  readonly sample: readonly Row[]
  readonly iterator: AsyncIterator<unknown>
  readonly schema: Schema
  readonly known: KnownTypes
  readonly batchRows: number
}): AsyncGenerator<RecordBatch, void, undefined> {
  const { sample, iterator, schema, known, batchRows } = from
  let rowOffset = 0
  let pending: Row[] = []
  let bytes = 0
  const isFull = (row: Row): boolean => {
    pending.push(row)
    bytes += roughBytes(row)
    return pending.length === batchRows || bytes > ROW_BATCH_BYTES
  }
  const flush = (): RecordBatch => {
    const batch = rowsToBatch(pending, schema, { rowOffset, known })
    rowOffset += pending.length
    pending = []
    bytes = 0
    return batch
  }
  try {
    for (const row of sample) if (isFull(row)) yield flush()
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (isFull(asRow(next.value, rowOffset + pending.length))) yield flush()
    }
    if (pending.length > 0) yield flush()
  } finally {
    await iterator.return?.()
  }
}

/** Text and bytes of a row, without what is nested deeper than one level. */
function roughBytes(row: Row): number {
  let bytes = 0
  for (const value of Object.values(row)) {
    if (typeof value === 'string') bytes += value.length
    else if (ArrayBuffer.isView(value)) bytes += value.byteLength
    else if (typeof value === 'object' && value !== null) {
      for (const inner of Object.values(value)) bytes += typeof inner === 'string' ? inner.length : 8
    }
  }
  return bytes
}

function asRow(value: unknown, row: number): Row {
  const isObject = typeof value === 'object' && value !== null && !(value instanceof Date)
  if (isObject && !(Symbol.iterator in value) && !ArrayBuffer.isView(value)) return value as Row
  throw badInput(`row ${row} to be an object`, value)
}

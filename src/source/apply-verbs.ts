import { type RecordBatch, Schema } from 'apache-arrow'
import type { BatchStream } from '../arrow/batches.ts'
import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { batchOf, columnAt, joinBatches, takeRows } from '../arrow/take-rows.ts'
import { columnReader, compareDecimals, compareText } from './column-values.ts'
import type { ComparedValue } from './column-values.ts'
import { columnsOf } from './declared-schema.ts'
import { columnNamed, compileFilter, needsPushDown } from './evaluate-filter.ts'
import type { SortKey, Verb } from './verbs.ts'

type Batches = AsyncIterable<RecordBatch>

/**
 * The stream after the verbs, evaluated here with the answers the service would give. Held in memory: a batch, the rows
 * of `top`, and the different rows of `distinct`.
 */
export function applyVerbs(stream: BatchStream, verbs: readonly Verb[]): BatchStream {
  return verbs.reduce<BatchStream>(applyVerb, stream)
}

function applyVerb({ schema, batches }: BatchStream, verb: Verb): BatchStream {
  const columns = columnsOf(schema)
  switch (verb.kind) {
    case 'where':
      return { schema, batches: kept(batches, compileFilter(verb.filter.node, columns)) }
    case 'select':
      return selected({ schema, batches }, verb.columns)
    case 'limit':
      return { schema, batches: limited(batches, verb.rows) }
    case 'top':
      return { schema, batches: first(batches, { schema, order: rowOrder(verb.key, columns), rows: verb.rows }) }
    case 'distinct': {
      const narrow = verb.columns.length === 0 ? { schema, batches } : selected({ schema, batches }, verb.columns)
      return { schema: narrow.schema, batches: different(narrow.batches, columnsOf(narrow.schema)) }
    }
  }
}

async function* kept(batches: Batches, rowsOf: (batch: RecordBatch) => Int32Array): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) {
    const rows = rowsOf(batch)
    if (rows.length === batch.numRows) yield batch
    else if (rows.length > 0) yield takeRows(batch, rows)
  }
}

function selected({ schema, batches }: BatchStream, names: readonly string[]): BatchStream {
  const columns = columnsOf(schema)
  const positions = names.map((name) => columnNamed(name, columns).index)
  const narrow = new Schema(
    positions.flatMap((position) => schema.fields[position] ?? []),
    schema.metadata,
  )
  return { schema: narrow, batches: projected(batches, narrow, positions) }
}

async function* projected(batches: Batches, schema: Schema, positions: readonly number[]): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) {
    yield batchOf(
      schema,
      positions.map((position) => columnAt(batch, position)),
      batch.numRows,
    )
  }
}

async function* limited(batches: Batches, rows: number): AsyncGenerator<RecordBatch> {
  let left = rows
  if (left === 0) return
  for await (const batch of batches) {
    yield batch.numRows <= left ? batch : takeRows(batch, firstRows(left))
    left -= batch.numRows
    if (left <= 0) return
  }
}

function firstRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row)
}

interface Ordering {
  readonly schema: Schema
  readonly order: (batch: RecordBatch) => (a: number, b: number) => number
  readonly rows: number
}

/** The first rows by the order, as one batch. Equal rows stay in the order they came. */
async function* first(batches: Batches, { schema, order, rows }: Ordering): AsyncGenerator<RecordBatch> {
  let held: RecordBatch | undefined
  for await (const batch of batches) {
    const all = joinBatches(schema, held === undefined ? [batch] : [held, batch])
    const sorted = firstRows(all.numRows).sort(order(all))
    held = takeRows(all, sorted.subarray(0, Math.min(rows, all.numRows)))
  }
  if (held !== undefined && held.numRows > 0) yield held
}

/** Compares rows of a batch by the key. */
function rowOrder({ column, order }: SortKey, columns: readonly KustoColumn[]): Ordering['order'] {
  const { index, type } = columnNamed(column, columns)
  if (type === 'dynamic') throw needsPushDown(`top by column ${column} of type dynamic`)
  const sign = order === 'asc' ? 1 : -1
  return (batch) => {
    const read = columnReader(columnAt(batch, index), type)
    return (a, b) => sign * compareForSort(read(a), read(b), type) || a - b
  }
}

/** Null, then NaN, then the values. */
function compareForSort(a: ComparedValue, b: ComparedValue, type: ScalarName): number {
  const special = specialRank(a) - specialRank(b)
  if (special !== 0 || specialRank(a) < 2) return special
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (type === 'decimal' && typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    return compareDecimals(a, b)
  }
  return a === b ? 0 : (a ?? 0) < (b ?? 0) ? -1 : 1
}

function specialRank(value: ComparedValue): number {
  if (value === null) return 0
  return Number.isNaN(value) ? 1 : 2
}

async function* different(batches: Batches, columns: readonly KustoColumn[]): AsyncGenerator<RecordBatch> {
  const dynamic = columns.find((column) => column.type === 'dynamic')
  if (dynamic !== undefined) throw needsPushDown(`distinct on column ${dynamic.name} of type dynamic`)
  const seen = new Set<string>()
  for await (const batch of batches) {
    const readers = columns.map((column, index) => columnReader(columnAt(batch, index), column.type))
    const rows: number[] = []
    for (let row = 0; row < batch.numRows; row++) {
      const key = JSON.stringify(readers.map((read) => distinctKey(read(row))))
      if (seen.has(key)) continue
      seen.add(key)
      rows.push(row)
    }
    if (rows.length > 0) yield takeRows(batch, Int32Array.from(rows))
  }
}

/** Equal for values the service puts together: nulls, NaNs, both zeros, decimals of one value. */
function distinctKey(value: ComparedValue): string | boolean | null {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return `${value + 0}`
  if (typeof value === 'bigint' || typeof value === 'string') return `${value}`
  let { unscaled, scale } = value
  while (scale > 0 && unscaled % 10n === 0n) {
    unscaled /= 10n
    scale--
  }
  return `${unscaled}e${-scale}`
}

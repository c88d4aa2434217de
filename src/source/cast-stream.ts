import { type RecordBatch, Schema } from 'apache-arrow'
import type { BatchStream } from '../arrow/batches.ts'
import { castBatch } from '../arrow/cast-batch.ts'
import { SharedDictionaries } from '../arrow/dictionary-columns.ts'
import type { TypeSettings } from '../arrow/scalar-types.ts'
import { batchOf, columnAt } from '../arrow/take-rows.ts'
import { checkDeclared, columnsOf } from './declared-schema.ts'
import type { OnReadEvent } from './read-events.ts'

/**
 * Types that lose nothing and are easy to compare: what a stream is decoded to when it is cast or filtered here. Texts are
 * compared as texts and become dictionaries when what is left of them is cast.
 */
export function losslessTypes(types: TypeSettings): TypeSettings {
  return { ...types, datetime: 'ticks', timespan: 'ticks', guid: 'text', dictionary: [] }
}

/**
 * The stream cast to the wanted schema, columns by name, every value checked. Columns that have their type are passed on.
 * @throws {KustoDataError} KUSTO_DECLARED_MISMATCH when a column is missing or of a type that does not fit; while
 * iterating, the errors of `castBatch`
 */
export function castStream({ schema: found, batches }: BatchStream, schema: Schema, onEvent: OnReadEvent): BatchStream {
  checkDeclared(columnsOf(schema), columnsOf(found))
  const positions = schema.fields.map((field) => found.fields.findIndex((each) => each.name === field.name))
  const others = schema.fields.filter((field, index) => {
    const position = positions[index] ?? -1
    return String(found.fields[position]?.type) !== String(field.type)
  })
  return { schema, batches: cast(batches, { schema, positions, toCast: new Schema(others) }, onEvent) }
}

interface Cast {
  readonly schema: Schema
  /** Of the wanted columns in the stream. */
  readonly positions: readonly number[]
  /** The wanted columns that have another type in the stream. */
  readonly toCast: Schema
}

async function* cast(
  batches: AsyncIterable<RecordBatch>,
  { schema, positions, toCast }: Cast,
  onEvent: OnReadEvent,
): AsyncGenerator<RecordBatch> {
  const names = toCast.fields.map((field) => field.name)
  const lost = names.map(() => 0)
  const dictionaries = new SharedDictionaries()
  let rowOffset = 0
  for await (const batch of batches) {
    const { batch: changed, lostTicks } = castBatch(batch, toCast, { rowOffset })
    rowOffset += batch.numRows
    lostTicks.forEach((values, column) => (lost[column] = (lost[column] ?? 0) + values))
    const columns = schema.fields.map(({ name }, index) => {
      const at = names.indexOf(name)
      return at < 0 ? columnAt(batch, positions[index] ?? -1) : columnAt(changed, at)
    })
    yield dictionaries.join(batchOf(schema, columns, batch.numRows))
  }
  for (const [column, values] of lost.entries()) {
    if (values > 0) onEvent({ kind: 'ticks-lost', column: names[column] ?? '', values })
  }
}

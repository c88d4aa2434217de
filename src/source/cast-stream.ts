import type { RecordBatch, Schema } from 'apache-arrow'
import type { BatchStream } from '../arrow/batches.ts'
import { castBatch } from '../arrow/cast-batch.ts'
import type { TypeSettings } from '../arrow/scalar-types.ts'
import { checkDeclared, columnsOf } from './declared-schema.ts'
import type { OnReadEvent } from './read-events.ts'

/** Types that lose nothing and are easy to compare: what a stream is decoded to when it is cast or filtered here. */
export function losslessTypes(types: TypeSettings): TypeSettings {
  return { ...types, datetime: 'ticks', timespan: 'ticks', guid: 'text' }
}

/**
 * The stream cast to the wanted schema, columns by name, every value checked.
 * @throws {KustoDataError} KUSTO_SCHEMA_MISMATCH when a column is missing or of a type that does not fit; while
 * iterating, the errors of `castBatch`
 */
export function castStream(stream: BatchStream, schema: Schema, onEvent: OnReadEvent): BatchStream {
  checkDeclared(columnsOf(schema), columnsOf(stream.schema))
  return { schema, batches: cast(stream.batches, schema, onEvent) }
}

async function* cast(
  batches: AsyncIterable<RecordBatch>,
  schema: Schema,
  onEvent: OnReadEvent,
): AsyncGenerator<RecordBatch> {
  const lost = schema.fields.map(() => 0)
  let rowOffset = 0
  for await (const batch of batches) {
    const { batch: wanted, lostTicks } = castBatch(batch, schema, { rowOffset })
    rowOffset += batch.numRows
    lostTicks.forEach((values, column) => (lost[column] = (lost[column] ?? 0) + values))
    yield wanted
  }
  for (const [column, values] of lost.entries()) {
    if (values > 0) onEvent({ kind: 'ticks-lost', column: columnName(schema, column), values })
  }
}

function columnName(schema: Schema, column: number): string {
  return schema.fields[column]?.name ?? String(column)
}

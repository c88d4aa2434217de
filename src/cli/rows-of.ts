import type { RecordBatch, Schema } from 'apache-arrow'
import type { KustoRead } from '../index.ts'
import type { Rows } from './encode-rows.ts'

/** The rows of a read as they come, with the schema that they have even when there are none. */
export async function withSchema(read: KustoRead): Promise<Rows> {
  const iterator = read[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) return { schema: await read.schema(), batches: none() }
  async function* batches(value: RecordBatch): AsyncGenerator<RecordBatch> {
    try {
      yield value
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return()
    }
  }
  return { schema: first.value.schema, batches: batches(first.value) }
}

/** The first rows, in memory; the rest is not read. */
export async function firstRows(
  { schema, batches }: Rows,
  most: number,
): Promise<{ readonly schema: Schema; readonly batches: readonly RecordBatch[] }> {
  const kept: RecordBatch[] = []
  let rows = 0
  for await (const batch of batches) {
    kept.push(batch.slice(0, most - rows))
    rows += batch.numRows
    if (rows >= most) break
  }
  return { schema, batches: kept }
}

/** The rows of batches that are in memory, or of a partition. */
export function rowsOf(schema: Schema, batches: Iterable<RecordBatch> | AsyncIterable<RecordBatch>): Rows {
  async function* each(): AsyncGenerator<RecordBatch> {
    yield* batches
  }
  return { schema, batches: each() }
}

async function* none(): AsyncGenerator<RecordBatch> {
  yield* []
}

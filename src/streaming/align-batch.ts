import { Field, makeData, Null, Schema } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { batchOf } from '../arrow/take-rows.ts'
import type { ColumnTarget } from '../sink/schema-problems.ts'

/** Columns of a table in its order, and the position in the data of each; undefined for those that stay empty. */
export interface Alignment {
  readonly columns: readonly KustoColumn[]
  readonly sources: readonly (number | undefined)[]
}

/** How data reach a table by position: streaming takes no mapping along, so the fields must be the table's, all of them. */
export function alignment(targets: readonly ColumnTarget[], table: readonly KustoColumn[]): Alignment {
  const sources = table.map(({ name }) => {
    const at = targets.findIndex(({ column }) => column.name === name)
    return at < 0 ? undefined : at
  })
  const last = sources.findLastIndex((source) => source !== undefined)
  const columns = table.map((column, index) => {
    const at = sources[index]
    return (at === undefined ? undefined : targets[at]?.column) ?? column
  })
  // Empty fields at the end stay: records of unequal length are refused.
  return last < 0 ? { columns: [], sources: [] } : { columns, sources }
}

/** The batch with the table's columns in the table's order; no value is copied. */
export function alignBatch(batch: RecordBatch, { columns, sources }: Alignment): RecordBatch {
  const isSame = columns.length === batch.schema.fields.length && sources.every((source, index) => source === index)
  if (isSame) return batch
  const parts = columns.map(({ name }, index) => {
    const at = sources[index]
    const data = at === undefined ? undefined : batch.data.children[at]
    const field = at === undefined ? undefined : batch.schema.fields[at]
    return data === undefined || field === undefined
      ? { field: new Field(name, new Null(), true), data: makeData({ type: new Null(), length: batch.numRows }) }
      : { field, data }
  })
  const schema = new Schema(parts.map(({ field }) => field))
  return batchOf(
    schema,
    parts.map(({ data }) => data),
    batch.numRows,
  )
}

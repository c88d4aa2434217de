import { type Data, type Int64, makeData, RecordBatch, type Schema, Struct } from 'apache-arrow'

/** The buffers of one flat column. */
interface ColumnBuffers {
  readonly offset: number
  readonly nullCount: number
  readonly nullBitmap: Uint8Array | undefined
  readonly valueOffsets: Int32Array | undefined
  readonly values: ArrayBufferView
}

/** A record batch on its way to another thread: its buffers, without a schema. Both sides know that. */
export interface BatchBuffers {
  readonly rows: number
  readonly columns: readonly ColumnBuffers[]
}

/** The batch without its schema; nothing is copied. */
export function buffersOf({ data, numRows }: RecordBatch): BatchBuffers {
  return { rows: numRows, columns: data.children.map(columnBuffers) }
}

/** What to transfer with batches: each memory once, since many columns may lie in one. They are unusable afterwards. */
export function memoryOf(batches: readonly BatchBuffers[]): readonly ArrayBuffer[] {
  const views = batches.flatMap(({ columns }) =>
    columns.flatMap(({ nullBitmap, valueOffsets, values }) => [nullBitmap, valueOffsets, values]),
  )
  const memory = new Set<ArrayBuffer>()
  for (const view of views) {
    if (view !== undefined && view.byteLength > 0 && view.buffer instanceof ArrayBuffer) memory.add(view.buffer)
  }
  return [...memory]
}

/** The batch again, in the schema that it had. */
export function batchFrom(schema: Schema, { rows, columns }: BatchBuffers): RecordBatch {
  const children = schema.fields.map((field, index): Data => {
    const column = columns[index]
    if (column === undefined) throw new RangeError(`expected ${schema.fields.length} columns, found ${columns.length}`)
    const { offset, nullCount, nullBitmap, valueOffsets, values } = column
    // makeData has one overload per type; Int64 stands for all of them, since flat columns are these buffers and no more.
    return makeData({
      type: field.type as Int64,
      offset,
      length: rows,
      nullCount,
      ...(nullBitmap === undefined ? {} : { nullBitmap }),
      ...(valueOffsets === undefined ? {} : { valueOffsets }),
      data: values as BigInt64Array,
    })
  })
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }))
}

function columnBuffers({ offset, nullCount, nullBitmap, valueOffsets, values }: Data): ColumnBuffers {
  return {
    offset,
    nullCount,
    nullBitmap: nullCount > 0 ? (nullBitmap ?? undefined) : undefined,
    valueOffsets: valueOffsets as Int32Array | undefined,
    values: values as ArrayBufferView,
  }
}

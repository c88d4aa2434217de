import { type Data, makeData, RecordBatch, type Schema, Struct, Type, Utf8 } from 'apache-arrow'

/** The given rows of a batch, in the given order; rows may repeat. Columns must be of the types `arrowSchema` makes. */
export function takeRows(batch: RecordBatch, rows: Int32Array): RecordBatch {
  const children = batch.data.children.map((column) => takeColumn(column, rows))
  return batchOf(batch.schema, children, rows.length)
}

/** A batch of these columns. */
export function batchOf(schema: Schema, children: Data[], length: number): RecordBatch {
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, children }))
}

/** One batch of all rows, in order; all batches have the given schema. */
export function joinBatches(schema: Schema, batches: readonly RecordBatch[]): RecordBatch {
  const [first] = batches
  if (first !== undefined && batches.length === 1) return first
  const length = batches.reduce((sum, batch) => sum + batch.numRows, 0)
  const children = schema.fields.map((field, index) =>
    joinColumn(
      field.type.typeId,
      batches.map((batch) => columnAt(batch, index)),
      makeData({ type: field.type, length: 0 } as never),
    ),
  )
  return batchOf(schema, children, length)
}

/** The column at this position of the batch. */
export function columnAt(batch: RecordBatch, index: number): Data {
  const column = batch.data.children[index]
  if (column === undefined) throw new RangeError(`no column ${index} in a batch of ${batch.data.children.length}`)
  return column
}

function takeColumn(column: Data, rows: Int32Array): Data {
  const { type } = column
  const nulls = takeNulls(column, rows)
  if (type.typeId === Type.Utf8) return takeText(column, rows, nulls)
  if (type.typeId === Type.Bool) {
    const bits = new Uint8Array((rows.length + 7) >> 3)
    const values = column.values as Uint8Array
    rows.forEach((row, to) => {
      const at = column.offset + row
      if (((values[at >> 3] ?? 0) >> (at & 7)) & 1) setBit(bits, to)
    })
    return makeData({ type, length: rows.length, ...nulls, data: bits } as never)
  }
  const { stride } = column
  const values = column.values as Uint8Array
  const taken = new (values.constructor as Uint8ArrayConstructor)(rows.length * stride)
  rows.forEach((row, to) => {
    for (let item = 0; item < stride; item++) taken[to * stride + item] = values[row * stride + item] as number
  })
  return makeData({ type, length: rows.length, ...nulls, data: taken } as never)
}

function takeText(column: Data, rows: Int32Array, nulls: Nulls): Data {
  const from = column.valueOffsets as Int32Array
  const valueOffsets = new Int32Array(rows.length + 1)
  rows.forEach((row, to) => {
    valueOffsets[to + 1] = (valueOffsets[to] ?? 0) + ((from[row + 1] ?? 0) - (from[row] ?? 0))
  })
  const bytes = new Uint8Array(valueOffsets[rows.length] ?? 0)
  const source = column.values as Uint8Array
  rows.forEach((row, to) => bytes.set(source.subarray(from[row], from[row + 1]), valueOffsets[to]))
  return makeData({ type: new Utf8(), length: rows.length, ...nulls, valueOffsets, data: bytes })
}

interface Nulls {
  readonly nullCount?: number
  readonly nullBitmap?: Uint8Array
}

function takeNulls(column: Data, rows: Int32Array): Nulls {
  if (column.nullCount === 0) return {}
  const nullBitmap = new Uint8Array((rows.length + 7) >> 3)
  let nullCount = 0
  rows.forEach((row, to) => {
    if (column.getValid(row)) setBit(nullBitmap, to)
    else nullCount++
  })
  return { nullCount, nullBitmap }
}

/** Joined by taking every row of each: offsets, bit positions and missing bitmaps are then all alike. */
function joinColumn(typeId: Type, columns: readonly Data[], empty: Data): Data {
  const [first] = columns
  if (first === undefined) return empty
  const length = columns.reduce((sum, column) => sum + column.length, 0)
  const nullBitmap = new Uint8Array((length + 7) >> 3)
  let nullCount = 0
  let to = 0
  for (const column of columns) {
    for (let row = 0; row < column.length; row++, to++) {
      if (column.getValid(row)) setBit(nullBitmap, to)
      else nullCount++
    }
  }
  const nulls = nullCount === 0 ? {} : { nullCount, nullBitmap }
  const whole = columns.map((column) =>
    takeColumn(
      column,
      Int32Array.from({ length: column.length }, (_, row) => row),
    ),
  )
  if (typeId === Type.Bool) return joinBools(first, columns, { length, nulls })
  const data = concatenate(whole.map((column) => column.values as Uint8Array))
  if (typeId !== Type.Utf8) return makeData({ type: first.type, length, ...nulls, data } as never)
  const valueOffsets = new Int32Array(length + 1)
  let row = 0
  for (const column of whole) {
    const base = valueOffsets[row] ?? 0
    const from = column.valueOffsets as Int32Array
    for (let at = 1; at <= column.length; at++) valueOffsets[row + at] = base + (from[at] ?? 0)
    row += column.length
  }
  return makeData({ type: new Utf8(), length, ...nulls, valueOffsets, data })
}

function joinBools(first: Data, columns: readonly Data[], { length, nulls }: { length: number; nulls: Nulls }): Data {
  const bits = new Uint8Array((length + 7) >> 3)
  let to = 0
  for (const column of columns) {
    const values = column.values as Uint8Array
    for (let row = 0; row < column.length; row++, to++) {
      const at = column.offset + row
      if (((values[at >> 3] ?? 0) >> (at & 7)) & 1) setBit(bits, to)
    }
  }
  return makeData({ type: first.type, length, ...nulls, data: bits } as never)
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  if (first === undefined) return new Uint8Array(0)
  const joined = new (first.constructor as Uint8ArrayConstructor)(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function setBit(bits: Uint8Array, at: number): void {
  bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7))
}

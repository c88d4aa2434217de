import { type Data, type RecordBatch, Type, type Union, UnionMode } from 'apache-arrow'

/** Bytes that the rows `[start, end)` of a column take, without those that belong to other rows of the same buffers. */
type SpanBytes = (start: number, end: number) => number

/** Tells how large rows are. */
export interface RowMeter {
  /** Bytes of the Arrow data of rows `[start, end)`: nested values, and dictionary values once for each row. */
  bytes(start: number, end: number): number
  /** The column that takes most of a row. */
  widest(row: number): string
}

/** Measures the rows of a batch. Asking is cheap: offsets are looked up, rows are not walked. */
export function rowMeter({ schema, data, numRows }: RecordBatch): RowMeter {
  const columns = numRows === 0 ? [] : data.children.map(spanOf)
  const bytes = (start: number, end: number): number => columns.reduce((sum, span) => sum + span(start, end), 0)
  return {
    bytes: (start, end) => Math.ceil(bytes(start, end)),
    widest(row) {
      const sizes = columns.map((span) => span(row, row + 1))
      return schema.fields[sizes.indexOf(Math.max(...sizes))]?.name ?? ''
    },
  }
}

/** The batch in slices of about `sliceBytes`, all of as many rows; nothing is copied. */
export function* rowSlices(batch: RecordBatch, sliceBytes: number): Generator<RecordBatch> {
  const count = Math.ceil(rowMeter(batch).bytes(0, batch.numRows) / sliceBytes)
  const rows = Math.max(1, Math.ceil(batch.numRows / Math.max(1, count)))
  if (rows >= batch.numRows) yield batch
  else for (let start = 0; start < batch.numRows; start += rows) yield batch.slice(start, start + rows)
}

function spanOf(data: Data): SpanBytes {
  const nullBytes = data.nullCount > 0 ? 1 / 8 : 0
  const values = valueSpan(data)
  return (start, end) => values(start, end) + (end - start) * nullBytes
}

function valueSpan(data: Data): SpanBytes {
  const { typeId, children, stride } = data
  if (typeId === Type.Null) return () => 0
  if (typeId === Type.Bool) return perRow(1 / 8)
  if (typeId === Type.Dictionary) return dictionarySpan(data)
  if (typeId === Type.Utf8View || typeId === Type.BinaryView) return viewSpan(data)
  if (typeId === Type.Union) return unionSpan(data)
  const parts = children.map(spanOf)
  if (typeId === Type.FixedSizeList) return (start, end) => sum(parts, start * stride, end * stride)
  const offsets = data.valueOffsets as ArrayLike<number | bigint> | undefined
  if (offsets !== undefined) {
    const offsetBytes = typeof offsets[0] === 'bigint' ? 8 : 4
    return (start, end) => {
      const [from, to] = [Number(offsets[start]), Number(offsets[end])]
      return (end - start) * offsetBytes + (parts.length === 0 ? to - from : sum(parts, from, to))
    }
  }
  if (typeId === Type.Struct) return (start, end) => sum(parts, start, end)
  const { BYTES_PER_ELEMENT: width = 1 } = data.values as { readonly BYTES_PER_ELEMENT?: number }
  return perRow(width * stride)
}

function sum(parts: readonly SpanBytes[], start: number, end: number): number {
  return parts.reduce((total, part) => total + part(start, end), 0)
}

function perRow(bytes: number): SpanBytes {
  return (start, end) => (end - start) * bytes
}

/** Where sizes of rows are not a difference of offsets they are added up once. */
function added(length: number, sizeOf: (row: number) => number): SpanBytes {
  const ends = new Float64Array(length + 1)
  let total = 0
  for (let row = 0; row < length; row++) {
    total += sizeOf(row)
    ends[row + 1] = total
  }
  return (start, end) => (ends[end] ?? total) - (ends[start] ?? total)
}

function dictionarySpan(data: Data): SpanBytes {
  const keys = data.values as ArrayLike<number | bigint>
  const keyBytes = (data.values as { readonly BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT
  const sizes = (data.dictionary?.data ?? []).flatMap((chunk) => {
    const span = spanOf(chunk)
    return Array.from({ length: chunk.length }, (_, key) => span(key, key + 1))
  })
  return added(data.length, (row) => keyBytes + (data.getValid(row) ? (sizes[Number(keys[row])] ?? 0) : 0))
}

/*
 * A view of 16 bytes:
 *   0  length  int32; up to 12 bytes lie in the view itself, longer values elsewhere
 */
function viewSpan(data: Data): SpanBytes {
  const views = data.values as Uint8Array
  const lengths = new DataView(views.buffer, views.byteOffset, views.byteLength)
  return added(data.length, (row) => {
    const length = lengths.getInt32(row * 16, true)
    return length > 12 ? 16 + length : 16
  })
}

function unionSpan(data: Data): SpanBytes {
  const { mode, typeIdToChildIndex } = data.type as Union
  const parts = data.children.map(spanOf)
  const offsets = data.valueOffsets as ArrayLike<number> | undefined
  const isDense = mode === UnionMode.Dense && offsets !== undefined
  return added(data.length, (row) => {
    const part = parts[typeIdToChildIndex[data.typeIds[row] ?? 0] ?? 0]
    const at = isDense ? (offsets[row] ?? row) : row
    return 1 + (part?.(at, at + 1) ?? 0)
  })
}

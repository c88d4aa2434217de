import { type Data, type RecordBatch, Type } from 'apache-arrow'

/**
 * Bytes of the values of a batch in Arrow's layout, of its own rows only: a slice counts what it shows, not the buffers it was
 * cut from. A dictionary counts as if its values stood in every row, since that is what is encoded.
 */
export function batchBytes({ data, numRows }: RecordBatch): number {
  return Math.ceil(data.children.reduce((sum, column) => sum + rangeBytes(column, 0, numRows), 0))
}

/** Rows `[start, start + length)` of a column. */
function rangeBytes(column: Data, start: number, length: number): number {
  if (length === 0) return 0
  const validity = column.nullCount > 0 ? length / 8 : 0
  const { dictionary } = column
  if (dictionary !== undefined) {
    return dictionary.length === 0 ? validity : (dictionary.byteLength * length) / dictionary.length + validity
  }
  const inChildren = (from: number, count: number): number =>
    column.children.reduce((sum, child) => sum + rangeBytes(child, from, count), 0)
  switch (column.typeId) {
    case Type.Null:
      return 0
    case Type.Bool:
      return length / 8 + validity
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary: {
      const [from, to, width] = offsetsOf(column, start, length)
      return to - from + width * length + validity
    }
    case Type.List:
    case Type.Map: {
      const [from, to, width] = offsetsOf(column, start, length)
      return inChildren(from, to - from) + width * length + validity
    }
    case Type.FixedSizeList: {
      const { listSize } = column.type as { listSize: number }
      return inChildren(start * listSize, length * listSize) + validity
    }
    case Type.Utf8View:
    case Type.BinaryView:
      return (column.byteLength * length) / Math.max(column.length, length)
    case Type.Struct:
      return inChildren(start, length) + validity
    default: {
      // Unions have no such width; their buffers are shared out over the rows.
      const { values, stride } = column as { values: { BYTES_PER_ELEMENT?: number } | undefined; stride: number }
      const width = column.children.length > 0 ? undefined : values?.BYTES_PER_ELEMENT
      if (width === undefined) return (column.byteLength * length) / Math.max(column.length, length)
      return width * stride * length + validity
    }
  }
}

function offsetsOf({ valueOffsets }: Data, start: number, length: number): readonly [number, number, number] {
  const offsets = valueOffsets as Int32Array | BigInt64Array
  return [Number(offsets[start] ?? 0), Number(offsets[start + length] ?? 0), offsets.BYTES_PER_ELEMENT]
}

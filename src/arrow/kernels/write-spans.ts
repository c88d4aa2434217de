/*
 * HOT: once per string, binary cell and uuid. Finds where a value's bytes lie, for every Arrow layout of them, and hands
 * them to `use`. The bytes belong to the batch and are only read. Bench: bench/csv.bench.ts.
 */
import { type Data, type FixedSizeBinary, Type } from 'apache-arrow'
import type { ByteSink } from './write-bytes.ts'
import type { CellWriter } from './write-cells.ts'

/** Appends something made of `src[start, end)`. Reserves its own room. */
export type SpanWriter = (out: ByteSink, src: Uint8Array, start: number, end: number) => void

const NO_BYTES = new Uint8Array(0)

/** A cell writer that applies `use` to each value's bytes; undefined when the type is not made of bytes. */
export function spanCells(data: Data, use: SpanWriter): CellWriter | undefined {
  const values = (data.values as Uint8Array | undefined) ?? NO_BYTES
  const { typeId } = data.type
  if (typeId === Type.Utf8 || typeId === Type.Binary) {
    const offsets = data.valueOffsets as Int32Array
    return (out, row) => use(out, values, offsets[row]!, offsets[row + 1]!)
  }
  if (typeId === Type.LargeUtf8 || typeId === Type.LargeBinary) {
    const offsets = data.valueOffsets as unknown as BigInt64Array
    return (out, row) => use(out, values, Number(offsets[row]), Number(offsets[row + 1]))
  }
  if (typeId === Type.FixedSizeBinary) {
    const { byteWidth } = data.type as FixedSizeBinary
    return (out, row) => use(out, values, row * byteWidth, (row + 1) * byteWidth)
  }
  return typeId === Type.Utf8View || typeId === Type.BinaryView ? viewCells(data, use) : undefined
}

/*
 * A view is 16 bytes: 0 length int32; up to 12 bytes inline at 4, or else 4 prefix, 8 buffer int32, 12 offset int32.
 */
function viewCells(data: Data, use: SpanWriter): CellWriter {
  const views = data.values as Uint8Array
  const ints = new DataView(views.buffer, views.byteOffset, views.byteLength)
  const buffers = data.variadicBuffers
  return (out, row) => {
    const at = row * 16
    const length = ints.getInt32(at, true)
    if (length <= 12) {
      use(out, views, at + 4, at + 4 + length)
      return
    }
    const start = ints.getInt32(at + 12, true)
    use(out, buffers[ints.getInt32(at + 8, true)]!, start, start + length)
  }
}

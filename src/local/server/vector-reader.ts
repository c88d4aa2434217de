import type { DuckDBBlobVector, DuckDBDataChunk } from '@duckdb/node-api'
import type { Column, ScalarName } from '../lang/syntax.ts'

/**
 * Raw access to the columns of a DuckDB chunk. node-api reads one value per call, which costs more than encoding it;
 * these are the same bytes it reads, kept by its vectors in the fields named below.
 * HOT: once per column and chunk, `bytesAt` once per string.
 * The memory belongs to the chunk: valid until the next chunk is fetched.
 */
export interface ColumnData {
  /** Fixed-width values, or 16-byte string headers. */
  readonly data: DataView
  /** One bit per row, least significant first; undefined when no value is null. */
  readonly validity: DataView | undefined
  /** Digits after the point, for decimals. */
  readonly scale: number
}

/** The SQL type that carries each Kusto type (DuckDB type ids). */
const TYPE_IDS: Readonly<Record<ScalarName, number>> = {
  bool: 1,
  int: 4,
  long: 5,
  real: 11,
  decimal: 19,
  string: 17,
  datetime: 5,
  timespan: 5,
  guid: 27,
  dynamic: 17,
}

/** @throws {Error} when the SQL produced another type than the column's representation: a defect of the translation */
export function readColumn(chunk: DuckDBDataChunk, index: number, column: Column): ColumnData {
  const vector = chunk.getColumnVector(index)
  const { type } = vector
  const typeId: number = type.typeId
  if (typeId !== TYPE_IDS[column.type]) {
    throw new Error(`column ${column.name} of type ${column.type} was computed as ${type.toString()}`)
  }
  const scale: unknown = Reflect.get(type, 'scale')
  const width: unknown = Reflect.get(type, 'width')
  if (column.type === 'decimal' && !(typeof width === 'number' && width > 18)) {
    throw new Error(`column ${column.name} of type decimal was computed as ${type.toString()}`)
  }
  const validity: unknown = Reflect.get(vector, 'validity')
  const bits: unknown = typeof validity === 'object' && validity !== null ? Reflect.get(validity, 'data') : undefined
  return {
    data: viewOf(Reflect.get(vector, 'items') ?? Reflect.get(vector, 'dataView'), column),
    validity: bits === null || bits === undefined ? undefined : viewOf(bits, column),
    scale: typeof scale === 'number' ? scale : 0,
  }
}

function viewOf(raw: unknown, column: Column): DataView {
  if (!ArrayBuffer.isView(raw)) throw new Error(`this version of @duckdb/node-api hides the memory of ${column.name}`)
  return new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
}

/** Strings up to this length are stored in the header itself. */
const INLINE_BYTES = 12

/** Bytes outside JavaScript's memory, by address. One object per stream; reads allocate one view each. */
export class MemoryReader {
  readonly #header: DataView = new DataView(new ArrayBuffer(16))
  readonly #read: () => Uint8Array | null

  constructor(blobVector: typeof DuckDBBlobVector) {
    // A blob vector over our own 16-byte header reads whatever that header points to.
    const always = { itemValid: () => true }
    const vector = Reflect.construct(blobVector, [this.#header, always, undefined, 0, 1]) as DuckDBBlobVector
    this.#read = () => vector.getItemBytes(0)
  }

  bytesAt(address: number, length: number): DataView {
    this.#header.setUint32(0, length, true)
    this.#header.setUint32(8, address >>> 0, true)
    this.#header.setUint32(12, Math.floor(address / 0x1_0000_0000), true)
    const bytes = this.#read()
    if (bytes === null) throw new Error('a string could not be read')
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** Where each string of a column chunk lies: `sources[sourceOf[row]]` from `startOf[row]`, `lengthOf[row]` bytes. */
export class StringColumn {
  readonly sourceOf: Int32Array = new Int32Array(2048)
  readonly startOf: Float64Array = new Float64Array(2048)
  readonly sources: DataView[] = []
  readonly #memory: MemoryReader

  constructor(memory: MemoryReader) {
    this.#memory = memory
  }

  /**
   * Reads neighbouring strings in one go: a native call costs as much as encoding a hundred bytes, and DuckDB lays the
   * strings of a vector side by side, upwards or downwards. Only bytes that belong to strings are ever read.
   */
  load(column: ColumnData, rows: number): void {
    const { data, validity } = column
    const { sources, sourceOf, startOf } = this
    sources.length = 0
    sources.push(data)
    const runStarts: number[] = [0]
    let runStart = 0
    let runEnd = 0
    const finish = (): void => {
      if (runEnd === runStart) return
      sources.push(this.#memory.bytesAt(runStart, runEnd - runStart))
      runStarts.push(runStart)
    }
    for (let row = 0; row < rows; row++) {
      if (validity !== undefined && ((validity.getUint8(row >> 3) >> (row & 7)) & 1) === 0) continue
      const length = data.getUint32(row * 16, true)
      if (length <= INLINE_BYTES) {
        sourceOf[row] = 0
        startOf[row] = row * 16 + 4
        continue
      }
      const address = data.getUint32(row * 16 + 12, true) * 0x1_0000_0000 + data.getUint32(row * 16 + 8, true)
      if (address === runEnd) runEnd = address + length
      else if (address + length === runStart) runStart = address
      else if (!(address >= runStart && address + length <= runEnd)) {
        finish()
        runStart = address
        runEnd = address + length
      }
      sourceOf[row] = sources.length
      startOf[row] = address
    }
    finish()
    for (let row = 0; row < rows; row++) {
      const source = sourceOf[row] ?? 0
      if (source > 0) startOf[row] = (startOf[row] ?? 0) - (runStarts[source] ?? 0)
    }
  }
}

/** A reader of DuckDB's memory; the package is loaded by then. */
export async function openMemory(): Promise<MemoryReader> {
  const { DuckDBBlobVector } = await import('@duckdb/node-api')
  return new MemoryReader(DuckDBBlobVector)
}

import {
  AsyncByteQueue,
  type Binary,
  Data,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Struct,
  type Table,
  Type,
  type Utf8,
} from 'apache-arrow'

/**
 * Writes tables as Arrow IPC streams, one after the other, into one memory: `tableToIPC` makes a new one for each, and what
 * is garbage outside of the JavaScript heap is collected late.
 */
export class IpcScratch {
  #bytes: Uint8Array<ArrayBuffer>
  #offsets = new Int32Array(0)

  /** `bytes` is what a table is expected to take; the memory grows when one takes more. */
  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes)
  }

  /** The stream, valid until the next call. */
  write(table: Table): Uint8Array<ArrayBuffer> {
    let end = 0
    const take = (chunk: Uint8Array): void => {
      if (end + chunk.length > this.#bytes.length) {
        const larger = new Uint8Array(Math.max(end + chunk.length, this.#bytes.length * 2))
        larger.set(this.#bytes.subarray(0, end))
        this.#bytes = larger
      }
      this.#bytes.set(chunk, end)
      end += chunk.length
    }
    const writer = new RecordBatchStreamWriter()
    writer.reset(new ChunkQueue(take), table.schema)
    for (const batch of table.batches) writer.write(this.#rebased(batch))
    writer.finish()
    return this.#bytes.subarray(0, end)
  }

  /** The batch with texts whose offsets begin at 0, where the library would make a copy of them for each slice. */
  #rebased(batch: RecordBatch): RecordBatch {
    const { schema, data, numRows } = batch
    const columns = data.children.filter(hasOffsets)
    const count = columns.reduce((sum, { length }) => sum + length + 1, 0)
    if (count === 0) return batch
    if (count > this.#offsets.length) this.#offsets = new Int32Array(count)
    let end = 0
    const children = data.children.map((column) => {
      if (!hasOffsets(column)) return column
      const { type, offset, length, nullCount, nullBitmap, values, valueOffsets } = column
      const offsets = this.#offsets.subarray(end, end + length + 1)
      end += offsets.length
      const [first = 0] = valueOffsets
      for (let row = 0; row <= length; row++) offsets[row] = (valueOffsets[row] ?? first) - first
      const buffers = [offsets, values.subarray(first, first + (offsets[length] ?? 0)), nullBitmap]
      return new Data(type, offset, length, nullCount, buffers as unknown as Data['buffers'])
    })
    const type = new Struct(schema.fields)
    return new RecordBatch(schema, makeData({ type, length: numRows, nullCount: 0, children }))
  }
}

type TextData = Data<Utf8 | Binary>

/** Texts and bytes that do not begin at 0. */
function hasOffsets(data: Data): data is TextData {
  return (data.typeId === Type.Utf8 || data.typeId === Type.Binary) && data.length > 0 && data.valueOffsets[0] !== 0
}

/** Hands chunks on at once, where the library would hold them for a reader. */
class ChunkQueue extends AsyncByteQueue {
  readonly #take: (chunk: Uint8Array) => void

  constructor(take: (chunk: Uint8Array) => void) {
    super()
    this.#take = take
  }

  override write(chunk: ArrayBufferView): void {
    this.#take(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }
}

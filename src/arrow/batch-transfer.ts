import { Data, type DataType, makeData, RecordBatch, type Schema, Struct, Type, Vector } from 'apache-arrow'

/** The buffers of one column, without its type. */
interface ColumnBuffers {
  readonly length: number
  readonly offset: number
  readonly nullCount: number
  readonly nullBitmap: Uint8Array | undefined
  readonly valueOffsets: ArrayBufferView | undefined
  readonly values: ArrayBufferView | undefined
  readonly typeIds: ArrayBufferView | undefined
  readonly variadic: readonly Uint8Array[]
  readonly children: readonly ColumnBuffers[]
  readonly dictionary: DictionaryBuffers | undefined
}

/** A dictionary, by its number; its values come along the first time only. */
interface DictionaryBuffers {
  readonly number: number
  readonly chunks: readonly ColumnBuffers[] | undefined
}

/** A record batch on its way to another thread: its buffers, without a schema. Both sides know that. */
export interface BatchBuffers {
  readonly rows: number
  readonly columns: readonly ColumnBuffers[]
}

/** Dictionaries that one side has sent, and the other has kept, by number. */
export type SentDictionaries = Map<Vector, number>
export type KeptDictionaries = Map<number, Vector>

/** The batch without its schema; nothing is copied. */
export function buffersOf({ data, numRows }: RecordBatch, sent: SentDictionaries = new Map()): BatchBuffers {
  return { rows: numRows, columns: data.children.map((column) => columnBuffers(column, sent)) }
}

/** What to transfer with batches: each memory once, since many columns may lie in one. They are unusable afterwards. */
export function memoryOf(batches: readonly BatchBuffers[]): readonly ArrayBuffer[] {
  const memory = new Set<ArrayBuffer>()
  for (const { columns } of batches) {
    for (const view of columns.flatMap(viewsOf)) {
      if (view.byteLength > 0 && view.buffer instanceof ArrayBuffer) memory.add(view.buffer)
    }
  }
  return [...memory]
}

/** Copies of batches in one new memory, only of what their rows use: the batches stay the caller's. */
export function copiedBuffers(batches: readonly RecordBatch[], sent: SentDictionaries): readonly BatchBuffers[] {
  const trimmed = batches.map((batch) => trimmedBuffers(batch, sent))
  const views = trimmed.flatMap(({ columns }) => columns.flatMap(viewsOf))
  const memory = new ArrayBuffer(views.reduce((sum, { byteLength }) => sum + aligned(byteLength), 0))
  let end = 0
  const copy = <View extends ArrayBufferView>(view: View): View => {
    const from = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    new Uint8Array(memory, end, view.byteLength).set(from)
    const copied = viewLike(view, memory, end)
    end += aligned(view.byteLength)
    return copied
  }
  return trimmed.map(({ rows, columns }) => ({ rows, columns: columns.map((column) => mapViews(column, copy)) }))
}

/** The batch again, in the schema that it had. */
export function batchFrom(
  schema: Schema,
  { rows, columns }: BatchBuffers,
  kept: KeptDictionaries = new Map(),
): RecordBatch {
  const children = schema.fields.map((field, index): Data => {
    const column = columns[index]
    if (column === undefined) throw new RangeError(`expected ${schema.fields.length} columns, found ${columns.length}`)
    return dataFrom(field.type, column, kept)
  })
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }))
}

function columnBuffers(data: Data, sent: SentDictionaries): ColumnBuffers {
  const { length, offset, nullCount, nullBitmap, valueOffsets, values, typeIds, variadicBuffers, children } = data
  return {
    length,
    offset,
    nullCount,
    nullBitmap: nullCount > 0 ? (nullBitmap ?? undefined) : undefined,
    valueOffsets: valueOffsets as ArrayBufferView | undefined,
    values: values as ArrayBufferView | undefined,
    typeIds: typeIds as ArrayBufferView | undefined,
    variadic: variadicBuffers,
    children: children.map((child) => columnBuffers(child, sent)),
    dictionary: data.dictionary === undefined ? undefined : dictionaryBuffers(data.dictionary, sent),
  }
}

function dictionaryBuffers(dictionary: Vector, sent: SentDictionaries): DictionaryBuffers {
  const known = sent.get(dictionary)
  if (known !== undefined) return { number: known, chunks: undefined }
  const number = sent.size
  sent.set(dictionary, number)
  return { number, chunks: dictionary.data.map((chunk) => columnBuffers(chunk, sent)) }
}

function dataFrom(type: DataType, column: ColumnBuffers, kept: KeptDictionaries): Data {
  const { length, offset, nullCount, nullBitmap, valueOffsets, values, typeIds, variadic, dictionary } = column
  const children = type.children?.map((field, index) => {
    const child = column.children[index]
    if (child === undefined) throw new RangeError(`expected a child ${field.name}, found ${column.children.length}`)
    return dataFrom(field.type, child, kept)
  })
  const buffers = [valueOffsets, values, nullBitmap, typeIds] as unknown as Data['buffers']
  const entries = dictionary === undefined ? undefined : dictionaryFrom(type, dictionary, kept)
  return new Data(type, offset, length, nullCount, buffers, children ?? [], entries, variadic)
}

function dictionaryFrom(type: DataType, { number, chunks }: DictionaryBuffers, kept: KeptDictionaries): Vector {
  const known = kept.get(number)
  if (known !== undefined) return known
  const valueType = (type as DataType & { readonly dictionary: DataType }).dictionary
  const dictionary = new Vector((chunks ?? []).map((chunk) => dataFrom(valueType, chunk, kept)))
  kept.set(number, dictionary)
  return dictionary
}

/** The buffers cut down to what the rows use, so that a slice does not carry the memory that it was cut from. */
function trimmedBuffers(batch: RecordBatch, sent: SentDictionaries): BatchBuffers {
  return { rows: batch.numRows, columns: batch.data.children.map((data) => trimmedColumn(data, sent)) }
}

function trimmedColumn(data: Data, sent: SentDictionaries): ColumnBuffers {
  const { length, offset, typeId } = data
  const column = columnBuffers(data, sent)
  const bits = { start: offset >> 3, end: (offset + length + 7) >> 3 }
  const nullBitmap = column.nullBitmap?.subarray(bits.start, bits.end)
  const shared = { ...column, offset: offset & 7, nullBitmap }
  if (typeId === Type.Bool) {
    return { ...shared, values: (data.values as Uint8Array).subarray(bits.start, bits.end) }
  }
  if (typeId === Type.Union) return { ...shared, children: data.children.map((child) => trimmedColumn(child, sent)) }
  if (column.valueOffsets === undefined) {
    return { ...shared, children: data.children.map((child) => trimmedColumn(child, sent)) }
  }
  const offsets = data.valueOffsets as Int32Array | BigInt64Array
  const [first, end] = [Number(offsets[0] ?? 0), Number(offsets[length] ?? 0)]
  const rebased = { ...shared, valueOffsets: fromZero(offsets.subarray(0, length + 1)) }
  const [child] = data.children
  if (child !== undefined) return { ...rebased, children: [trimmedColumn(child.slice(first, end - first), sent)] }
  return { ...rebased, values: (data.values as Uint8Array).subarray(first, end) }
}

function fromZero(offsets: Int32Array | BigInt64Array): Int32Array | BigInt64Array {
  const [first] = offsets
  if (first === undefined || Number(first) === 0) return offsets
  return offsets instanceof BigInt64Array
    ? offsets.map((value) => value - BigInt(first))
    : offsets.map((value) => value - Number(first))
}

function viewsOf(column: ColumnBuffers): readonly ArrayBufferView[] {
  const views: ArrayBufferView[] = []
  mapViews(column, (view) => {
    views.push(view)
    return view
  })
  return views
}

function mapViews(column: ColumnBuffers, map: <View extends ArrayBufferView>(view: View) => View): ColumnBuffers {
  const mapped = <View extends ArrayBufferView>(view: View | undefined): View | undefined =>
    view === undefined ? undefined : map(view)
  const { dictionary } = column
  return {
    ...column,
    nullBitmap: mapped(column.nullBitmap),
    valueOffsets: mapped(column.valueOffsets),
    values: mapped(column.values),
    typeIds: mapped(column.typeIds),
    variadic: column.variadic.map(map),
    children: column.children.map((child) => mapViews(child, map)),
    dictionary: dictionary && { ...dictionary, chunks: dictionary.chunks?.map((chunk) => mapViews(chunk, map)) },
  }
}

/** A view of the same element type over other memory. */
function viewLike<View extends ArrayBufferView>(view: View, memory: ArrayBuffer, start: number): View {
  const { BYTES_PER_ELEMENT: width = 1 } = view as View & { readonly BYTES_PER_ELEMENT?: number }
  const Like = view.constructor as new (buffer: ArrayBuffer, start: number, length: number) => View
  return new Like(memory, start, view.byteLength / width)
}

/** Buffers of eight-byte values must start at a multiple of eight. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}

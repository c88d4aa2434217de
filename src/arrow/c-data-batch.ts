import { Data, type DataType, type FixedSizeList, makeData, RecordBatch, type Schema, Struct, Type } from 'apache-arrow'
import { CDataMemory, POINTER_BYTES, type TypedArrayClass } from './c-data-memory.ts'

/*
 * struct ArrowArray of the Arrow C data interface, in 32-bit memory:
 *    0  int64    length
 *    8  int64    null_count, -1 when nobody has counted
 *   16  int64    offset, in elements; buffers begin that much earlier
 *   40  void**   buffers: validity, offsets, values, as many of them as the type has
 *   44  ArrowArray**  children
 * Types come with a schema, so ArrowSchema is not read.
 */
const LENGTH = 0
const NULL_COUNT = 8
const OFFSET = 16
const CHILDREN = 44

/** Whether {@link cDataBatch} can read all types of a schema: all but dictionaries, views and unions. */
export function isCarriedByCData(schema: Schema): boolean {
  return schema.fields.every(({ type }) => isCarried(type))
}

function isCarried(type: DataType): boolean {
  return LAYOUTS.has(type.typeId) && (type.children ?? []).every((field) => isCarried(field.type))
}

/**
 * Copies a record batch out of the memory of a decoder: the struct array at `address` of the Arrow C data interface. All
 * buffers lie in one new memory, which holds the batch's rows and nothing else. The array stays its owner's, to release.
 * Precondition: `schema` is the array's, and {@link isCarriedByCData} holds.
 */
export function cDataBatch(schema: Schema, memory: ArrayBufferLike, address: number): RecordBatch {
  const source = new CDataMemory(memory)
  const type = new Struct(schema.fields)
  const build = plan(source, { type, address, from: 0, length: source.int64(address + LENGTH) })
  return new RecordBatch(schema, build(source.copy()) as Data<Struct>)
}

/** Elements of the array at `address`; `from` counts from the array's own offset. */
interface Elements {
  readonly type: DataType
  readonly address: number
  readonly from: number
  readonly length: number
}

/** Makes the column when its buffers have been copied to `copied`. */
type Build = (copied: ArrayBuffer) => Data

function plan(source: CDataMemory, elements: Elements): Build {
  const { type, address, length } = elements
  if (type.typeId === Type.Null) return () => makeData({ type, length } as never)
  const start = source.int64(address + OFFSET) + elements.from
  const { nullCount, validity } = planNulls(source, elements, start)
  const planValues = LAYOUTS.get(type.typeId)
  if (planValues === undefined)
    throw new RangeError(`expected a type with a known layout, found type id ${type.typeId}`)
  const { buffers, children } = planValues(source, elements, start)
  return (copied) => {
    const [offsets, values] = buffers(copied)
    const views = [offsets, values, validity(copied), undefined] as unknown as Data['buffers']
    return new Data(
      type,
      start & 7,
      length,
      nullCount,
      views,
      children.map((build) => build(copied)),
    )
  }
}

function planNulls(
  source: CDataMemory,
  { address, length }: Elements,
  start: number,
): { readonly nullCount: number; readonly validity: (copied: ArrayBuffer) => Uint8Array | undefined } {
  const counted = source.int64(address + NULL_COUNT)
  const bitmap = source.buffer(address, 0)
  if (counted === 0 || bitmap === 0) return { nullCount: 0, validity: () => undefined }
  const isWhole = length === source.int64(address + LENGTH)
  return { nullCount: isWhole ? counted : -1, validity: source.planBits({ from: bitmap, start, length }) }
}

interface PlannedValues {
  /** Offsets and values, in the order of an Arrow `Data`. */
  readonly buffers: (copied: ArrayBuffer) => readonly (ArrayBufferView | undefined)[]
  readonly children: readonly Build[]
}

type PlanValues = (source: CDataMemory, elements: Elements, start: number) => PlannedValues

/** How the values of each type lie in memory; validity is the same for all of them. */
const LAYOUTS: ReadonlyMap<Type, PlanValues> = new Map<Type, PlanValues>([
  [Type.Null, () => ({ buffers: () => [], children: [] })],
  [Type.Bool, planBools],
  [Type.Int, planFixed],
  [Type.Float, planFixed],
  [Type.Decimal, planFixed],
  [Type.Date, planFixed],
  [Type.Time, planFixed],
  [Type.Timestamp, planFixed],
  [Type.Duration, planFixed],
  [Type.Interval, planFixed],
  [Type.FixedSizeBinary, planFixed],
  [Type.Utf8, planSpans],
  [Type.LargeUtf8, planSpans],
  [Type.Binary, planSpans],
  [Type.LargeBinary, planSpans],
  [Type.List, planList],
  [Type.LargeList, planList],
  [Type.Map, planList],
  [Type.FixedSizeList, planFixedList],
  [Type.Struct, planStruct],
])

function planFixed(source: CDataMemory, { type, address, length }: Elements, start: number): PlannedValues {
  const { stride } = makeData({ type, length: 0 } as never) as Data
  const ArrayType = type.ArrayType as TypedArrayClass<ArrayBufferView>
  const from = source.buffer(address, 1) + start * stride * ArrayType.BYTES_PER_ELEMENT
  const values = source.planItems(ArrayType, { from, items: length * stride })
  return { buffers: (copied) => [undefined, values(copied)], children: [] }
}

function planBools(source: CDataMemory, { address, length }: Elements, start: number): PlannedValues {
  const bits = source.planBits({ from: source.buffer(address, 1), start, length })
  return { buffers: (copied) => [undefined, bits(copied)], children: [] }
}

function planSpans(source: CDataMemory, elements: Elements, start: number): PlannedValues {
  const { offsets, first, end } = planOffsets(source, elements, start)
  const from = source.buffer(elements.address, 2) + first
  const bytes = source.planItems(Uint8Array, { from, items: end - first })
  return { buffers: (copied) => [offsets(copied), bytes(copied)], children: [] }
}

function planList(source: CDataMemory, elements: Elements, start: number): PlannedValues {
  const { offsets, first, end } = planOffsets(source, elements, start)
  const children = planChildren(source, elements, { from: first, length: end - first })
  return { buffers: (copied) => [offsets(copied)], children }
}

function planFixedList(source: CDataMemory, elements: Elements, start: number): PlannedValues {
  const { listSize } = elements.type as FixedSizeList
  const items = { from: start * listSize, length: elements.length * listSize }
  return { buffers: () => [], children: planChildren(source, elements, items) }
}

function planStruct(source: CDataMemory, elements: Elements, start: number): PlannedValues {
  return { buffers: () => [], children: planChildren(source, elements, { from: start, length: elements.length }) }
}

function planChildren(
  source: CDataMemory,
  { type, address }: Elements,
  range: { readonly from: number; readonly length: number },
): readonly Build[] {
  const children = source.pointer(address + CHILDREN)
  return (type.children ?? []).map((field, index) => {
    const child = source.pointer(children + index * POINTER_BYTES)
    return plan(source, { type: field.type, address: child, ...range })
  })
}

interface PlannedOffsets {
  /** They begin with 0, whatever `first` is. */
  readonly offsets: (copied: ArrayBuffer) => ArrayBufferView
  /** Where the first element begins and the last one ends in the values. */
  readonly first: number
  readonly end: number
}

function planOffsets(source: CDataMemory, { type, address, length }: Elements, start: number): PlannedOffsets {
  const OffsetType = type.OffsetArrayType as TypedArrayClass<Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>>
  // An empty array need not have offsets, not even the one that other arrays have more than elements.
  const width = OffsetType.BYTES_PER_ELEMENT
  if (length === 0) return { offsets: () => new OffsetType(new ArrayBuffer(width), 0, 1), first: 0, end: 0 }
  const from = source.buffer(address, 1) + start * width
  const at = (index: number): number =>
    width === 8 ? source.int64(from + index * width) : source.int32(from + index * width)
  const [first, end] = [at(0), at(length)]
  const copiedOffsets = source.planItems(OffsetType, { from, items: length + 1 })
  const offsets = (copied: ArrayBuffer): ArrayBufferView => {
    const found = copiedOffsets(copied)
    if (first !== 0) subtract(found, first)
    return found
  }
  return { offsets, first, end }
}

function subtract(offsets: Int32Array | BigInt64Array, first: number): void {
  if (offsets instanceof BigInt64Array)
    for (const [index, offset] of offsets.entries()) offsets[index] = offset - BigInt(first)
  else for (const [index, offset] of offsets.entries()) offsets[index] = offset - first
}

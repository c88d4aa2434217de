import {
  Binary,
  BinaryView,
  Bool,
  BufferType,
  Data,
  DataType,
  Date_,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int,
  Interval,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  Map_,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Time,
  Timestamp,
  Type,
  Union,
  Utf8,
  Utf8View,
  Vector,
} from 'apache-arrow'
import { KustoUsageError } from '../errors.ts'

const CLASSES: ReadonlyMap<Type, { readonly prototype: DataType }> = new Map<Type, { readonly prototype: DataType }>([
  [Type.Null, Null],
  [Type.Int, Int],
  [Type.Float, Float],
  [Type.Binary, Binary],
  [Type.Utf8, Utf8],
  [Type.Bool, Bool],
  [Type.Decimal, Decimal],
  [Type.Date, Date_],
  [Type.Time, Time],
  [Type.Timestamp, Timestamp],
  [Type.Interval, Interval],
  [Type.List, List],
  [Type.Struct, Struct],
  [Type.Union, Union],
  [Type.FixedSizeBinary, FixedSizeBinary],
  [Type.FixedSizeList, FixedSizeList],
  [Type.Map, Map_],
  [Type.Duration, Duration],
  [Type.LargeBinary, LargeBinary],
  [Type.LargeUtf8, LargeUtf8],
  [Type.BinaryView, BinaryView],
  [Type.Utf8View, Utf8View],
  [Type.LargeList, LargeList],
  [Type.Dictionary, Dictionary],
])

/**
 * The same buffers as a batch of this package's copy of apache-arrow. A program that loads apache-arrow with `require`
 * has another copy than the ES modules have, and the two refuse each other's types.
 */
export function adoptBatch(batch: RecordBatch): RecordBatch {
  // Not instanceof: apache-arrow's classes say yes to their namesakes of other copies, and then fail on their types.
  if (batch.constructor === RecordBatch && batch.schema.constructor === Schema) return batch
  const { schema, data } = batch
  return new RecordBatch(adoptSchema(schema), adoptData(data) as Data<Struct>)
}

/** The same fields as a schema of this package's copy of apache-arrow. */
export function adoptSchema(schema: Schema): Schema {
  return schema.constructor === Schema ? schema : new Schema(schema.fields.map(adoptField), new Map(schema.metadata))
}

function adoptField(field: Field): Field {
  return new Field(field.name, adoptType(field.type as DataType), field.nullable, new Map(field.metadata))
}

function adoptType(type: DataType): DataType {
  const known = CLASSES.get(type.typeId)
  if (known === undefined) {
    throw new KustoUsageError(
      'KUSTO_BAD_INPUT',
      `expected a type of apache-arrow 21, found type id ${type.typeId} of another copy of it`,
    )
  }
  // Types are plain data under a prototype; only the prototype and the types inside differ between copies.
  const own = Object.create(known.prototype, Object.getOwnPropertyDescriptors(type)) as DataType
  // Up to version 14 it is a getter of the prototype.
  Object.defineProperty(own, 'typeId', { value: type.typeId, enumerable: true })
  const inner = type as Partial<Dictionary> & { readonly children?: readonly Field[] | null }
  if (Array.isArray(inner.children))
    Object.defineProperty(own, 'children', { value: inner.children.map(adoptField), enumerable: true })
  if (type.typeId === Type.Dictionary && inner.dictionary !== undefined && inner.indices !== undefined) {
    Object.defineProperty(own, 'dictionary', { value: adoptType(inner.dictionary), enumerable: true })
    Object.defineProperty(own, 'indices', { value: adoptType(inner.indices), enumerable: true })
  }
  return own
}

function adoptData(data: Data): Data {
  const { offset, length, nullCount, buffers, children, dictionary, variadicBuffers } = data
  const type = adoptType(data.type)
  return new Data(
    type,
    offset,
    length,
    nullCount,
    adoptBuffers(type, buffers),
    children.map(adoptData),
    dictionary === undefined ? undefined : new Vector(dictionary.data.map(adoptData)),
    variadicBuffers,
  )
}

/** Up to version 15 the 64 bits of a time are two numbers of 32 bits. */
function adoptBuffers(type: DataType, buffers: Data['buffers']): Data['buffers'] {
  const values: unknown = buffers[BufferType.DATA]
  if (type.ArrayType !== BigInt64Array || !(values instanceof Int32Array)) return buffers
  const { buffer, byteOffset, byteLength } = values.byteOffset % 8 === 0 ? values : values.slice()
  return { ...buffers, [BufferType.DATA]: new BigInt64Array(buffer, byteOffset, byteLength / 8) } as Data['buffers']
}

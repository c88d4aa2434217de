import {
  type DataType,
  type Dictionary,
  type Field,
  type FixedSizeBinary,
  type Int,
  type Schema,
  Type,
} from 'apache-arrow'
import { KustoDataError, KustoUsageError } from '../errors.ts'
import { KUSTO_TYPE_KEY, type KustoColumn, SCALAR_NAMES, type ScalarName, scalarNameOf } from './scalar-types.ts'

/** Families of Arrow types that are written alike; a dictionary belongs to the family of its values. */
export type ArrowKind =
  | 'null'
  | 'bool'
  | 'integer'
  | 'real'
  | 'decimal'
  | 'text'
  | 'json'
  | 'binary'
  | 'uuid'
  | 'datetime'
  | 'timespan'
  | 'nested'

/** Choices of {@link kustoColumns}. */
export interface KustoColumnsOptions {
  /** What an unsigned 64-bit column becomes: `long` (default; a value over 2^63-1 is an error) or `decimal`. */
  readonly uint64?: 'long' | 'decimal'
}

/** What values of any kind may be written to: all ten, `string` before the others. */
export const ANY_SCALAR: readonly ScalarName[] = ['string', ...SCALAR_NAMES.filter((name) => name !== 'string')]

/** The Kusto types each family may be written to; the first is its own. Widths and 16-byte binaries are added below. */
const TARGETS: Readonly<Record<ArrowKind, readonly ScalarName[]>> = {
  null: ANY_SCALAR,
  bool: ['bool', 'string', 'dynamic'],
  integer: ['long', 'int', 'real', 'decimal', 'bool', 'string', 'dynamic'],
  real: ['real', 'decimal', 'long', 'int', 'string', 'dynamic'],
  decimal: ['decimal', 'real', 'string', 'dynamic'],
  text: ANY_SCALAR,
  json: ['dynamic', 'string'],
  binary: ['string', 'dynamic'],
  uuid: ['guid', 'string', 'dynamic'],
  datetime: ['datetime', 'string', 'dynamic'],
  timespan: ['timespan', 'string', 'dynamic'],
  nested: ['dynamic', 'string'],
}

const KINDS: ReadonlyMap<Type, ArrowKind> = new Map<Type, ArrowKind>([
  [Type.Null, 'null'],
  [Type.Bool, 'bool'],
  [Type.Int, 'integer'],
  [Type.Float, 'real'],
  [Type.Decimal, 'decimal'],
  [Type.Utf8, 'text'],
  [Type.LargeUtf8, 'text'],
  [Type.Utf8View, 'text'],
  [Type.Binary, 'binary'],
  [Type.LargeBinary, 'binary'],
  [Type.BinaryView, 'binary'],
  [Type.FixedSizeBinary, 'binary'],
  [Type.Date, 'datetime'],
  [Type.Timestamp, 'datetime'],
  [Type.Time, 'timespan'],
  [Type.Duration, 'timespan'],
  [Type.Interval, 'timespan'],
  [Type.List, 'nested'],
  [Type.LargeList, 'nested'],
  [Type.FixedSizeList, 'nested'],
  [Type.Struct, 'nested'],
  [Type.Map, 'nested'],
  [Type.Union, 'nested'],
])

/**
 * The Kusto columns that an Arrow schema is written to. `kusto:type` metadata wins where the Arrow type can carry it.
 * @throws {KustoUsageError} KUSTO_DUPLICATE_COLUMN, KUSTO_BAD_COLUMN_NAME
 * @throws {KustoDataError} KUSTO_UNSUPPORTED_TYPE when Kusto has nothing to hold a column's Arrow type
 */
export function kustoColumns(schema: Schema, options: KustoColumnsOptions = {}): readonly KustoColumn[] {
  const seen = new Set<string>()
  return schema.fields.map((field, index) => {
    if (field.name === '') {
      throw new KustoUsageError('KUSTO_BAD_COLUMN_NAME', `expected a name for column ${index}, found an empty one`)
    }
    if (seen.has(field.name)) {
      throw new KustoUsageError('KUSTO_DUPLICATE_COLUMN', `expected distinct column names, found ${field.name} twice`)
    }
    seen.add(field.name)
    return { name: field.name, type: kustoType(field, options) }
  })
}

/**
 * The Kusto type of one field: `kusto:type` metadata where the Arrow type can carry it, else the type's own.
 * @throws {KustoDataError} KUSTO_UNSUPPORTED_TYPE
 */
export function kustoType(field: Field, options: KustoColumnsOptions = {}): ScalarName {
  const wished = scalarNameOf(field.metadata.get(KUSTO_TYPE_KEY) ?? '')
  if (wished !== undefined && acceptsTarget(field, wished)) return wished
  const kind = arrowKind(field)
  if (kind === 'text' || kind === 'null') return 'string'
  const type = valueType(field.type)
  if (kind !== 'integer') return TARGETS[kind][0] ?? 'string'
  const { bitWidth, isSigned } = type as Int
  if (bitWidth < 32 || (bitWidth === 32 && isSigned)) return 'int'
  return bitWidth === 64 && !isSigned ? (options.uint64 ?? 'long') : 'long'
}

/** Whether values of the field can be written to a column of the Kusto type; single values are checked when encoded. */
export function acceptsTarget(field: Field, target: ScalarName): boolean {
  const kind = arrowKind(field)
  if (TARGETS[kind].includes(target)) return true
  const type = valueType(field.type)
  if (kind === 'integer') return (type as Int).bitWidth === 64 && (target === 'datetime' || target === 'timespan')
  return kind === 'binary' && target === 'guid' && isSixteenBytes(type)
}

/**
 * The family of a field's Arrow type and extension.
 * @throws {KustoDataError} KUSTO_UNSUPPORTED_TYPE
 */
export function arrowKind(field: Field): ArrowKind {
  const type = valueType(field.type)
  const kind = KINDS.get(type.typeId)
  if (kind === undefined) {
    throw new KustoDataError(
      'KUSTO_UNSUPPORTED_TYPE',
      `column ${field.name}: Kusto has no type for ${typeName(type)}`,
      {
        column: field.name,
        type: typeName(type),
      },
    )
  }
  const extension = field.metadata.get('ARROW:extension:name')
  if (kind === 'text' && extension === 'arrow.json') return 'json'
  return kind === 'binary' && extension === 'arrow.uuid' && isSixteenBytes(type) ? 'uuid' : kind
}

/** What an Arrow type is called in messages: `Timestamp`, `Utf8View`. */
export function typeName(type: DataType): string {
  return Type[type.typeId]
}

/** The type of a column's values: a dictionary's value type, any other type itself. */
export function valueType(type: DataType): DataType {
  return type.typeId === Type.Dictionary ? valueType((type as Dictionary).dictionary) : type
}

function isSixteenBytes(type: DataType): boolean {
  return type.typeId === Type.FixedSizeBinary && (type as FixedSizeBinary).byteWidth === 16
}

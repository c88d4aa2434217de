import {
  Bool,
  type Data,
  type Decimal,
  Field,
  makeData,
  Precision,
  type Float,
  Float32,
  Timestamp,
  TimeUnit,
  Type,
  Utf8,
} from 'apache-arrow'
import {
  bitmapAtZero,
  decimalColumn,
  integerColumn,
  microsecondColumn,
  plainColumn,
  realColumn,
  type RowCursor,
  utf8Column,
} from './kernels/encode-columns.ts'
import { isCheckedText } from './kernels/checked-text.ts'
import { isInRange } from './kernels/microsecond-range.ts'
import { wellFormedText } from './kernels/well-formed.ts'
import { type ByteSink, CELL_LIMIT_BYTES } from './kernels/write-bytes.ts'
import { halfToNumber } from './kernels/half-to-number.ts'
import { type ArrowKind, arrowKind, valueType } from './kusto-columns.ts'
import { KUSTO_TYPE_KEY, type KustoColumn, type ScalarName } from './scalar-types.ts'

/** Whether Parquet can carry every column into Kusto, and if not, why. */
export type ParquetVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly column: string
      readonly reason: string
      /** The column's type can hold what Parquet cannot carry, but its values may all fit: encoding checks each. */
      readonly valuesMayFit: boolean
    }

type Obstacle = { readonly reason: string; readonly valuesMayFit: boolean } | undefined

/**
 * Decides from types alone whether batches of this schema may go to these Kusto columns as Parquet. What it cannot carry:
 * timespan (no Parquet type feeds one), guid (its logical type cannot be written), datetime from text, 100 ns digits
 * (microseconds are written), reals for integers and decimals.
 */
export function parquetVerdict(columns: readonly KustoColumn[], fields: readonly Field[]): ParquetVerdict {
  for (const [index, column] of columns.entries()) {
    const field = fields[index]
    const obstacle = field === undefined ? undefined : obstacleOf(field, column.type)
    if (obstacle !== undefined) return { ok: false, column: column.name, ...obstacle }
  }
  return { ok: true }
}

/** The Parquet-ready form of one column for a Kusto type. Counts of cut and oversize cells go to `counts`. */
export function parquetColumn(
  field: Field,
  data: Data,
  how: { readonly target: ScalarName; readonly counts: ByteSink; readonly at: RowCursor },
): Data {
  const { target, counts, at } = how
  const kind = arrowKind(field)
  if (kind === 'null') return nullColumn(data.length, target)
  if (kind === 'text' || target === 'string' || target === 'dynamic') {
    if (!isUtf8(data) || isCheckedText(target)) return wellFormedText(utf8Column(field, data, { target, counts, at }))
    return countOversize(wellFormedText(data), counts)
  }
  const plain = plainColumn(data)
  if (target === 'datetime') return asMicroseconds(plain) ?? microsecondColumn(plain, at)
  if (kind === 'integer') {
    if (target === 'bool') return boolColumn(plain)
    if (target === 'int' || target === 'long') return integerColumn(plain, target, at)
    return target === 'real' ? realColumn(plain, at) : plain
  }
  if (kind === 'decimal') return decimalColumn(plain, at)
  return kind === 'real' ? floatColumn(plain) : plain
}

/** The field a {@link parquetColumn} is written under. */
export function parquetField(column: KustoColumn, data: Data): Field {
  return new Field(column.name, data.type, true, new Map([[KUSTO_TYPE_KEY, column.type]]))
}

const OBSTACLES: Readonly<Partial<Record<ScalarName, (kind: ArrowKind, field: Field) => Obstacle>>> = {
  timespan: () => never('no Parquet type feeds a timespan column'),
  guid: () => never('Kusto loads a guid only from the UUID logical type, which is not written'),
  bool: (kind) => (kind === 'text' ? never('Parquet text does not feed a bool column') : undefined),
  datetime: datetimeObstacle,
  int: (kind) => (kind === 'real' ? never('Parquet doubles are not checked to be whole numbers') : undefined),
  long: (kind) => (kind === 'real' ? never('Parquet doubles are not checked to be whole numbers') : undefined),
  decimal: (kind, field) =>
    kind === 'real' ? never('Parquet doubles are not checked to be finite decimals') : decimalObstacle(kind, field),
  real: decimalObstacle,
}

function obstacleOf(field: Field, target: ScalarName): Obstacle {
  return OBSTACLES[target]?.(arrowKind(field), field)
}

function datetimeObstacle(kind: ArrowKind, field: Field): Obstacle {
  if (kind === 'text') return never('Parquet text does not feed a datetime column')
  const type = valueType(field.type)
  const finer =
    kind === 'integer' || (type.typeId === Type.Timestamp && (type as Timestamp).unit === TimeUnit.NANOSECOND)
  return finer ? { reason: 'Parquet carries microseconds, not the seventh digit', valuesMayFit: true } : undefined
}

function decimalObstacle(kind: ArrowKind, field: Field): Obstacle {
  if (kind !== 'decimal') return undefined
  const { scale } = valueType(field.type) as Decimal
  return scale < 0 || scale > 38 ? never('Parquet decimals have a scale of 0 to 38') : undefined
}

function never(reason: string): Obstacle {
  return { reason, valuesMayFit: false }
}

/** Microseconds as they are, when that is what the column holds and no value needs a closer look. */
function asMicroseconds(data: Data): Data | undefined {
  if (data.type.typeId !== Type.Timestamp || (data.type as Timestamp).unit !== TimeUnit.MICROSECOND) return undefined
  return isInRange(data) ? data.clone(new Timestamp(TimeUnit.MICROSECOND, 'UTC')) : undefined
}

function isUtf8(data: Data): boolean {
  return data.type.typeId === Type.Utf8 || data.type.typeId === Type.LargeUtf8
}

function countOversize(data: Data, counts: ByteSink): Data {
  const offsets: ArrayLike<number | bigint> = data.valueOffsets
  if (Number(offsets[data.length] ?? 0) - Number(offsets[0] ?? 0) <= CELL_LIMIT_BYTES) return data
  for (let row = 0; row < data.length; row++) {
    if (Number(offsets[row + 1]) - Number(offsets[row]) > CELL_LIMIT_BYTES && data.getValid(row)) counts.oversizeCells++
  }
  return data
}

function nullColumn(length: number, target: ScalarName): Data {
  const nullBitmap = new Uint8Array((length + 7) >> 3)
  const none = { length, nullCount: length, nullBitmap }
  if (target === 'datetime') {
    const type = new Timestamp(TimeUnit.MICROSECOND, 'UTC')
    return makeData({ type, ...none, data: new BigInt64Array(length) })
  }
  if (target === 'bool') return makeData({ type: new Bool(), ...none, data: nullBitmap })
  return makeData({ type: new Utf8(), ...none, valueOffsets: new Int32Array(length + 1), data: new Uint8Array(0) })
}

function boolColumn(data: Data): Data {
  const values: ArrayLike<number | bigint> = data.values
  const bits = new Uint8Array((data.length + 7) >> 3)
  for (let row = 0; row < data.length; row++) {
    if (Number(values[row]) !== 0) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  }
  return makeData({ type: new Bool(), length: data.length, ...bitmapAtZero(data), data: bits })
}

function floatColumn(data: Data): Data {
  if ((data.type as Float).precision !== Precision.HALF) return data
  const values: ArrayLike<number> = data.values
  const floats = Float32Array.from({ length: data.length }, (_, row) => halfToNumber(values[row] ?? 0))
  return makeData({ type: new Float32(), length: data.length, ...bitmapAtZero(data), data: floats })
}

import {
  Binary,
  Bool,
  type Data,
  type Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Utf8,
} from 'apache-arrow'
import { unixMicrosecondsFromTicks } from '../base/ticks.ts'
import { KustoDataError } from '../errors.ts'
import type { KnownTypes, Row } from './infer-rows.ts'
import {
  jsonText,
  kindOf,
  TAKES,
  toBool,
  toDatetime,
  toDecimal,
  toDynamic,
  toGuid,
  toInteger,
  toReal,
  toTimespan,
  type ValueKind,
} from './row-values.ts'
import { KUSTO_TYPE_KEY, type ScalarName } from './scalar-types.ts'

/** Choices of {@link rowsToBatch}. */
export interface RowsToBatchOptions {
  /** Added to row numbers in errors. Default 0. */
  readonly rowOffset?: number
  /** As the schema was inferred with. Default: none. */
  readonly known?: KnownTypes
}

/**
 * Lays rows out as a batch of an inferred schema.
 * @throws {KustoDataError} KUSTO_ROW_CONFLICT for a value its inferred column cannot hold, KUSTO_ROW_VALUE for one that is
 * none of a table column's type, KUSTO_UNKNOWN_COLUMN for a property that is no column, KUSTO_INTEGER_RANGE,
 * KUSTO_BAD_DATETIME, KUSTO_BAD_TIMESPAN, KUSTO_BAD_GUID and KUSTO_DECIMAL_DIGITS, all naming column and row
 */
export function rowsToBatch(rows: readonly Row[], schema: Schema, options: RowsToBatchOptions = {}): RecordBatch {
  const { rowOffset = 0, known = new Map() } = options
  const names = new Set(schema.fields.map(({ name }) => name))
  for (const [index, values] of rows.entries()) {
    const column = Object.keys(values).find((name) => !names.has(name) && values[name] !== undefined)
    if (column === undefined) continue
    const row = rowOffset + index
    const message = `row ${row}: expected only columns of the first rows, found ${column}`
    throw new KustoDataError('KUSTO_UNKNOWN_COLUMN', message, { column, row })
  }
  const children = schema.fields.map((field) => columnOf(field, rows, { rowOffset, known }))
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows.length, children }))
}

/** The values of a column that are not null, and where they stand. */
interface Cells {
  /** Rows of the batch. */
  readonly rows: number
  readonly values: readonly unknown[]
  /** The row of each value. */
  readonly indexes: readonly number[]
  readonly base: { readonly length: number; readonly nullCount: number; readonly nullBitmap: Uint8Array }
  /** The value that is being converted, for whoever refuses it. */
  at: number
}

/** One maker per Kusto type of an inferred field. */
const MAKERS: Readonly<Record<ScalarName, (field: Field, cells: Cells) => Data>> = {
  bool: (_, cells) => {
    const data = new Uint8Array(cells.base.nullBitmap.length)
    each(cells, toBool, (index, value) => {
      if (value) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7))
    })
    return makeData({ type: new Bool(), ...cells.base, data })
  },
  int: (_, cells) => {
    const data = new Int32Array(cells.rows)
    each(
      cells,
      (value) => Number(toInteger(value, 'int')),
      (index, value) => (data[index] = value),
    )
    return makeData({ type: new Int32(), ...cells.base, data })
  },
  long: (_, cells) => longs(cells, (value) => toInteger(value, 'long')),
  real: (_, cells) => {
    const data = new Float64Array(cells.rows)
    each(cells, toReal, (index, value) => (data[index] = value))
    return makeData({ type: new Float64(), ...cells.base, data })
  },
  decimal: (_, cells) => texts(cells, toDecimal),
  string: (_, cells) => texts(cells, (value) => value as string),
  datetime: ({ type }, cells) => {
    if (!(type instanceof Timestamp)) return longs(cells, toDatetime)
    const data = longs(cells, microseconds).values
    return makeData({ type: new Timestamp(TimeUnit.MICROSECOND, 'UTC'), ...cells.base, data })
  },
  timespan: (_, cells) => longs(cells, toTimespan),
  guid: (_, cells) => texts(cells, toGuid),
  dynamic: (_, cells) => texts(cells, toDynamic),
}

/** Kinds that an inferred column takes when its table type is not known. */
const INFERRED_TAKES: Readonly<Partial<Record<ScalarName, readonly ValueKind[]>>> = {
  bool: ['bool'],
  long: ['integer', 'bigint'],
  real: ['real', 'integer'],
  string: ['string'],
  datetime: ['datetime'],
  dynamic: ['nested'],
}

function columnOf(
  field: Field,
  rows: readonly Row[],
  { rowOffset, known }: { readonly rowOffset: number; readonly known: KnownTypes },
): Data {
  const isBinary = field.type instanceof Binary
  const type = (field.metadata.get(KUSTO_TYPE_KEY) ?? 'string') as ScalarName
  const isKnown = known.get(field.name) === type && type !== 'string'
  const takes: readonly ValueKind[] = isKnown ? TAKES[type] : isBinary ? ['binary'] : (INFERRED_TAKES[type] ?? [])
  const refuse = (index: number, code: string, message: string): KustoDataError => {
    const row = rowOffset + index
    return new KustoDataError(code, `column ${field.name}, row ${row}: ${message}`, { column: field.name, row, type })
  }
  const nullBitmap = new Uint8Array((rows.length + 7) >> 3)
  const values: unknown[] = []
  const indexes: number[] = []
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]
    // A property of the prototype, such as `constructor`, is no value.
    const value: unknown = row !== undefined && Object.hasOwn(row, field.name) ? row[field.name] : null
    if (value === null || value === undefined) continue
    const kind = kindOf(value)
    if (!takes.includes(kind)) {
      throw isKnown
        ? refuse(index, 'KUSTO_ROW_VALUE', `expected ${takes.join(' or ')} for a column of type ${type}, found ${kind}`)
        : refuse(
            index,
            'KUSTO_ROW_CONFLICT',
            `expected ${takes[0] ?? ''} as in the rows the schema was inferred from, found ${kind}`,
          )
    }
    nullBitmap[index >> 3] = (nullBitmap[index >> 3] ?? 0) | (1 << (index & 7))
    values.push(value)
    indexes.push(index)
  }
  const base = { length: rows.length, nullCount: rows.length - values.length, nullBitmap }
  const cells: Cells = { rows: rows.length, values, indexes, base, at: 0 }
  try {
    if (isBinary) return texts(cells, (value) => value as Uint8Array, new Binary())
    if (type === 'dynamic' && !isKnown) return texts(cells, jsonText)
    return MAKERS[type](field, cells)
  } catch (error) {
    if (!(error instanceof KustoDataError)) throw error
    throw refuse(indexes[cells.at] ?? 0, error.code, error.message)
  }
}

/** Converts every value and hands it on with its row. */
function each<T>(cells: Cells, convert: (value: unknown) => T, put: (index: number, value: T) => unknown): void {
  const { values, indexes } = cells
  for (let at = 0; at < values.length; at++) {
    cells.at = at
    put(indexes[at] ?? 0, convert(values[at]))
  }
}

const FIRST_MS = -62_135_596_800_000
const LAST_MS = 253_402_300_799_999

function microseconds(value: unknown): bigint {
  const ms = value instanceof Date ? value.getTime() : NaN
  if (ms >= FIRST_MS && ms <= LAST_MS) return BigInt(ms) * 1000n
  const ticks = toDatetime(value)
  if (ticks % 10n === 0n) return unixMicrosecondsFromTicks(ticks)
  throw new KustoDataError('KUSTO_ROW_VALUE', 'expected microseconds, as in the rows the schema was inferred from')
}

function longs(cells: Cells, convert: (value: unknown) => bigint): Data<Int64> {
  const data = new BigInt64Array(cells.rows)
  each(cells, convert, (index, value) => (data[index] = value))
  return makeData({ type: new Int64(), ...cells.base, data })
}

/** Offsets have 32 bits. */
const MAX_TEXT_BYTES = 0x7fff_ffff

/** Text, or bytes as they are, one after the other in one buffer. */
function texts(cells: Cells, convert: (value: unknown) => string | Uint8Array, type: Utf8 | Binary = new Utf8()): Data {
  const valueOffsets = new Int32Array(cells.rows + 1)
  let bytes = Buffer.allocUnsafeSlow(Math.max(64, cells.values.length * 16))
  let end = 0
  let row = 0
  each(cells, convert, (index, value) => {
    while (row <= index) valueOffsets[row++] = end
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    const room = end + (typeof value === 'string' ? value.length * 3 : value.length)
    if (room > bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(room, bytes.length * 2))
      bytes.copy(larger, 0, 0, end)
      bytes = larger
    }
    if (typeof value === 'string') end += bytes.write(value, end)
    else {
      bytes.set(value, end)
      end += value.length
    }
    if (end > MAX_TEXT_BYTES) {
      throw new KustoDataError('KUSTO_BATCH_TOO_LARGE', 'expected at most 2 GiB of text in a batch')
    }
  })
  while (row <= cells.rows) valueOffsets[row++] = end
  return makeData({ type, ...cells.base, valueOffsets, data: bytes.subarray(0, end) } as never)
}

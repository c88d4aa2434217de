import {
  Bool,
  type Data,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Utf8,
  Binary,
} from 'apache-arrow'
import { KustoDataError } from '../errors.ts'
import { arrowField, type ScalarName } from './scalar-types.ts'

/** A row as a plain object: one own property per column. `undefined` and a missing property are null. */
export type Row = Readonly<Record<string, unknown>>

type ValueKind = 'null' | 'bool' | 'integer' | 'bigint' | 'real' | 'string' | 'datetime' | 'binary' | 'nested'

/** What rows say about one column: the widest kind of value, and where it was first seen. */
interface ColumnEvidence {
  readonly kind: ValueKind
  readonly row: number
}

const TYPES: Readonly<Record<Exclude<ValueKind, 'binary'>, ScalarName>> = {
  null: 'string',
  bool: 'bool',
  integer: 'long',
  bigint: 'long',
  real: 'real',
  string: 'string',
  datetime: 'datetime',
  nested: 'dynamic',
}

/**
 * The Arrow schema of rows: columns in order of first appearance. Numbers are long when all are whole and exact, else
 * real; bigint is long; Date is datetime; objects and arrays are dynamic; bytes are base64 strings; only nulls is string.
 * @throws {KustoDataError} KUSTO_ROW_CONFLICT naming column and row when two values have no common type
 */
export function inferSchema(rows: readonly Row[]): Schema {
  const columns = new Map<string, ColumnEvidence>()
  for (const [row, values] of rows.entries()) {
    for (const [column, value] of Object.entries(values)) {
      const kind = kindOf(value)
      const known = columns.get(column)
      if (known === undefined) {
        columns.set(column, { kind, row })
        continue
      }
      const wider = widened(known.kind, kind)
      if (wider === undefined) {
        const found = `${known.kind} in row ${known.row} and ${kind} in row ${row}`
        throw new KustoDataError('KUSTO_ROW_CONFLICT', `column ${column}: expected one type, found ${found}`, {
          column,
          row,
        })
      }
      if (wider !== known.kind) columns.set(column, { kind: wider, row })
    }
  }
  return new Schema([...columns].map(([name, { kind }]) => fieldOf(name, kind)))
}

/**
 * Lays rows out as a batch of an inferred schema.
 * @throws {KustoDataError} KUSTO_ROW_CONFLICT for a value its column cannot hold, KUSTO_UNKNOWN_COLUMN for a property
 * that is no column, KUSTO_INTEGER_RANGE and KUSTO_BAD_DATETIME, all naming column and row
 */
export function rowsToBatch(rows: readonly Row[], schema: Schema, rowOffset = 0): RecordBatch {
  const names = new Set(schema.fields.map(({ name }) => name))
  for (const [index, values] of rows.entries()) {
    const column = Object.keys(values).find((name) => !names.has(name) && values[name] !== undefined)
    if (column === undefined) continue
    const row = rowOffset + index
    const message = `row ${row}: expected only columns of the first rows, found ${column}`
    throw new KustoDataError('KUSTO_UNKNOWN_COLUMN', message, { column, row })
  }
  const children = schema.fields.map((field) => columnOf(field, rows, rowOffset))
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows.length, children }))
}

function kindOf(value: unknown): ValueKind {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'real'
  if (typeof value === 'bigint') return 'bigint'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof Date) return 'datetime'
  return value instanceof Uint8Array ? 'binary' : 'nested'
}

function widened(one: ValueKind, other: ValueKind): ValueKind | undefined {
  if (one === other || other === 'null') return one
  if (one === 'null') return other
  const pair = new Set([one, other])
  if (pair.has('integer') && pair.has('real')) return 'real'
  return pair.has('integer') && pair.has('bigint') ? 'bigint' : undefined
}

function fieldOf(name: string, kind: ValueKind): Field {
  if (kind === 'binary') return new Field(name, new Binary(), true)
  return arrowField({ name, type: TYPES[kind] }).clone({ nullable: true })
}

interface Cell {
  readonly value: unknown
  readonly index: number
}

/** One maker per Arrow type of an inferred field; each checks every value it is given. */
function columnOf(field: Field, rows: readonly Row[], rowOffset: number): Data {
  const nullBitmap = new Uint8Array((rows.length + 7) >> 3)
  const cells: Cell[] = []
  for (const [index, row] of rows.entries()) {
    // A property of the prototype, such as `constructor`, is no value.
    const value: unknown = Object.hasOwn(row, field.name) ? row[field.name] : null
    if (value === null || value === undefined) continue
    nullBitmap[index >> 3] = (nullBitmap[index >> 3] ?? 0) | (1 << (index & 7))
    cells.push({ value, index })
  }
  const refuse = (index: number, code: string, message: string): KustoDataError => {
    const row = rowOffset + index
    return new KustoDataError(code, `column ${field.name}, row ${row}: ${message}`, { column: field.name, row })
  }
  const base = { length: rows.length, nullCount: rows.length - cells.length, nullBitmap }
  const expecting = (kinds: readonly ValueKind[]): void => {
    const odd = cells.find(({ value }) => !kinds.includes(kindOf(value)))
    if (odd === undefined) return
    const found = `expected ${kinds[0] ?? ''} as in the rows the schema was inferred from, found ${kindOf(odd.value)}`
    throw refuse(odd.index, 'KUSTO_ROW_CONFLICT', found)
  }
  const { type } = field
  if (type instanceof Bool) {
    expecting(['bool'])
    const data = new Uint8Array(nullBitmap.length)
    for (const { value, index } of cells)
      if (value === true) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7))
    return makeData({ type, ...base, data })
  }
  if (type instanceof Int64) {
    expecting(['integer', 'bigint'])
    const data = new BigInt64Array(rows.length)
    for (const { value, index } of cells) {
      const long = BigInt(value as number | bigint)
      if (BigInt.asIntN(64, long) !== long)
        throw refuse(index, 'KUSTO_INTEGER_RANGE', 'expected an integer that fits long')
      data[index] = long
    }
    return makeData({ type, ...base, data })
  }
  if (type instanceof Float64) {
    expecting(['real', 'integer'])
    const data = new Float64Array(rows.length)
    for (const { value, index } of cells) data[index] = value as number
    return makeData({ type, ...base, data })
  }
  if (type instanceof Timestamp && type.unit === TimeUnit.MICROSECOND) {
    expecting(['datetime'])
    const data = new BigInt64Array(rows.length)
    for (const { value, index } of cells) {
      const ms = (value as Date).getTime()
      if (Number.isNaN(ms)) throw refuse(index, 'KUSTO_BAD_DATETIME', 'expected a valid Date')
      data[index] = BigInt(ms) * 1000n
    }
    return makeData({ type, ...base, data })
  }
  const isDynamic = field.metadata.get('ARROW:extension:name') === 'arrow.json'
  expecting(isDynamic ? ['nested'] : type instanceof Binary ? ['binary'] : ['string'])
  const { valueOffsets, data } = bytesOf(cells, { rows: rows.length, isDynamic })
  return makeData({ type: type instanceof Binary ? type : new Utf8(), ...base, valueOffsets, data } as never)
}

function bytesOf(
  cells: readonly Cell[],
  how: { readonly rows: number; readonly isDynamic: boolean },
): { readonly valueOffsets: Int32Array; readonly data: Uint8Array } {
  const valueOffsets = new Int32Array(how.rows + 1)
  const parts = cells.map(({ value }) => {
    if (value instanceof Uint8Array) return value
    return Buffer.from(how.isDynamic ? jsonText(value) : (value as string))
  })
  const data = Buffer.concat(parts)
  let end = 0
  let row = 0
  for (const [at, { index }] of cells.entries()) {
    while (row <= index) valueOffsets[row++] = end
    end += parts[at]?.length ?? 0
  }
  while (row <= how.rows) valueOffsets[row++] = end
  return { valueOffsets, data }
}

/** JSON as for nested Arrow values: bigints with all digits, NaN and infinities as strings, bytes as base64. */
function jsonText(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'function' || typeof value === 'symbol') return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${String(value)}"`
  if (typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if ('toJSON' in value && typeof value.toJSON === 'function') return jsonText(value.toJSON())
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const members = entries
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(String(key))}:${jsonText(member)}`)
  return `{${members.join(',')}}`
}

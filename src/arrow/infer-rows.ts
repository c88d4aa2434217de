import {
  Binary,
  Bool,
  type Data,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Utf8,
} from 'apache-arrow'
import { unixMicrosecondsFromTicks } from '../base/ticks.ts'
import { KustoDataError } from '../errors.ts'
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
import { arrowField, KUSTO_TYPE_KEY, type ScalarName } from './scalar-types.ts'

/** A row as a plain object: one own property per column. `undefined` and a missing property are null. */
export type Row = Readonly<Record<string, unknown>>

/** The types of table columns by the names of the columns of rows. */
export type KnownTypes = ReadonlyMap<string, ScalarName>

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

/** The columns of rows, in order of first appearance. */
export function rowColumns(rows: readonly Row[]): readonly string[] {
  const names = new Set<string>()
  for (const row of rows) for (const name of Object.keys(row)) names.add(name)
  return [...names]
}

/**
 * The Arrow schema of rows: columns in order of first appearance. A column whose table type is known has it, when that
 * type takes every kind of value that is found. Any other is inferred from all rows: numbers are long when all are
 * whole and exact, else real; bigint is long; Date is datetime; objects and arrays are dynamic; bytes are base64
 * strings; only nulls is string.
 * @throws {KustoDataError} KUSTO_ROW_CONFLICT naming column and row when two values have no common type
 */
export function inferSchema(rows: readonly Row[], known: KnownTypes = new Map()): Schema {
  const evidence = new Map<string, Map<ValueKind, number>>()
  for (const [row, values] of rows.entries()) {
    for (const [column, value] of Object.entries(values)) {
      const kinds = evidence.get(column) ?? new Map<ValueKind, number>()
      const kind = kindOf(value)
      if (!kinds.has(kind)) evidence.set(column, kinds.set(kind, row))
    }
  }
  return new Schema(
    [...evidence].map(([name, kinds]) => {
      const type = known.get(name)
      const takes = type === undefined ? [] : TAKES[type]
      return type !== undefined &&
        type !== 'string' &&
        [...kinds.keys()].every((kind) => kind === 'null' || takes.includes(kind))
        ? knownField(name, type, kinds)
        : inferredField(name, commonKind(name, kinds))
    }),
  )
}

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

function commonKind(column: string, kinds: ReadonlyMap<ValueKind, number>): ValueKind {
  let common: { readonly kind: ValueKind; readonly row: number } | undefined
  for (const [kind, row] of kinds) {
    const wider = common === undefined ? kind : widened(common.kind, kind)
    if (wider === undefined) {
      const found = `${common?.kind ?? ''} in row ${common?.row ?? 0} and ${kind} in row ${row}`
      throw new KustoDataError('KUSTO_ROW_CONFLICT', `column ${column}: expected one type, found ${found}`, {
        column,
        row,
      })
    }
    if (wider !== common?.kind) common = { kind: wider, row }
  }
  return common?.kind ?? 'null'
}

function widened(one: ValueKind, other: ValueKind): ValueKind | undefined {
  if (one === other || other === 'null') return one
  if (one === 'null') return other
  const pair = new Set([one, other])
  if (pair.has('integer') && pair.has('real')) return 'real'
  return pair.has('integer') && pair.has('bigint') ? 'bigint' : undefined
}

function inferredField(name: string, kind: ValueKind): Field {
  if (kind === 'binary') return new Field(name, new Binary(), true)
  return arrowField({ name, type: TYPES[kind] }).clone({ nullable: true })
}

/** The field of a table column. Text has digits that microseconds do not, so a datetime that comes as text is ticks. */
function knownField(name: string, type: ScalarName, kinds: ReadonlyMap<ValueKind, number>): Field {
  const field = arrowField({ name, type }).clone({ nullable: true })
  if (type === 'decimal') return field.clone({ type: new Utf8() })
  const isTicks = type === 'timespan' || (type === 'datetime' && kinds.has('string'))
  return isTicks ? field.clone({ type: new Int64() }) : field
}

interface Cell {
  readonly value: unknown
  readonly index: number
}

/** What a maker of a column works on. */
interface Cells {
  readonly rows: number
  readonly given: readonly Cell[]
  readonly base: { readonly length: number; readonly nullCount: number; readonly nullBitmap: Uint8Array }
}

/** One maker per Kusto type of an inferred field. */
const MAKERS: Readonly<Record<ScalarName, (field: Field, cells: Cells) => Data>> = {
  bool: (_, cells) => {
    const data = new Uint8Array(cells.base.nullBitmap.length)
    for (const { value, index } of cells.given) {
      if (toBool(value)) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7))
    }
    return makeData({ type: new Bool(), ...cells.base, data })
  },
  int: (_, cells) => {
    const data = new Int32Array(cells.rows)
    for (const { value, index } of cells.given) data[index] = Number(toInteger(value, 'int'))
    return makeData({ type: new Int32(), ...cells.base, data })
  },
  long: (_, cells) => longs(cells, (value) => toInteger(value, 'long')),
  real: (_, cells) => {
    const data = new Float64Array(cells.rows)
    for (const { value, index } of cells.given) data[index] = toReal(value)
    return makeData({ type: new Float64(), ...cells.base, data })
  },
  decimal: (_, cells) => texts(cells, (value) => Buffer.from(toDecimal(value))),
  string: (_, cells) => texts(cells, (value) => Buffer.from(value as string)),
  datetime: ({ type }, cells) => {
    if (!(type instanceof Timestamp)) return longs(cells, toDatetime)
    const data = longs(cells, microseconds).values
    return makeData({ type: new Timestamp(TimeUnit.MICROSECOND, 'UTC'), ...cells.base, data })
  },
  timespan: (_, cells) => longs(cells, toTimespan),
  guid: (_, cells) => texts(cells, (value) => Buffer.from(toGuid(value))),
  dynamic: (_, cells) => texts(cells, (value) => Buffer.from(toDynamic(value))),
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
  const nullBitmap = new Uint8Array((rows.length + 7) >> 3)
  const given: Cell[] = []
  for (const [index, row] of rows.entries()) {
    // A property of the prototype, such as `constructor`, is no value.
    const value: unknown = Object.hasOwn(row, field.name) ? row[field.name] : null
    if (value === null || value === undefined) continue
    nullBitmap[index >> 3] = (nullBitmap[index >> 3] ?? 0) | (1 << (index & 7))
    given.push({ value, index })
  }
  const base = { length: rows.length, nullCount: rows.length - given.length, nullBitmap }
  const refuse = (index: number, code: string, message: string, type?: string): KustoDataError => {
    const row = rowOffset + index
    return new KustoDataError(code, `column ${field.name}, row ${row}: ${message}`, {
      column: field.name,
      row,
      ...(type === undefined ? {} : { type }),
    })
  }
  const isBinary = field.type instanceof Binary
  const type = (field.metadata.get(KUSTO_TYPE_KEY) ?? 'string') as ScalarName
  const isKnown = known.get(field.name) === type && type !== 'string'
  const takes: readonly ValueKind[] = isKnown ? TAKES[type] : isBinary ? ['binary'] : (INFERRED_TAKES[type] ?? [])
  const odd = given.find(({ value }) => !takes.includes(kindOf(value)))
  if (odd !== undefined) {
    const found = kindOf(odd.value)
    throw isKnown
      ? refuse(
          odd.index,
          'KUSTO_ROW_VALUE',
          `expected ${takes.join(' or ')} for a column of type ${type}, found ${found}`,
          type,
        )
      : refuse(
          odd.index,
          'KUSTO_ROW_CONFLICT',
          `expected ${takes[0] ?? ''} as in the rows the schema was inferred from, found ${found}`,
        )
  }
  // The cell that is being converted, for whoever refuses it.
  let at = 0
  const cells: Cells = { rows: rows.length, given: tracked(given, (index) => (at = index)), base }
  try {
    if (isBinary) return texts(cells, (value) => value as Uint8Array, new Binary())
    if (type === 'dynamic' && !isKnown) return texts(cells, (value) => Buffer.from(jsonText(value)))
    return MAKERS[type](field, cells)
  } catch (error) {
    if (!(error instanceof KustoDataError)) throw error
    throw refuse(at, error.code, error.message, type)
  }
}

/** The same cells, with a note of each index as it is read. */
function tracked(cells: readonly Cell[], note: (index: number) => void): readonly Cell[] {
  return cells.map(({ value, index }) => ({
    index,
    get value() {
      note(index)
      return value
    },
  }))
}

function microseconds(value: unknown): bigint {
  const ticks = toDatetime(value)
  if (ticks % 10n === 0n) return unixMicrosecondsFromTicks(ticks)
  throw new KustoDataError('KUSTO_ROW_VALUE', 'expected microseconds, as in the rows the schema was inferred from')
}

function longs({ rows, given, base }: Cells, convert: (value: unknown) => bigint): Data<Int64> {
  const data = new BigInt64Array(rows)
  for (const { value, index } of given) data[index] = convert(value)
  return makeData({ type: new Int64(), ...base, data })
}

function texts(
  { rows, given, base }: Cells,
  convert: (value: unknown) => Uint8Array,
  type: Utf8 | Binary = new Utf8(),
): Data {
  const valueOffsets = new Int32Array(rows + 1)
  const parts = given.map(({ value }) => convert(value))
  const data = Buffer.concat(parts)
  let end = 0
  let row = 0
  for (const [at, { index }] of given.entries()) {
    while (row <= index) valueOffsets[row++] = end
    end += parts[at]?.length ?? 0
  }
  while (row <= rows) valueOffsets[row++] = end
  return makeData({ type, ...base, valueOffsets, data } as never)
}

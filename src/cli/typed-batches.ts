import {
  Bool,
  type Data,
  Field,
  Float64,
  Int32,
  Int64,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  makeData,
  vectorFromArray,
} from 'apache-arrow'
import type { ScalarName } from '../index.ts'
import { toJson } from './cli-screen.ts'
import { inferType } from './infer-type.ts'
import { isReadableAs, isWrittenAs } from './text-of-type.ts'
import { usageError } from './usage-error.ts'

/** A value of a text file: JSON, or the text of a CSV field. */
export type Cell = string | number | bigint | boolean | null | object

/** Some rows; the names may differ from piece to piece. */
export interface Records {
  readonly names: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

export interface TextColumn {
  readonly name: string
  readonly type: ScalarName
  /** The caller named it: where JSON has no such column there are nulls, a CSV file without it is refused. */
  readonly isDeclared?: boolean
}

export interface TypedOptions {
  /** Columns whose types are known; others are inferred. */
  readonly columns: readonly TextColumn[] | undefined
  /** Whether all cells are texts, so that `12` may be a number. */
  readonly isText: boolean
  /** Where several files are one input: the columns of the first are those of all. */
  readonly shared?: SharedColumns
}

/** The columns of the files before, once there are any. */
export interface SharedColumns {
  columns?: readonly FileColumn[]
}

/** A column of the batches. */
interface FileColumn extends TextColumn {
  /** Its type comes from its first values. */
  readonly isInferred?: boolean
}

/** Rows that types are inferred from. */
const SAMPLE_ROWS = 20_000

/**
 * Typed batches of records. The types come from the caller or from the first rows; times, decimals, guids and dynamic
 * values travel as text that is marked with its Kusto type.
 * @throws {KustoUsageError} CLI_USAGE naming row and column of a value that is not of its column's type
 */
export async function* typedBatches(
  source: AsyncIterable<Records>,
  options: TypedOptions,
): AsyncGenerator<RecordBatch> {
  let held: Records[] = []
  let heldRows = 0
  const { shared = {} } = options
  const others = shared.columns === undefined ? undefined : 'files before'
  let rowOffset = 0
  const flush = function* (): Generator<RecordBatch> {
    const columns = (shared.columns ??= columnsOf(held, options))
    const said = others ?? `first ${rowOffset} rows`
    for (const records of held) {
      if (records.rows.length > 0) yield batchOf(records, { columns, rowOffset, said })
      rowOffset += records.rows.length
    }
    held = []
  }
  for await (const records of source) {
    held.push(records)
    heldRows += records.rows.length
    if (shared.columns !== undefined || heldRows >= SAMPLE_ROWS) yield* flush()
  }
  if (heldRows > 0) yield* flush()
  else if (options.shared === undefined) yield* withoutRows(columnsOf(held, options))
}

/** A file that has columns and no rows is an input with those columns. */
function* withoutRows(columns: readonly FileColumn[]): Generator<RecordBatch> {
  if (columns.length > 0) yield batchOf({ names: [], rows: [] }, { columns, rowOffset: 0, said: '' })
}

function columnsOf(sample: readonly Records[], { columns = [], isText }: TypedOptions): readonly FileColumn[] {
  const given = new Map(columns.map((column) => [column.name, column]))
  const names = new Set(sample.flatMap((records) => records.names))
  const missing = columns.filter(({ name, isDeclared = false }) => isDeclared && !names.has(name))
  if (isText && missing.length > 0 && names.size > 0) {
    throw usageError(`expected the columns of --types, found none named ${missing.map(({ name }) => name).join(', ')}`)
  }
  const found = [...names].map((name): FileColumn => {
    const known = given.get(name)
    if (known !== undefined) return known
    const values = sample.flatMap(({ names: own, rows }) => {
      const index = own.indexOf(name)
      return index < 0 ? [] : rows.map((row) => row[index] ?? null)
    })
    return { name, type: inferType(values, isText), isInferred: true }
  })
  return [...found, ...missing]
}

interface Before {
  readonly columns: readonly FileColumn[]
  readonly rowOffset: number
  /** Where the columns come from, for people. */
  readonly said: string
}

function batchOf({ names, rows }: Records, { columns, rowOffset, said }: Before): RecordBatch {
  const unknown = names.find((name) => !columns.some((column) => column.name === name))
  if (unknown !== undefined) {
    throw usageError(`a row after ${rowOffset}: expected only columns of the ${said}, found ${unknown}`)
  }
  const fields = columns.map(fieldOf)
  const children = columns.map((column, index): Data => {
    const at = names.indexOf(column.name)
    const values = rows.map((row, rowIndex) => convert(at < 0 ? null : (row[at] ?? null), column, rowOffset + rowIndex))
    const type = fields[index]?.type ?? new Utf8()
    const [data] = vectorFromArray(values, type).data
    return data ?? makeData({ type: new Utf8(), length: 0 })
  })
  const schema = new Schema(fields)
  return new RecordBatch(schema, makeData({ type: new Struct(fields), length: rows.length, children }))
}

function fieldOf({ name, type }: TextColumn): Field {
  const metadata = new Map<string, string>([['kusto:type', type]])
  if (type === 'dynamic') metadata.set('ARROW:extension:name', 'arrow.json')
  return new Field(name, arrowType(type), true, metadata)
}

function arrowType(type: ScalarName): Bool | Int32 | Int64 | Float64 | Utf8 {
  switch (type) {
    case 'bool':
      return new Bool()
    case 'int':
      return new Int32()
    case 'long':
      return new Int64()
    case 'real':
      return new Float64()
    case 'decimal':
    case 'string':
    case 'datetime':
    case 'timespan':
    case 'guid':
    case 'dynamic':
      return new Utf8()
  }
}

const REALS: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['infinity', Infinity],
  ['-inf', -Infinity],
  ['-infinity', -Infinity],
])

function convert(value: Cell, column: FileColumn, row: number): unknown {
  if (value === null) return column.type === 'string' ? '' : null
  const { type, isInferred = false } = column
  const text = typeof value === 'object' ? toJson(value) : String(value)
  const wrong = (): Error =>
    usageError(
      `row ${row + 1}, column ${column.name}: expected a ${type}${isInferred ? ' as in the rows before' : ''}, found ${shown(value)}`,
    )
  switch (type) {
    case 'bool':
      if (/^(true|1)$/i.test(text)) return true
      if (/^(false|0)$/i.test(text)) return false
      throw wrong()
    case 'int':
    case 'long': {
      if (!/^\s*[+-]?\d+\s*$/.test(text)) throw wrong()
      const whole = BigInt(text.trim().replace(/^\+/, ''))
      const bits = type === 'int' ? 32 : 64
      if (BigInt.asIntN(bits, whole) !== whole) throw wrong()
      return type === 'int' ? Number(whole) : whole
    }
    case 'real': {
      const known = REALS.get(text.trim().toLowerCase())
      const number = known ?? (text.trim() === '' ? Number.NaN : Number(text))
      if (known === undefined && Number.isNaN(number)) throw wrong()
      return number
    }
    case 'decimal':
    case 'datetime':
    case 'timespan':
    case 'guid':
      if (!(isInferred ? isWrittenAs(type, text) : isReadableAs(type, text))) throw wrong()
      return text
    case 'string':
    case 'dynamic':
      return text
  }
}

/** Rows are not told; the kind of value is. */
function shown(value: Cell): string {
  return typeof value === 'string'
    ? `text of ${value.length} characters`
    : Array.isArray(value)
      ? 'an array'
      : `a ${typeof value}`
}

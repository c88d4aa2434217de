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
}

export interface TypedOptions {
  /** Columns whose types are known; others are inferred. */
  readonly columns: readonly TextColumn[] | undefined
  /** Whether all cells are texts, so that `12` may be a number. */
  readonly isText: boolean
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
  let columns: readonly TextColumn[] | undefined
  let rowOffset = 0
  const flush = function* (): Generator<RecordBatch> {
    columns ??= columnsOf(held, options)
    for (const records of held) {
      if (records.rows.length > 0) yield batchOf(records, columns, rowOffset)
      rowOffset += records.rows.length
    }
    held = []
  }
  for await (const records of source) {
    held.push(records)
    heldRows += records.rows.length
    if (columns !== undefined || heldRows >= SAMPLE_ROWS) yield* flush()
  }
  yield* flush()
}

function columnsOf(sample: readonly Records[], { columns = [], isText }: TypedOptions): readonly TextColumn[] {
  const given = new Map(columns.map((column) => [column.name, column]))
  const names = new Set(sample.flatMap((records) => records.names))
  return [...names].map((name) => {
    const known = given.get(name)
    if (known !== undefined) return known
    const values = sample.flatMap(({ names: own, rows }) => {
      const index = own.indexOf(name)
      return index < 0 ? [] : rows.map((row) => row[index] ?? null)
    })
    return { name, type: inferType(values, isText) }
  })
}

function batchOf({ names, rows }: Records, columns: readonly TextColumn[], rowOffset: number): RecordBatch {
  const unknown = names.find((name) => !columns.some((column) => column.name === name))
  if (unknown !== undefined) {
    throw usageError(`a row after ${rowOffset}: expected only columns of the first ${rowOffset} rows, found ${unknown}`)
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

function convert(value: Cell, column: TextColumn, row: number): unknown {
  if (value === null) return column.type === 'string' ? '' : null
  const { type } = column
  const text = typeof value === 'object' ? toJson(value) : String(value)
  const wrong = (): Error =>
    usageError(`row ${row + 1}, column ${column.name}: expected a ${type}, found ${shown(value)}`)
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
    case 'string':
    case 'decimal':
    case 'datetime':
    case 'timespan':
    case 'guid':
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

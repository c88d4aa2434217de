import { Binary, Field, Int64, Schema, Utf8 } from 'apache-arrow'
import { KustoDataError } from '../errors.ts'
import { kindOf, TAKES, type ValueKind } from './row-values.ts'
import { arrowField, type ScalarName } from './scalar-types.ts'

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

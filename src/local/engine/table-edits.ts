import { randomUUID } from 'node:crypto'
import type { Column } from '../lang/syntax.ts'
import {
  findDatabase,
  findTable,
  withDatabase,
  withoutTables,
  withTables,
  type CatalogState,
  type ColumnRecord,
  type TableRecord,
} from './catalog-state.ts'
import { badRequest, entityExists, entityNotFound } from './entity-errors.ts'

/** A table as a create or alter command describes it. An absent property keeps what is there. */
export interface TableSpec {
  readonly name: string
  readonly columns: readonly Column[]
  readonly folder?: string
  readonly docString?: string
  readonly hidden?: boolean
}

/** Properties of a table that do not touch its columns. */
export type TableProperties = Omit<TableSpec, 'name' | 'columns'>

const NAME = /^[\p{L}\p{Nd}_ .-]{1,1024}$/u
const MAX_COLUMNS = 10_000

export function addDatabase(state: CatalogState, name: string): CatalogState {
  checkName('database', name)
  if (findDatabase(state, name) !== undefined) throw entityExists('Database', name)
  const record = { id: state.nextId, guid: randomUUID(), name, prettyName: '', policies: {}, mappings: [] }
  return withDatabase({ ...state, nextId: state.nextId + 1 }, record)
}

/** A table that exists stays exactly as it is, even when its schema is another. */
export function createTable(state: CatalogState, databaseId: number, spec: TableSpec): CatalogState {
  checkSpec(spec)
  if (findTable(state, databaseId, spec.name) !== undefined) return state
  const [columns, nextId] = newColumns(spec.columns, state.nextId + 1)
  const record: TableRecord = {
    id: state.nextId,
    databaseId,
    guid: randomUUID(),
    name: spec.name,
    folder: spec.folder ?? '',
    docString: spec.docString ?? '',
    hidden: spec.hidden ?? false,
    columns,
    policies: {},
    columnPolicies: {},
    mappings: [],
  }
  return withTables({ ...state, nextId }, [record])
}

/** Creates the table or appends the columns that it lacks. A column of another type is an error. */
export function createMergeTable(state: CatalogState, databaseId: number, spec: TableSpec): CatalogState {
  const table = findTable(state, databaseId, spec.name)
  return table === undefined ? createTable(state, databaseId, spec) : alterMergeTable(state, table.id, spec)
}

/** Appends the columns that the table lacks. A column of another type is an error. */
export function alterMergeTable(state: CatalogState, tableId: number, spec: TableSpec): CatalogState {
  checkSpec(spec)
  const table = tableById(state, tableId)
  checkTypes(table, spec.columns)
  const added = spec.columns.filter((column) => !table.columns.some(({ name }) => name === column.name))
  const [columns, nextId] = newColumns(added, state.nextId)
  const changed = { ...table, ...properties(spec), columns: [...table.columns, ...columns] }
  checkColumnCount(changed.columns.length)
  return withTables({ ...state, nextId }, [changed])
}

/** The table gets exactly these columns, in this order: others and their data are lost. */
export function alterTable(state: CatalogState, tableId: number, spec: TableSpec): CatalogState {
  checkSpec(spec)
  const table = tableById(state, tableId)
  checkTypes(table, spec.columns)
  let nextId = state.nextId
  const columns = spec.columns.map((column) => {
    const existing = table.columns.find(({ name }) => name === column.name)
    return existing ?? { id: nextId++, name: column.name, type: column.type, docString: '' }
  })
  return withTables({ ...state, nextId }, [keepColumnPolicies({ ...table, ...properties(spec), columns })])
}

/** A new table with the columns and the properties of another. */
export function createTableBasedOn(
  state: CatalogState,
  source: TableRecord,
  name: string,
  overrides: TableProperties,
): CatalogState {
  const created = createTable(state, source.databaseId, { name, columns: source.columns })
  const table = findTable(created, source.databaseId, name)
  if (table === undefined) throw entityNotFound('Table', name)
  const { update: _update, ...policies } = source.policies
  const { folder, docString, hidden } = source
  const columns = table.columns.map((column, index) => ({
    ...column,
    docString: source.columns[index]?.docString ?? '',
  }))
  return withTables(created, [{ ...table, folder, docString, hidden, policies, columns, ...properties(overrides) }])
}

export function dropTables(state: CatalogState, ids: readonly number[]): CatalogState {
  return withoutTables(state, ids)
}

/** Renames all at once, so that names may be swapped. */
export function renameTables(
  state: CatalogState,
  renames: readonly { readonly table: TableRecord; readonly to: string }[],
): CatalogState {
  const renamed = renames.map(({ table, to }) => {
    checkName('table', to)
    return { ...table, name: to }
  })
  if (new Set(renamed.map(({ id }) => id)).size < renamed.length) throw badRequest('a table is renamed twice')
  const next = withTables(state, renamed)
  for (const table of renamed) {
    const same = [...next.tables.values()].filter((t) => t.databaseId === table.databaseId && t.name === table.name)
    if (same.length > 1) throw entityExists('Table', table.name)
  }
  return next
}

export function renameColumn(state: CatalogState, tableId: number, from: string, to: string): CatalogState {
  const table = tableById(state, tableId)
  columnOf(table, from)
  checkName('column', to)
  if (from !== to && table.columns.some(({ name }) => name === to)) throw entityExists('Column', to)
  const columns = table.columns.map((column) => (column.name === from ? { ...column, name: to } : column))
  return withTables(state, [{ ...table, columns }])
}

export function dropColumns(state: CatalogState, tableId: number, names: readonly string[]): CatalogState {
  const table = tableById(state, tableId)
  for (const name of names) columnOf(table, name)
  const columns = table.columns.filter(({ name }) => !names.includes(name))
  if (columns.length === 0) throw badRequest(`table '${table.name}' cannot lose its last column`)
  return withTables(state, [keepColumnPolicies({ ...table, columns })])
}

/** The column keeps its name and place; its old values read as null for ever, so it is a new column underneath. */
export function alterColumnType(
  state: CatalogState,
  tableId: number,
  name: string,
  type: Column['type'],
): CatalogState {
  const table = tableById(state, tableId)
  if (columnOf(table, name).type === type) return state
  const columns = table.columns.map((column) => (column.name === name ? { ...column, id: state.nextId, type } : column))
  return withTables({ ...state, nextId: state.nextId + 1 }, [keepColumnPolicies({ ...table, columns })])
}

export function setTableProperties(state: CatalogState, tableId: number, changes: TableProperties): CatalogState {
  return withTables(state, [{ ...tableById(state, tableId), ...properties(changes) }])
}

/** `merge` keeps the doc strings of columns that are not named; otherwise they are cleared. */
export function setColumnDocStrings(
  state: CatalogState,
  tableId: number,
  docStrings: ReadonlyMap<string, string>,
  merge: boolean,
): CatalogState {
  const table = tableById(state, tableId)
  for (const name of docStrings.keys()) columnOf(table, name)
  const columns = table.columns.map((column) => ({
    ...column,
    docString: docStrings.get(column.name) ?? (merge ? column.docString : ''),
  }))
  return withTables(state, [{ ...table, columns }])
}

/** @throws {LocalError} BadRequest_EntityNotFound when a concurrent command dropped it */
export function tableById(state: CatalogState, id: number): TableRecord {
  const table = state.tables.get(id)
  if (table === undefined) throw entityNotFound('Table', String(id))
  return table
}

/** @throws {LocalError} BadRequest_EntityNotFound */
export function columnOf(table: TableRecord, name: string): ColumnRecord {
  const column = table.columns.find((candidate) => candidate.name === name)
  if (column === undefined) throw entityNotFound('Column', `${table.name}.${name}`)
  return column
}

function properties(from: TableProperties): Partial<TableRecord> {
  return {
    ...(from.folder === undefined ? {} : { folder: from.folder }),
    ...(from.docString === undefined ? {} : { docString: from.docString }),
    ...(from.hidden === undefined ? {} : { hidden: from.hidden }),
  }
}

function newColumns(columns: readonly Column[], firstId: number): readonly [readonly ColumnRecord[], number] {
  const records = columns.map(({ name, type }, index) => ({ id: firstId + index, name, type, docString: '' }))
  return [records, firstId + columns.length]
}

function keepColumnPolicies(table: TableRecord): TableRecord {
  const kept = Object.entries(table.columnPolicies).filter(([id]) =>
    table.columns.some((column) => String(column.id) === id),
  )
  return { ...table, columnPolicies: Object.fromEntries(kept) }
}

function checkTypes(table: TableRecord, columns: readonly Column[]): void {
  for (const { name, type } of columns) {
    const existing = table.columns.find((column) => column.name === name)
    if (existing !== undefined && existing.type !== type) {
      throw badRequest(
        `column '${name}' of table '${table.name}' is of type ${existing.type} and cannot become ${type}`,
      )
    }
  }
}

function checkSpec(spec: TableSpec): void {
  checkName('table', spec.name)
  const seen = new Set<string>()
  for (const { name } of spec.columns) {
    checkName('column', name)
    if (seen.has(name)) throw badRequest(`column '${name}' is named twice`)
    seen.add(name)
  }
  if (spec.columns.length === 0) throw badRequest(`table '${spec.name}' needs at least one column`)
  checkColumnCount(spec.columns.length)
}

function checkColumnCount(count: number): void {
  if (count > MAX_COLUMNS) throw badRequest(`a table has at most ${MAX_COLUMNS} columns, found ${count}`)
}

function checkName(kind: string, name: string): void {
  if (!NAME.test(name)) throw badRequest(`'${name}' is not a valid ${kind} name`)
}

import type { ScalarName } from '../lang/syntax.ts'

/** Everything the catalog knows about one column. The id never changes, so that a rename keeps the data. */
export interface ColumnRecord {
  readonly id: number
  readonly name: string
  readonly type: ScalarName
  readonly docString: string
}

export interface MappingRecord {
  readonly kind: string
  readonly name: string
  /** JSON text as the user sent it. */
  readonly mapping: string
  /** datetime ticks, as text because records are stored as JSON. */
  readonly updatedTicks: string
}

/** Policy name to JSON text. */
export type PolicyRecords = Readonly<Record<string, string>>

export interface DatabaseRecord {
  readonly id: number
  readonly guid: string
  readonly name: string
  readonly prettyName: string
  readonly policies: PolicyRecords
  readonly mappings: readonly MappingRecord[]
}

export interface TableRecord {
  readonly id: number
  readonly databaseId: number
  readonly guid: string
  readonly name: string
  readonly folder: string
  readonly docString: string
  readonly hidden: boolean
  readonly columns: readonly ColumnRecord[]
  readonly policies: PolicyRecords
  /** Column id (as text) to policy name to JSON text. */
  readonly columnPolicies: Readonly<Record<string, PolicyRecords>>
  readonly mappings: readonly MappingRecord[]
}

/**
 * The catalog at one moment. Immutable: every command is a function from one state to the next, and what has to
 * change in DuckDB is the difference of the two (catalog-sql.ts).
 */
export interface CatalogState {
  /** Grows by one with every change. */
  readonly version: number
  /** The next free id of a database, table or column. Ids are never used twice. */
  readonly nextId: number
  readonly databases: ReadonlyMap<number, DatabaseRecord>
  readonly tables: ReadonlyMap<number, TableRecord>
}

export const EMPTY_STATE: CatalogState = { version: 0, nextId: 1, databases: new Map(), tables: new Map() }

/** Database names are case-insensitive. */
export function findDatabase(state: CatalogState, name: string): DatabaseRecord | undefined {
  const wanted = name.toLowerCase()
  for (const database of state.databases.values()) if (database.name.toLowerCase() === wanted) return database
  return undefined
}

const indexes = new WeakMap<ReadonlyMap<number, TableRecord>, Map<string, TableRecord>>()

/** Table names are case-sensitive. */
export function findTable(state: CatalogState, databaseId: number, name: string): TableRecord | undefined {
  let index = indexes.get(state.tables)
  if (index === undefined) {
    index = new Map([...state.tables.values()].map((table) => [`${table.databaseId}/${table.name}`, table]))
    indexes.set(state.tables, index)
  }
  return index.get(`${databaseId}/${name}`)
}

/** Tables of one database, sorted by name as the service lists them. */
export function tablesOf(state: CatalogState, databaseId: number): readonly TableRecord[] {
  return [...state.tables.values()]
    .filter((table) => table.databaseId === databaseId)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** The state with these tables put in or replaced. */
export function withTables(state: CatalogState, records: readonly TableRecord[]): CatalogState {
  const tables = new Map(state.tables)
  for (const record of records) tables.set(record.id, record)
  return { ...state, tables }
}

export function withoutTables(state: CatalogState, ids: readonly number[]): CatalogState {
  const tables = new Map(state.tables)
  for (const id of ids) tables.delete(id)
  return { ...state, tables }
}

export function withDatabase(state: CatalogState, record: DatabaseRecord): CatalogState {
  return { ...state, databases: new Map(state.databases).set(record.id, record) }
}

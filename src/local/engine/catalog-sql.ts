import { quoteText } from '../kql/sql.ts'
import type { ScalarName } from '../lang/syntax.ts'
import type { CatalogState, ColumnRecord, TableRecord } from './catalog-state.ts'

/** How DuckDB stores each Kusto type: datetime and timespan are ticks, dynamic is JSON text. */
export const DUCK_TYPES: Readonly<Record<ScalarName, string>> = {
  bool: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  real: 'DOUBLE',
  decimal: 'DECIMAL(38,18)',
  string: 'VARCHAR',
  datetime: 'BIGINT',
  timespan: 'BIGINT',
  guid: 'UUID',
  dynamic: 'VARCHAR',
}

/** The hidden column with the ordinal of a row's extent. */
export const EXTENT_COLUMN = '_extent'

export function physicalTableName(tableId: number): string {
  return `main.t_${tableId}`
}

export function physicalColumnName(columnId: number): string {
  return `c${columnId}`
}

/**
 * Where the catalog lives. `extents.ordinal` is the value of `_extent` in the rows of the table; no indexes, because
 * DuckDB checks keys too eagerly to delete and insert one key in a single transaction.
 */
export const CATALOG_SCHEMA: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS catalog',
  'CREATE TABLE IF NOT EXISTS catalog.meta(format INTEGER, version BIGINT, next_id INTEGER)',
  'CREATE TABLE IF NOT EXISTS catalog.databases(id INTEGER, body VARCHAR)',
  'CREATE TABLE IF NOT EXISTS catalog.tables(id INTEGER, body VARCHAR)',
  'CREATE TABLE IF NOT EXISTS catalog.extents(ordinal BIGINT, extent_id UUID, table_id INTEGER, created_min BIGINT,' +
    ' created_max BIGINT, ingested BIGINT, row_count BIGINT, size BIGINT, tags VARCHAR[])',
]

/** Layout version of the stored catalog. */
export const CATALOG_FORMAT = 1

/** The statements that turn what DuckDB holds for `before` into what it must hold for `after`. */
export function stateDifference(before: CatalogState, after: CatalogState): readonly string[] {
  const statements: string[] = []
  for (const [id, record] of after.databases) {
    if (before.databases.get(id) !== record) statements.push(...putRecord('databases', id, record))
  }
  for (const id of before.tables.keys()) {
    if (!after.tables.has(id)) statements.push(...dropTable(id), `DELETE FROM catalog.tables WHERE id = ${id}`)
  }
  for (const [id, table] of after.tables) {
    const old = before.tables.get(id)
    if (old === table) continue
    statements.push(...(old === undefined ? [createTable(table)] : alterTable(old, table)))
    statements.push(...putRecord('tables', id, table))
  }
  statements.push(`UPDATE catalog.meta SET version = ${after.version}, next_id = ${after.nextId}`)
  return statements
}

/** Tables whose stored rows or columns the change touches: nobody may append to them meanwhile. */
export function touchedTables(before: CatalogState, after: CatalogState): readonly number[] {
  return [...before.tables.values()]
    .filter((old) => {
      const table = after.tables.get(old.id)
      return table === undefined || alterTable(old, table).length > 0
    })
    .map(({ id }) => id)
}

function putRecord(kind: 'databases' | 'tables', id: number, record: object): readonly string[] {
  return [
    `DELETE FROM catalog.${kind} WHERE id = ${id}`,
    `INSERT INTO catalog.${kind} VALUES (${id}, ${quoteText(JSON.stringify(record))})`,
  ]
}

function createTable(table: TableRecord): string {
  const columns = table.columns.map(columnDefinition)
  return `CREATE TABLE ${physicalTableName(table.id)}(${[...columns, `${EXTENT_COLUMN} BIGINT`].join(', ')})`
}

function dropTable(id: number): readonly string[] {
  return [`DROP TABLE ${physicalTableName(id)}`, `DELETE FROM catalog.extents WHERE table_id = ${id}`]
}

function alterTable(before: TableRecord, after: TableRecord): readonly string[] {
  const had = new Set(before.columns.map(({ id }) => id))
  const has = new Set(after.columns.map(({ id }) => id))
  const alter = `ALTER TABLE ${physicalTableName(after.id)}`
  return [
    ...after.columns
      .filter(({ id }) => !had.has(id))
      .map((column) => `${alter} ADD COLUMN ${columnDefinition(column)}`),
    ...before.columns
      .filter(({ id }) => !has.has(id))
      .map(({ id }) => `${alter} DROP COLUMN ${physicalColumnName(id)}`),
  ]
}

/** The default fills the rows that exist: a Kusto string is never null. */
function columnDefinition(column: ColumnRecord): string {
  const fill = column.type === 'string' ? " DEFAULT ''" : ''
  return `${physicalColumnName(column.id)} ${DUCK_TYPES[column.type]}${fill}`
}

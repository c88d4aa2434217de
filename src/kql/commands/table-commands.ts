import { join, Kql, kql, name, text } from '../kql.ts'
import type { KustoScalarType } from '../literal.ts'
import { withProperties } from './command-properties.ts'

/** A column of a table. */
export interface ColumnDefinition {
  readonly name: string
  readonly type: KustoScalarType
}

export interface TableProperties {
  readonly folder?: string
  readonly docString?: string
  /** Leaves the table out of default listings; for staging tables. */
  readonly hidden?: boolean
}

/** Creates the table; when it exists nothing changes, even if the columns differ. */
export function createTable(
  table: string,
  columns: readonly ColumnDefinition[],
  properties: TableProperties = {},
): Kql {
  return kql`.create table ${name(table)} (${columnList(columns)})${tableProperties(properties)}`
}

/** Creates the table or appends its missing columns; fails when a column has another type. */
export function createMergeTable(
  table: string,
  columns: readonly ColumnDefinition[],
  properties: TableProperties = {},
): Kql {
  return kql`.create-merge table ${name(table)} (${columnList(columns)})${tableProperties(properties)}`
}

/** Appends missing columns to a table that exists. */
export function alterMergeTable(table: string, columns: readonly ColumnDefinition[]): Kql {
  return kql`.alter-merge table ${name(table)} (${columnList(columns)})`
}

/** Drops the table; a missing one is no error. */
export function dropTable(table: string): Kql {
  return kql`.drop table ${name(table)} ifexists`
}

/** Columns: TableName, Schema (JSON text with OrderedColumns), DatabaseName, Folder, DocString. */
export function showTableSchemaJson(table: string): Kql {
  return kql`.show table ${name(table)} schema as json`
}

/** Columns: TableName, DatabaseName, Folder, DocString. */
export function showTables(): Kql {
  return kql`.show tables`
}

/** The same of every table, hidden ones included. */
export function showTablesWithHidden(): Kql {
  return kql`.show tables with (IncludeHiddenTables=true)`
}

/** Replaces the documentation of a table. */
export function alterTableDocString(table: string, docString: string): Kql {
  return kql`.alter table ${name(table)} docstring ${text(docString)}`
}

/** One row of figures, up to 15 minutes old: TotalRowCount, TotalOriginalSize and others. */
export function showTableDetails(table: string): Kql {
  return kql`.show table ${name(table)} details`
}

/** Columns: BuildVersion, BuildTime, ServiceType (`Engine` or `DataManagement`), ProductVersion. */
export function showVersion(): Kql {
  return kql`.show version`
}

/** Makes streaming ingestion forget a table's cached schema. */
export function clearStreamingSchemaCache(table: string): Kql {
  return kql`.clear table ${name(table)} cache streamingingestion schema`
}

function columnList(columns: readonly ColumnDefinition[]): Kql {
  return join(
    columns.map((column) => kql`${name(column.name)}:${Kql.raw(column.type)}`),
    ', ',
  )
}

function tableProperties(properties: TableProperties): Kql {
  return withProperties([
    ['folder', properties.folder === undefined ? undefined : text(properties.folder)],
    ['docstring', properties.docString === undefined ? undefined : text(properties.docString)],
    ['hidden', properties.hidden === undefined ? undefined : Kql.raw(String(properties.hidden))],
  ])
}

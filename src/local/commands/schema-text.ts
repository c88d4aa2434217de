import type { CatalogState, DatabaseRecord, TableRecord } from '../engine/catalog-state.ts'
import { tablesOf } from '../engine/catalog-state.ts'
import type { ScalarName } from '../lang/syntax.ts'

/** .NET names of the types, as schema texts have them. */
export const CLR_TYPES: Readonly<Record<ScalarName, string>> = {
  bool: 'System.SByte',
  int: 'System.Int32',
  long: 'System.Int64',
  real: 'System.Double',
  decimal: 'System.Data.SqlTypes.SqlDecimal',
  string: 'System.String',
  datetime: 'System.DateTime',
  timespan: 'System.TimeSpan',
  guid: 'System.Guid',
  dynamic: 'System.Object',
}

/** `{"Name":"T","OrderedColumns":[{"Name":"a","Type":"System.Int64","CslType":"long"}]}` */
export function tableJson(table: TableRecord): string {
  return JSON.stringify(tableObject(table))
}

function tableObject(table: TableRecord): object {
  return {
    Name: table.name,
    ...(table.folder === '' ? {} : { Folder: table.folder }),
    ...(table.docString === '' ? {} : { DocString: table.docString }),
    OrderedColumns: table.columns.map(({ name, type, docString }) => ({
      Name: name,
      Type: CLR_TYPES[type],
      CslType: type,
      ...(docString === '' ? {} : { DocString: docString }),
    })),
  }
}

/** `a:long,['my col']:string` */
export function tableCsl(table: TableRecord): string {
  return table.columns.map(({ name, type }) => `${cslName(name)}:${type}`).join(',')
}

/** A name as KQL text: bare when it can be. */
export function cslName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `['${name}']`
}

export function databaseVersion(state: CatalogState): { readonly major: number; readonly minor: number } {
  return { major: 1, minor: state.version }
}

/** The documented layout: tables by name within databases by name. */
export function databasesJson(state: CatalogState, databases: readonly DatabaseRecord[]): string {
  const { major, minor } = databaseVersion(state)
  const objects = databases.map((database) => [
    database.name,
    {
      Name: database.name,
      Tables: Object.fromEntries(
        tablesOf(state, database.id)
          .filter(({ hidden }) => !hidden)
          .map((table) => [table.name, tableObject(table)]),
      ),
      ExternalTables: {},
      MaterializedViews: {},
      EntityGroups: {},
      MajorVersion: major,
      MinorVersion: minor,
      Functions: {},
      DatabaseAccessMode: 'ReadWrite',
    },
  ])
  return JSON.stringify({ Databases: Object.fromEntries(objects) as unknown })
}

/** Commands that create the tables and mappings of a database again. */
export function databaseScript(state: CatalogState, database: DatabaseRecord): readonly string[] {
  return tablesOf(state, database.id)
    .filter(({ hidden }) => !hidden)
    .flatMap((table) => [createMerge(table), ...mappings(table)])
}

function createMerge(table: TableRecord): string {
  const columns = table.columns.map(({ name, type }) => `${cslName(name)}:${type}`).join(', ')
  const properties = [
    ...(table.folder === '' ? [] : [`folder=${cslText(table.folder)}`]),
    ...(table.docString === '' ? [] : [`docstring=${cslText(table.docString)}`]),
  ]
  const tail = properties.length === 0 ? '' : ` with (${properties.join(', ')})`
  return `.create-merge table ${cslName(table.name)} (${columns})${tail}`
}

function mappings(table: TableRecord): readonly string[] {
  return table.mappings.map(
    ({ kind, name, mapping }) =>
      `.create-or-alter table ${cslName(table.name)} ingestion ${kind} mapping ${cslText(name)} ${cslText(mapping)}`,
  )
}

function cslText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`
}

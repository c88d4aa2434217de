import { findTable, tablesOf, type CatalogState, type TableRecord } from '../engine/catalog-state.ts'
import { badRequest, entityExists, entityNotFound } from '../engine/entity-errors.ts'
import { dropExtents, readExtents } from '../engine/extents.ts'
import {
  alterMergeTable,
  alterTable,
  createMergeTable,
  createTable,
  createTableBasedOn,
  dropTables,
  renameTables,
  setTableProperties,
  type TableProperties,
  type TableSpec,
} from '../engine/table-edits.ts'
import {
  requireTable,
  schemaOf,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { tableJson } from './schema-text.ts'

/** Commands that create, alter, rename and drop tables. */
export const TABLE_COMMANDS: CommandFamily = {
  CreateTable: { run: (context) => editOne(context, (state, id, spec) => createTable(state, id, spec)) },
  CreateMergeTable: { run: (context) => editOne(context, (state, id, spec) => createMergeTable(state, id, spec)) },
  AlterTable: { run: (context) => editOne(context, editExisting(alterTable)) },
  AlterMergeTable: { run: (context) => editOne(context, editExisting(alterMergeTable)) },
  CreateTables: { run: (context) => editMany(context, createTable) },
  CreateMergeTables: { run: (context) => editMany(context, createMergeTable) },
  CreateTableBasedOnAnother: { run: basedOn },
  DropTable: { run: drop },
  DropTables: { run: drop },
  RenameTable: { run: (context) => rename(context, [renameOf(context)]) },
  RenameTables: { run: (context) => rename(context, renamesOf(context)) },
  AlterTableFolder: { run: (context) => describe(context, { folder: context.args.one('Folder') }) },
  AlterTableDocString: { run: (context) => describe(context, { docString: context.args.one('Documentation') }) },
  ClearTableData: { run: clearData },
  ClearTableCacheStreamingIngestionSchema: { run: clearStreamingCache },
  ClearDatabaseCacheStreamingIngestionSchema: { run: clearStreamingCache },
}

type Edit = (state: CatalogState, databaseId: number, spec: TableSpec) => CatalogState

/** The one row of most commands about one table. */
export function tableRow(context: CommandContext, table: TableRecord): RowRecord {
  return {
    TableName: table.name,
    Schema: tableJson(table),
    DatabaseName: context.database.name,
    Folder: table.folder,
    DocString: table.docString,
  }
}

/** A row of the listings of tables. */
export function listingRow(context: CommandContext, table: TableRecord): RowRecord {
  const { name: TableName, folder: Folder, docString: DocString } = table
  return { TableName, DatabaseName: context.database.name, Folder, DocString }
}

function specProperties(context: CommandContext): TableProperties {
  const properties = context.args.properties(['folder', 'docstring', 'hidden'])
  const folder = properties.text('folder')
  const docString = properties.text('docstring')
  const hidden = properties.bool('hidden')
  return {
    ...(folder === undefined ? {} : { folder }),
    ...(docString === undefined ? {} : { docString }),
    ...(hidden === undefined ? {} : { hidden }),
  }
}

async function editOne(context: CommandContext, edit: Edit): Promise<CommandResult> {
  const spec = { name: context.args.one('TableName'), columns: context.args.columns(), ...specProperties(context) }
  await context.services.catalog.change((state) => edit(state, context.database.id, spec))
  return tableOf(context.columns, [tableRow(context, requireTable(context, spec.name))])
}

function editExisting(edit: (state: CatalogState, tableId: number, spec: TableSpec) => CatalogState): Edit {
  return (state, databaseId, spec) => {
    const table = findTable(state, databaseId, spec.name)
    if (table === undefined) throw entityNotFound('Table', spec.name)
    return edit(state, table.id, spec)
  }
}

async function editMany(context: CommandContext, edit: Edit): Promise<CommandResult> {
  const properties = specProperties(context)
  const specs = context.args.tables().map((table) => ({ ...table, ...properties }))
  await context.services.catalog.change((state) =>
    specs.reduce((next, spec) => edit(next, context.database.id, spec), state),
  )
  return tableOf(
    context.columns,
    specs.map(({ name }) => listingRow(context, requireTable(context, name))),
  )
}

async function basedOn(context: CommandContext): Promise<CommandResult> {
  const { args, database } = context
  const name = args.one('NewTableName')
  const overrides = specProperties(context)
  await context.services.catalog.change((state) => {
    const source = findTable(state, database.id, args.one('TableName'))
    if (source === undefined) throw entityNotFound('Table', args.one('TableName'))
    if (findTable(state, database.id, name) === undefined) return createTableBasedOn(state, source, name, overrides)
    if (args.has('ifnotexists')) return state
    throw entityExists('Table', name)
  })
  return tableOf(context.columns, [tableRow(context, requireTable(context, name))])
}

async function drop(context: CommandContext): Promise<CommandResult> {
  const { args, database, services } = context
  const state = await services.catalog.change((before) => {
    const ids = args.all('TableName').flatMap((name) => {
      const table = findTable(before, database.id, name)
      if (table === undefined && !args.has('ifexists')) throw entityNotFound('Table', name)
      return table === undefined ? [] : [table.id]
    })
    return ids.length === 0 ? before : dropTables(before, ids)
  })
  const remaining = tablesOf(state, database.id).filter(({ hidden }) => !hidden)
  return tableOf(
    context.columns,
    remaining.map(({ name }) => ({ TableName: name, DatabaseName: database.name })),
  )
}

export interface Rename {
  readonly from: string
  readonly to: string
}

function renameOf({ args }: CommandContext): Rename {
  return { from: args.one('TableName'), to: args.one('NewTableName') }
}

function renamesOf({ args }: CommandContext): readonly Rename[] {
  const sources = args.all('TableName')
  return args.all('NewTableName').map((to, index) => ({ from: sources[index] ?? '', to }))
}

/** Renames tables in one transaction; `ifExists` leaves out those that are not there. */
export async function rename(
  context: CommandContext,
  renames: readonly Rename[],
  ifExists: ReadonlySet<string> = new Set(),
): Promise<CommandResult> {
  const { database, services } = context
  const names: string[] = []
  await services.catalog.change((state) => {
    const found = renames.flatMap(({ from, to }) => {
      const table = findTable(state, database.id, from)
      if (table === undefined && !ifExists.has(from)) throw entityNotFound('Table', from)
      return table === undefined ? [] : [{ table, to }]
    })
    names.push(...found.map(({ to }) => to))
    return found.length === 0 ? state : renameTables(state, found)
  })
  return tableOf(
    context.columns,
    names.map((name) => listingRow(context, requireTable(context, name))),
  )
}

async function describe(context: CommandContext, changes: TableProperties): Promise<CommandResult> {
  const name = context.args.one('TableName')
  await context.services.catalog.change((state) => setTableProperties(state, requireTable(context, name).id, changes))
  return tableOf(context.columns, [tableRow(context, requireTable(context, name))])
}

async function clearData(context: CommandContext): Promise<CommandResult> {
  const { session, services } = context
  const table = requireTable(context, context.args.one('TableName'))
  await services.catalog.withTables(session, [table.id], async () => {
    if (!services.catalog.state.tables.has(table.id)) throw badRequest(`table '${table.name}' was dropped meanwhile`)
    await dropExtents(session, await readExtents(session, { tableIds: [table.id] }))
  })
  return tableOf(context.columns, [{ Status: 'Success' }])
}

const CACHE_NODES = schemaOf('NodeId:string,Status:string')

/** Streaming reads the schema anew each time, so there is nothing to clear; one row for each node, of which there is one. */
function clearStreamingCache(context: CommandContext): CommandResult {
  const table = context.args.maybe('TableName')
  if (table !== undefined) requireTable(context, table)
  return tableOf(CACHE_NODES, [{ NodeId: 'KEngine000000', Status: 'Succeeded' }])
}

import { tablesOf, type DatabaseRecord } from '../engine/catalog-state.ts'
import { badRequest } from '../engine/entity-errors.ts'
import { readExtents } from '../engine/extents.ts'
import { notSupported } from '../server/local-error.ts'
import {
  requireDatabase,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { CLR_TYPES, databaseScript, databasesJson, databaseVersion } from './schema-text.ts'

/** Commands that show databases and their schemas. */
export const SHOW_DATABASE_COMMANDS: CommandFamily = {
  ShowDatabase: { run: (context) => list(context, [requireDatabase(context, undefined)]) },
  ShowClusterDatabases: { run: (context) => list(context, named(context)), anyDatabase: true },
  ShowDatabaseDetails: { run: (context) => details(context, [requireDatabase(context, undefined)]) },
  ShowClusterDatabasesDetails: { run: (context) => details(context, named(context)), anyDatabase: true },
  ShowDatabaseSchema: { run: (context) => flatSchema(context, [ofArgument(context)]) },
  ShowDatabasesSchema: { run: (context) => flatSchema(context, named(context)), anyDatabase: true },
  ShowDatabaseSchemaAsJson: { run: (context) => jsonSchema(context, [ofArgument(context)]) },
  ShowDatabasesSchemaAsJson: { run: (context) => jsonSchema(context, named(context)), anyDatabase: true },
  ShowDatabaseSchemaAsCslScript: { run: scriptSchema },
}

function ofArgument(context: CommandContext): DatabaseRecord {
  return requireDatabase(context, context.args.maybe('DatabaseName'))
}

/** The databases that are named, or all. */
function named(context: CommandContext): readonly DatabaseRecord[] {
  const names = context.args.all('DatabaseName')
  return names.length === 0 ? context.services.catalog.databases() : names.map((name) => requireDatabase(context, name))
}

function databaseRow(context: CommandContext, database: DatabaseRecord): RowRecord {
  const { major, minor } = databaseVersion(context.services.catalog.state)
  return {
    DatabaseName: database.name,
    Version: `v${major}.${minor}`,
    IsCurrent: database.id === context.database.id,
    DatabaseAccessMode: 'ReadWrite',
    PrettyName: database.prettyName,
    DatabaseId: database.guid,
  }
}

function list(context: CommandContext, databases: readonly DatabaseRecord[]): CommandResult {
  return tableOf(
    context.columns,
    databases.map((database) => databaseRow(context, database)),
  )
}

async function details(context: CommandContext, databases: readonly DatabaseRecord[]): Promise<CommandResult> {
  const rows: RowRecord[] = []
  for (const database of databases) {
    const tableIds = tablesOf(context.services.catalog.state, database.id).map(({ id }) => id)
    const extents = await readExtents(context.session, { tableIds })
    const policy = (name: string): string => database.policies[name] ?? 'null'
    rows.push({
      ...databaseRow(context, database),
      AuthorizedPrincipals: '[]',
      RetentionPolicy: policy('retention'),
      MergePolicy: policy('merge'),
      CachingPolicy: policy('caching'),
      ShardingPolicy: policy('sharding'),
      StreamingIngestionPolicy: policy('streamingingestion'),
      IngestionBatchingPolicy: policy('ingestionbatching'),
      TotalSize: Number(extents.reduce((sum, { size }) => sum + size, 0n)),
    })
  }
  return tableOf(context.columns, rows)
}

/** One row per database, per table and per column. */
function flatSchema(context: CommandContext, databases: readonly DatabaseRecord[]): CommandResult {
  if (!isNewer(context)) return tableOf(context.columns, [])
  const { state } = context.services.catalog
  const { major, minor } = databaseVersion(state)
  const rows = databases.flatMap((database): RowRecord[] => [
    {
      DatabaseName: database.name,
      IsDefaultTable: false,
      IsDefaultColumn: false,
      PrettyName: database.prettyName,
      Version: `v${major}.${minor}`,
    },
    ...tablesOf(state, database.id)
      .filter(({ hidden }) => !hidden)
      .flatMap((table): RowRecord[] => {
        const row = {
          DatabaseName: database.name,
          TableName: table.name,
          IsDefaultTable: false,
          IsDefaultColumn: false,
        }
        return [
          { ...row, Folder: table.folder, DocString: table.docString },
          ...table.columns.map(({ name, type, docString }) => ({
            ...row,
            ColumnName: name,
            ColumnType: CLR_TYPES[type],
            DocString: docString,
          })),
        ]
      }),
  ])
  return tableOf(context.columns, rows)
}

function jsonSchema(context: CommandContext, databases: readonly DatabaseRecord[]): CommandResult {
  if (!isNewer(context)) return tableOf(context.columns, [])
  return tableOf(context.columns, [{ DatabaseSchema: databasesJson(context.services.catalog.state, databases) }])
}

function scriptSchema(context: CommandContext): CommandResult {
  if (context.args.has('with')) throw notSupported('a property of .show database schema as csl script')
  const script = databaseScript(context.services.catalog.state, ofArgument(context))
  return tableOf(
    context.columns,
    script.map((statement) => ({ DatabaseSchemaScript: statement })),
  )
}

/** `if_later_than "v1.2"` asks for nothing when the schema is not newer. */
function isNewer(context: CommandContext): boolean {
  const asked = context.args.maybe('Version')
  if (asked === undefined) return true
  const match = /^v(\d+)\.(\d+)$/.exec(asked)
  if (match === null) throw badRequest(`'${asked}' is not a version such as v1.2`)
  const { major, minor } = databaseVersion(context.services.catalog.state)
  return major > Number(match[1]) || (major === Number(match[1]) && minor > Number(match[2]))
}

import { findTable } from '../engine/catalog-state.ts'
import { badRequest, entityExists, entityNotFound } from '../engine/entity-errors.ts'
import type { TableEntry } from '../engine/catalog.ts'
import type { OperationResult } from '../engine/operations.ts'
import {
  alterMergeTable,
  alterTable,
  createTable,
  setTableProperties,
  type TableProperties,
} from '../engine/table-edits.ts'
import { withTables } from '../engine/catalog-state.ts'
import type { Column } from '../lang/syntax.ts'
import type { CommandArguments, Properties } from './command-arguments.ts'
import { tableOf, type CommandContext, type CommandDefinition, type CommandFamily } from './command.ts'
import { planSelection, type Selection } from './evaluate.ts'
import { rollBack } from '../engine/transaction.ts'
import { storeResult, storeSelection } from './cells.ts'
import { LocalError } from '../server/local-error.ts'

type Verb = 'set' | 'append' | 'set-or-append' | 'set-or-replace'

/** Ingestion from a query or a `.show` command. */
export const FROM_QUERY_COMMANDS: CommandFamily = {
  SetTable: definition('set', 'TableSet'),
  AppendTable: definition('append', 'TableAppend'),
  SetOrAppendTable: definition('set-or-append', 'TableSetOrAppend'),
  SetOrReplaceTable: definition('set-or-replace', 'TableSetOrReplace'),
}

/** `distributed` says how many nodes write; here it is always the one there is. */
const PROPERTIES = [
  'tags',
  'ingestIfNotExists',
  'creationTime',
  'folder',
  'docstring',
  'extend_schema',
  'recreate_schema',
  'distributed',
  'persistDetails',
  'policy_ingestiontime',
] as const

type FromQueryProperties = Properties<(typeof PROPERTIES)[number]>

function propertiesOf(args: CommandArguments): FromQueryProperties {
  return args.properties(PROPERTIES)
}

function definition(verb: Verb, operation: string): CommandDefinition {
  return {
    operation,
    keepDetails: (args) => propertiesOf(args).bool('persistDetails') ?? false,
    run: (context) => ingestFromQuery(context, verb),
  }
}

/** A change of the schema between planning and writing makes the plan void; it is made again this often. */
const MAX_PLANS = 3

async function ingestFromQuery(context: CommandContext, verb: Verb): Promise<OperationResult> {
  const { args, database, services, session } = context
  const { catalog } = services
  const name = args.one('TableName')
  const properties = propertiesOf(args)
  properties.bool('distributed')
  checkVerb(verb, name, findTable(catalog.state, database.id, name) !== undefined)
  for (let attempt = 1; ; attempt++) {
    const { version } = catalog.state
    const selection = await select(context, verb, name, properties)
    const table = await prepareTable(context, verb, name, selection.columns, properties)
    try {
      const [outcome] = await catalog.ingest(session, [
        {
          table,
          select: selection.sql,
          tags: properties.texts('tags'),
          ingestIfNotExists: properties.texts('ingestIfNotExists'),
          creationTicks: properties.datetime('creationTime'),
          replace: verb === 'set-or-replace',
        },
      ])
      const skipped = outcome?.skipped ?? false
      const extents = outcome === undefined || outcome.rowCount === 0 ? [] : [outcome]
      const result = tableOf(
        context.columns,
        extents.map(({ extentId, rowCount, size }) => ({
          ExtentId: extentId,
          OriginalSize: BigInt(size),
          ExtentSize: BigInt(size),
          ColumnSize: BigInt(size),
          IndexSize: 0n,
          RowCount: BigInt(rowCount),
        })),
      )
      return skipped ? { ...result, state: 'Skipped', status: 'an extent already has the ingest-by tag' } : result
    } catch (error) {
      const conflict = schemaConflict(error, catalog.state.version !== version)
      if (conflict === undefined || attempt === MAX_PLANS) throw conflict ?? error
    }
  }
}

/** The conflict behind a failed write whose plan was overtaken: its table was altered, or a table that it reads is no more. */
function schemaConflict(error: unknown, isOvertaken: boolean): LocalError | undefined {
  if (error instanceof LocalError) return error.code === 'General_Conflict' ? error : undefined
  if (!isOvertaken || !(error instanceof Error) || !/^(Catalog|Binder) Error/.test(error.message)) return undefined
  return new LocalError('General_Conflict', 'a table of the query was changed while its rows were written', {
    status: 409,
    permanent: false,
    cause: error,
  })
}

function checkVerb(verb: Verb, name: string, exists: boolean): void {
  if (verb === 'set' && exists) throw entityExists('Table', name)
  if (verb === 'append' && !exists) throw entityNotFound('Table', name)
}

/** The source as SQL. What might read columns that the command is about to drop is computed now. */
async function select(
  context: CommandContext,
  verb: Verb,
  name: string,
  properties: FromQueryProperties,
): Promise<Selection> {
  const { services, session } = context
  const { query } = context.args
  if (query.startsWith('.')) {
    const result = await context.runInner(query)
    return { sql: `SELECT * FROM ${await storeResult(session, result)}`, columns: result.columns }
  }
  const selection = await services.catalog.read(session, () => planSelection(context, query))
  await rollBack(session)
  const table = findTable(services.catalog.state, context.database.id, name)
  const loses = table !== undefined && recreates(verb, properties) && !isSame(table.columns, selection.columns)
  return loses ? { ...selection, sql: `SELECT * FROM ${await storeSelection(session, selection.sql)}` } : selection
}

function recreates(verb: Verb, properties: FromQueryProperties): boolean {
  return verb === 'set-or-replace' && (properties.bool('recreate_schema') ?? false)
}

/** Makes the table fit the query where the properties allow it; columns are matched by position and type. */
async function prepareTable(
  context: CommandContext,
  verb: Verb,
  name: string,
  columns: readonly Column[],
  properties: FromQueryProperties,
): Promise<TableEntry> {
  const { database, services } = context
  const dollar = columns.find((column) => column.name.includes('$'))
  if (dollar !== undefined) throw badRequest(`column '${dollar.name}' cannot be a column of a table`)
  const extend = properties.bool('extend_schema') ?? false
  const recreate = recreates(verb, properties)
  const folder = properties.text('folder')
  const docString = properties.text('docstring')
  const described: TableProperties = {
    ...(folder === undefined ? {} : { folder }),
    ...(docString === undefined ? {} : { docString }),
  }
  await services.catalog.change((state) => {
    const table = findTable(state, database.id, name)
    if (table === undefined) {
      const created = createTable(state, database.id, { name, columns, ...described })
      const record = findTable(created, database.id, name)
      if (record === undefined || (properties.bool('policy_ingestiontime') ?? true)) return created
      const policies = { ...record.policies, ingestiontime: '{"IsEnabled":false}' }
      return withTables(created, [{ ...record, policies }])
    }
    const changed = Object.keys(described).length === 0 ? state : setTableProperties(state, table.id, described)
    if (recreate && !isSame(table.columns, columns)) return recreateColumns(changed, table.id, name, columns)
    const added = columns.slice(table.columns.length)
    checkTypes(name, table.columns, columns, extend && verb !== 'set')
    return added.length === 0 ? changed : alterMergeTable(changed, table.id, { name, columns: added })
  })
  return services.catalog.requireTable(database.name, name)
}

/** Columns of the same name and type keep their data until the replacement drops it; others are new. */
function recreateColumns(
  state: Parameters<typeof alterTable>[0],
  tableId: number,
  name: string,
  columns: readonly Column[],
): ReturnType<typeof alterTable> {
  const table = state.tables.get(tableId)
  if (table === undefined) throw entityNotFound('Table', name)
  const kept = table.columns.filter((column) => columns.some((c) => c.name === column.name && c.type === column.type))
  return alterTable(withTables(state, [{ ...table, columns: kept }]), tableId, { name, columns })
}

function isSame(left: readonly Column[], right: readonly Column[]): boolean {
  return (
    left.length === right.length &&
    left.every(({ name, type }, index) => right[index]?.name === name && right[index].type === type)
  )
}

function checkTypes(name: string, table: readonly Column[], query: readonly Column[], mayExtend: boolean): void {
  const fits =
    query.length >= table.length &&
    (mayExtend || query.length === table.length) &&
    table.every(({ type }, index) => query[index]?.type === type)
  if (fits) return
  throw badRequest(
    `Query schema does not match table schema. QuerySchema=(${typeList(query)}), TableSchema=(${typeList(table)}), Table='${name}'`,
  )
}

function typeList(columns: readonly Column[]): string {
  return columns.map(({ type }) => `'${type}'`).join(', ')
}

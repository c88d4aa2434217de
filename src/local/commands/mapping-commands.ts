import { ticksFromUnixMs } from '../../base/ticks.ts'
import {
  withDatabase,
  withTables,
  type CatalogState,
  type DatabaseRecord,
  type MappingRecord,
} from '../engine/catalog-state.ts'
import { entityNotFound } from '../engine/entity-errors.ts'
import { checkMapping, isMapping, MAPPING_KINDS, putMapping, removeMapping } from '../engine/mappings.ts'
import { tableById } from '../engine/table-edits.ts'
import { notSupported } from '../server/local-error.ts'
import {
  requireDatabase,
  requireTable,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { Scanner } from './scan.ts'

type Mode = 'create' | 'create-or-alter' | 'alter'

/** Commands about stored ingestion mappings. */
export const MAPPING_COMMANDS: CommandFamily = {
  CreateTableIngestionMapping: { run: (context) => put(context, tableOwner(context), 'create') },
  CreateOrAlterTableIngestionMapping: { run: (context) => put(context, tableOwner(context), 'create-or-alter') },
  AlterTableIngestionMapping: { run: (context) => put(context, tableOwner(context), 'alter') },
  CreateDatabaseIngestionMapping: { run: (context) => put(context, databaseOwner(context), 'create') },
  CreateOrAlterDatabaseIngestionMapping: { run: (context) => put(context, databaseOwner(context), 'create-or-alter') },
  AlterDatabaseIngestionMapping: { run: (context) => put(context, databaseOwner(context), 'alter') },
  ShowTableIngestionMappings: { run: (context) => show(context, tableOwner(context)) },
  ShowTableIngestionMapping: { run: (context) => showOne(context, tableOwner(context)) },
  ShowDatabaseIngestionMappings: { run: (context) => show(context, databaseOwner(context, scannedDatabase(context))) },
  DropTableIngestionMapping: { run: (context) => drop(context, tableOwner(context)) },
  DropDatabaseIngestionMapping: { run: (context) => drop(context, databaseOwner(context)) },
}

/** A table or database that holds mappings. */
interface Owner {
  readonly database: string
  readonly table: string
  read(state: CatalogState): readonly MappingRecord[]
  write(state: CatalogState, mappings: readonly MappingRecord[]): CatalogState
}

function tableOwner(context: CommandContext): Owner {
  const { id, name } = requireTable(context, context.args.one('TableName'))
  return {
    database: context.database.name,
    table: name,
    read: (state) => tableById(state, id).mappings,
    write: (state, mappings) => withTables(state, [{ ...tableById(state, id), mappings }]),
  }
}

function databaseOwner(context: CommandContext, argument = context.args.maybe('DatabaseName')): Owner {
  const { id, name } = requireDatabase(context, argument)
  const record = (state: CatalogState): DatabaseRecord => {
    const found = state.databases.get(id)
    if (found === undefined) throw entityNotFound('Database', name)
    return found
  }
  return {
    database: name,
    table: '',
    read: (state) => record(state).mappings,
    write: (state, mappings) => withDatabase(state, { ...record(state), mappings }),
  }
}

/** The grammar does not label the name in `.show database D ingestion mappings`. */
function scannedDatabase(context: CommandContext): string | undefined {
  const scanner = new Scanner(context.text)
  scanner.expect('.', 'show', 'database')
  if (scanner.accept('ingestion') && scanner.next.text.toLowerCase() !== 'ingestion') return undefined
  const again = new Scanner(context.text)
  again.expect('.', 'show', 'database')
  return again.name()
}

function kindOf(context: CommandContext): string {
  const kind = context.args.one('MappingKind').toLowerCase()
  if (!MAPPING_KINDS.includes(kind)) throw notSupported(`ingestion mapping of kind ${kind}`)
  return kind
}

async function put(context: CommandContext, owner: Owner, mode: Mode): Promise<CommandResult> {
  const { args } = context
  args.properties([])
  const kind = kindOf(context)
  const mapping = args.one('MappingFormat')
  checkMapping(kind, mapping)
  const updatedTicks = String(ticksFromUnixMs(Date.now()))
  const record = { kind, name: args.one('MappingName'), mapping, updatedTicks }
  await context.services.catalog.change((state) => owner.write(state, putMapping(owner.read(state), record, mode)))
  return rows(context, owner, [record])
}

async function drop(context: CommandContext, owner: Owner): Promise<CommandResult> {
  const kind = kindOf(context)
  const name = context.args.one('MappingName')
  const gone = owner.read(context.services.catalog.state).filter((mapping) => isMapping(mapping, kind, name))
  await context.services.catalog.change((state) => owner.write(state, removeMapping(owner.read(state), kind, name)))
  return rows(context, owner, gone)
}

function show(context: CommandContext, owner: Owner): CommandResult {
  const kind = context.args.maybe('MappingKind')?.toLowerCase()
  const mappings = owner.read(context.services.catalog.state)
  return rows(
    context,
    owner,
    mappings.filter((mapping) => kind === undefined || mapping.kind === kind),
  )
}

function showOne(context: CommandContext, owner: Owner): CommandResult {
  const kind = kindOf(context)
  const name = context.args.one('MappingName')
  const found = owner.read(context.services.catalog.state).filter((mapping) => isMapping(mapping, kind, name))
  if (found.length === 0) throw entityNotFound('IngestionMapping', name)
  return rows(context, owner, found)
}

/** Kinds are shown with a capital, as the service writes them. */
function rows(context: CommandContext, owner: Owner, mappings: readonly MappingRecord[]): CommandResult {
  const hasTable = context.columns.some(({ name }) => name === 'Table')
  return tableOf(
    context.columns,
    mappings.map(({ kind, name, mapping, updatedTicks }): RowRecord => ({
      Name: name,
      Kind: kind === 'w3clogfile' ? 'W3CLogFile' : kind.charAt(0).toUpperCase() + kind.slice(1),
      Mapping: mapping,
      LastUpdatedOn: BigInt(updatedTicks),
      Database: owner.database,
      ...(hasTable ? { Table: owner.table } : {}),
    })),
  )
}

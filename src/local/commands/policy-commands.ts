import { formatTimespan, parseTimespan } from '../../base/ticks.ts'
import { withDatabase, withTables, type CatalogState, type PolicyRecords } from '../engine/catalog-state.ts'
import { badRequest, entityNotFound } from '../engine/entity-errors.ts'
import { buildPolicy, parsePolicy, POLICIES } from '../engine/policies.ts'
import { columnOf, tableById } from '../engine/table-edits.ts'
import { notSupported } from '../server/local-error.ts'
import {
  requireDatabase,
  requireTable,
  schemaOf,
  tableOf,
  type CommandContext,
  type CommandDefinition,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { Scanner } from './scan.ts'

const POLICY_ROW = schemaOf('PolicyName:string,EntityName:string,Policy:string,ChildEntities:string,EntityType:string')

interface PolicyFamily {
  /** How the official command names spell the policy: `AlterTablePolicy<title>`. */
  readonly title: string
  readonly keyword: string
  /** What goes before `Policy<title>` in the names of the commands that there are. */
  readonly prefixes: readonly string[]
}

const TABLE = ['ShowTable', 'DeleteTable', 'AlterTable']
const STAR = [...TABLE, 'ShowTableStar']
const MERGE = ['AlterMergeTable']
const TABLES = ['AlterTables']
const DATABASE = ['ShowDatabase', 'DeleteDatabase', 'AlterDatabase']
const DATABASE_MERGE = [...DATABASE, 'AlterMergeDatabase']

const FAMILIES: readonly PolicyFamily[] = [
  {
    title: 'IngestionBatching',
    keyword: 'ingestionbatching',
    prefixes: [...STAR, ...MERGE, ...TABLES, ...DATABASE_MERGE],
  },
  { title: 'StreamingIngestion', keyword: 'streamingingestion', prefixes: [...TABLE, ...MERGE, ...DATABASE_MERGE] },
  { title: 'Retention', keyword: 'retention', prefixes: [...STAR, ...MERGE, ...TABLES, ...DATABASE_MERGE] },
  { title: 'AutoDelete', keyword: 'auto_delete', prefixes: TABLE },
  { title: 'Merge', keyword: 'merge', prefixes: [...STAR, ...MERGE, ...TABLES, ...DATABASE_MERGE] },
  { title: 'Caching', keyword: 'caching', prefixes: [...STAR, ...TABLES, ...DATABASE] },
  { title: 'Sharding', keyword: 'sharding', prefixes: [...STAR, ...MERGE, ...DATABASE_MERGE] },
  { title: 'Partitioning', keyword: 'partitioning', prefixes: [...STAR, ...MERGE] },
  // The stored text of a row order policy is not documented, so it can be shown and deleted, not set.
  { title: 'RowOrder', keyword: 'roworder', prefixes: ['ShowTable', 'ShowTableStar', 'DeleteTable'] },
  { title: 'Update', keyword: 'update', prefixes: [...STAR, ...MERGE] },
  { title: 'IngestionTime', keyword: 'ingestiontime', prefixes: [...STAR, ...TABLES] },
  { title: 'ExtentTagsRetention', keyword: 'extent_tags_retention', prefixes: [...STAR, ...DATABASE] },
  { title: 'RestrictedViewAccess', keyword: 'restricted_view_access', prefixes: [...STAR, ...TABLES] },
  { title: 'RowLevelSecurity', keyword: 'row_level_security', prefixes: STAR },
]

/** Commands about policies. */
export const POLICY_COMMANDS: Readonly<Record<string, CommandDefinition>> = {
  ...Object.fromEntries(FAMILIES.flatMap(commandsOf)),
  ShowTablePolicyEncoding: {
    run: (context) => {
      const table = requireTable(context, context.args.one('TableName'))
      return columnRows(
        context,
        table.columns.map(({ name }) => ({ table: table.name, column: name })),
      )
    },
  },
  ShowColumnPolicyEncoding: { run: (context) => columnRows(context, [context.args.qualifiedColumn()]) },
  AlterColumnPolicyEncodingType: { run: (context) => setEncoding(context, context.args.one('EncodingPolicyType')) },
  DeleteColumnPolicyEncoding: { run: (context) => setEncoding(context, undefined) },
}

function commandsOf({ title, keyword, prefixes }: PolicyFamily): readonly (readonly [string, CommandDefinition])[] {
  return prefixes.map((prefix) => [`${prefix}Policy${title}`, commandOf(prefix, keyword)])
}

function commandOf(prefix: string, keyword: string): CommandDefinition {
  const entities = prefix.endsWith('Database') ? namedDatabase : prefix.endsWith('Star') ? everyTable : namedTables
  if (prefix.startsWith('Show')) return { run: (context) => rows(context, keyword, entities(context)) }
  if (prefix.startsWith('Delete')) return { run: (context) => remove(context, keyword, entities(context)) }
  const merge = prefix.startsWith('AlterMerge')
  return { run: (context) => alter(context, keyword, entities(context), merge) }
}

function namedTables(context: CommandContext): readonly Entity[] {
  return context.args.all('TableName').map((name) => tableEntity(context, name))
}

function namedDatabase(context: CommandContext): readonly Entity[] {
  return [databaseEntity(context)]
}

/** A table or database that holds policies. */
interface Entity {
  readonly name: string
  readonly type: 'Table' | 'Database'
  readonly children: () => readonly string[]
  read(state: CatalogState): PolicyRecords
  write(state: CatalogState, policies: PolicyRecords): CatalogState
}

function tableEntity(context: CommandContext, tableName: string): Entity {
  const { id, name } = requireTable(context, tableName)
  return {
    name: `[${context.database.name}].[${name}]`,
    type: 'Table',
    children: () => [],
    read: (state) => tableById(state, id).policies,
    write: (state, policies) => withTables(state, [{ ...tableById(state, id), policies }]),
  }
}

function everyTable(context: CommandContext): readonly Entity[] {
  return context.services.catalog
    .tables(context.database.name)
    .filter(({ hidden }) => !hidden)
    .map(({ name }) => tableEntity(context, name))
}

function databaseEntity(context: CommandContext): Entity {
  const { id, name } = requireDatabase(context, context.args.maybe('DatabaseName'))
  return {
    name: `[${name}]`,
    type: 'Database',
    children: () =>
      context.services.catalog
        .tables(name)
        .filter(({ hidden }) => !hidden)
        .map((table) => table.name),
    read: (state) => state.databases.get(id)?.policies ?? {},
    write: (state, policies) => {
      const record = state.databases.get(id)
      if (record === undefined) throw entityNotFound('Database', name)
      return withDatabase(state, { ...record, policies })
    },
  }
}

async function alter(
  context: CommandContext,
  keyword: string,
  entities: readonly Entity[],
  merge: boolean,
): Promise<CommandResult> {
  const sent = sentPolicy(context, keyword)
  await context.services.catalog.change((state) =>
    entities.reduce((next, entity) => {
      const policies = entity.read(next)
      const before = merge && policies[keyword] !== undefined ? parsePolicy(keyword, policies[keyword]) : undefined
      // Update policies are lists, and alter-merge appends to them.
      const policy =
        Array.isArray(sent) && Array.isArray(before) ? [...(before as unknown[]), ...(sent as unknown[])] : sent
      return entity.write(next, { ...policies, [keyword]: buildPolicy(keyword, policy, before) })
    }, state),
  )
  return rows(context, keyword, entities)
}

async function remove(context: CommandContext, keyword: string, entities: readonly Entity[]): Promise<CommandResult> {
  await context.services.catalog.change((state) =>
    entities.reduce((next, entity) => {
      const { [keyword]: _removed, ...policies } = entity.read(next)
      return entity.write(next, policies)
    }, state),
  )
  return rows(context, keyword, entities)
}

/** The policy that the command carries: JSON, or the short forms that some policies have instead. */
function sentPolicy(context: CommandContext, keyword: string): unknown {
  const { args } = context
  switch (keyword) {
    case 'caching': {
      const hot = args.maybe('Timespan')
      const data = spanText(hot ?? args.one('HotData'))
      const index = spanText(hot ?? args.one('HotIndex'))
      return { DataHotSpan: { Value: data }, IndexHotSpan: { Value: index } }
    }
    case 'ingestiontime':
      return { IsEnabled: flag(context) }
    case 'restricted_view_access':
      if (flag(context)) throw notSupported('an enabled restricted view access policy')
      return { IsEnabled: false }
    case 'row_level_security':
      if (args.has('enable') || !args.has('disable')) throw notSupported('an enabled row level security policy')
      if (args.has('with')) throw notSupported('a property of the row level security policy')
      return { IsEnabled: false, Query: args.one('Query') }
    case 'streamingingestion': {
      const status = args.maybe('Status')?.toLowerCase()
      if (status !== undefined) return { IsEnabled: status === 'enable' }
      break
    }
    case 'retention': {
      const softDelete = args.maybe('SoftDeleteValue')
      const recoverability = args.maybe('RecoverabilityValue')
      if (softDelete !== undefined || recoverability !== undefined) {
        return {
          ...(softDelete === undefined ? {} : { SoftDeletePeriod: spanText(softDelete) }),
          ...(recoverability === undefined
            ? {}
            : { Recoverability: recoverability.toLowerCase() === 'enabled' ? 'Enabled' : 'Disabled' }),
        }
      }
      break
    }
    default:
  }
  const json = args.pairs.find(([label]) => label.endsWith('Policy'))?.[1] ?? lastString(context.text)
  if (json === undefined) throw badRequest(`policy ${keyword}: expected JSON`)
  return parsePolicy(keyword, json)
}

/** Some of the commands about several tables do not label their JSON; it is the last thing they say. */
function lastString(text: string): string | undefined {
  const scanner = new Scanner(text)
  let last = scanner.next
  while (scanner.next.kind !== 'end') last = scanner.take()
  return last.kind === 'string' ? last.value : undefined
}

/** `true` or `false` as the last word of the command. */
function flag(context: CommandContext): boolean {
  const match = /\b(true|false)\s*$/i.exec(context.text)
  if (match === null) throw badRequest('expected true or false')
  return match[1]?.toLowerCase() === 'true'
}

const SPAN = /^(\d+(?:\.\d+)?)\s*(d|days?|h|hours?|m|minutes?|s|seconds?)$/i
const SECONDS: ReadonlyMap<string, number> = new Map([
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
])

/** The .NET text of a timespan literal: `10d` is `10.00:00:00`. */
function spanText(literal: string): string {
  const text = literal.replace(/^time(?:span)?\s*\((.*)\)$/i, '$1').trim()
  const match = SPAN.exec(text)
  if (match === null) {
    try {
      return formatTimespan(parseTimespan(text))
    } catch {
      throw badRequest(`'${literal}' is not a timespan`)
    }
  }
  const seconds = Number(match[1]) * (SECONDS.get(match[2]?.charAt(0).toLowerCase() ?? '') ?? 0)
  return formatTimespan(BigInt(Math.round(seconds * 10_000_000)))
}

function rows(context: CommandContext, keyword: string, entities: readonly Entity[]): CommandResult {
  const { state } = context.services.catalog
  return tableOf(
    POLICY_ROW,
    entities.map((entity): RowRecord => ({
      PolicyName: POLICIES.get(keyword)?.title ?? keyword,
      EntityName: entity.name,
      Policy: entity.read(state)[keyword] ?? 'null',
      ChildEntities: entity.type === 'Database' ? JSON.stringify(entity.children()) : '',
      EntityType: entity.type,
    })),
  )
}

const ENCODINGS: ReadonlySet<string> = new Set(['Identifier', 'BigObject', 'BigObject32', 'Vector16', 'Null'])

async function setEncoding(context: CommandContext, type: string | undefined): Promise<CommandResult> {
  if (type !== undefined && !ENCODINGS.has(type)) throw badRequest(`'${type}' is not an encoding policy type`)
  const target = context.args.qualifiedColumn()
  const { id } = requireTable(context, target.table)
  await context.services.catalog.change((state) => {
    const table = tableById(state, id)
    const column = String(columnOf(table, target.column).id)
    const { [column]: _before, ...others } = table.columnPolicies
    const columnPolicies =
      type === undefined ? others : { ...others, [column]: { encoding: JSON.stringify({ EncodingPolicyType: type }) } }
    return withTables(state, [{ ...table, columnPolicies }])
  })
  return columnRows(context, [target])
}

function columnRows(
  context: CommandContext,
  columns: readonly { readonly table: string; readonly column: string }[],
): CommandResult {
  return tableOf(
    POLICY_ROW,
    columns.map(({ table, column }): RowRecord => {
      const record = requireTable(context, table)
      return {
        PolicyName: 'EncodingPolicy',
        EntityName: `[${context.database.name}].[${table}].[${column}]`,
        Policy: record.columnPolicies[String(columnOf(record, column).id)]?.['encoding'] ?? 'null',
        EntityType: 'Column',
      }
    }),
  )
}

import { tablesOf, type DatabaseRecord, type TableRecord } from '../engine/catalog-state.ts'
import { readExtents, type Extent } from '../engine/extents.ts'
import type { ResultTable } from '../engine/result-table.ts'
import type { Column } from '../lang/syntax.ts'
import {
  current,
  requireTable,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { CLR_TYPES, tableCsl } from './schema-text.ts'
import { listingRow, tableRow } from './table-commands.ts'

/** Commands that show tables. */
export const SHOW_TABLE_COMMANDS: CommandFamily = {
  ShowTables: { run: (context) => showTables(context, context.args.all('TableName'), false, context.columns) },
  ShowTablesDetails: { run: (context) => details(context, context.args.all('TableName')) },
  ShowTableDetails: { run: (context) => details(context, [context.args.one('TableName')]) },
  ShowTable: { run: showTable },
  ShowTableSchemaAsJson: {
    run: (context) =>
      tableOf(context.columns, [tableRow(context, requireTable(context, context.args.one('TableName')))]),
  },
  ShowTableCslSchema: {
    run: (context) => {
      const table = requireTable(context, context.args.one('TableName'))
      return tableOf(context.columns, [cslRow(context, table)])
    },
  },
  ShowDatabaseCslSchema: {
    run: (context) =>
      tableOf(
        context.columns,
        visible(context, []).map((table) => cslRow(context, table)),
      ),
  },
}

function cslRow(context: CommandContext, table: TableRecord): RowRecord {
  return { ...tableRow(context, table), Schema: tableCsl(table) }
}

/** All tables of the database that are not hidden, or the ones named. */
function visible(context: CommandContext, names: readonly string[], withHidden = false): readonly TableRecord[] {
  if (names.length > 0) return names.map((name) => requireTable(context, name))
  const { state } = context.services.catalog
  return tablesOf(state, context.database.id).filter(({ hidden }) => withHidden || !hidden)
}

export function showTables(
  context: CommandContext,
  names: readonly string[],
  withHidden: boolean,
  columns: readonly Column[],
): ResultTable {
  const tables = visible(context, names, withHidden)
  return tableOf(
    columns,
    tables.map((table) => listingRow(context, table)),
  )
}

async function details(context: CommandContext, names: readonly string[]): Promise<CommandResult> {
  const tables = visible(context, names)
  const extents = await readExtents(context.session, { tableIds: tables.map(({ id }) => id) })
  const database = current(context)
  const byTable = new Map<number, Extent[]>()
  for (const extent of extents) {
    const list = byTable.get(extent.tableId)
    if (list === undefined) byTable.set(extent.tableId, [extent])
    else list.push(extent)
  }
  const rows = tables.map((table) => detailsRow(context, database, table, byTable.get(table.id) ?? []))
  return tableOf(context.columns, rows)
}

/** Everything is hot: there is no cold storage to move it to. */
function detailsRow(
  context: CommandContext,
  database: DatabaseRecord,
  table: TableRecord,
  extents: readonly Extent[],
): RowRecord {
  const size = Number(extents.reduce((sum, extent) => sum + extent.size, 0n))
  const rowCount = extents.reduce((sum, extent) => sum + extent.rowCount, 0n)
  const count = BigInt(extents.length)
  const policy = (name: string): string => table.policies[name] ?? database.policies[name] ?? 'null'
  return {
    ...listingRow(context, table),
    TotalExtents: count,
    TotalExtentSize: size,
    TotalOriginalSize: size,
    TotalRowCount: rowCount,
    HotExtents: count,
    HotExtentSize: size,
    HotOriginalSize: size,
    HotRowCount: rowCount,
    AuthorizedPrincipals: '[]',
    RetentionPolicy: policy('retention'),
    CachingPolicy: policy('caching'),
    ShardingPolicy: policy('sharding'),
    MergePolicy: policy('merge'),
    StreamingIngestionPolicy: policy('streamingingestion'),
    IngestionBatchingPolicy: policy('ingestionbatching'),
    MinExtentsCreationTime: extreme(
      extents.map(({ createdMin }) => createdMin),
      (a, b) => a < b,
    ),
    MaxExtentsCreationTime: extreme(
      extents.map(({ createdMax }) => createdMax),
      (a, b) => a > b,
    ),
    RowOrderPolicy: policy('roworder'),
    TableId: table.guid,
  }
}

function extreme(values: readonly bigint[], isBetter: (a: bigint, b: bigint) => boolean): bigint | null {
  return values.reduce<bigint | null>((best, value) => (best === null || isBetter(value, best) ? value : best), null)
}

/** Names and types of the columns; the figures of a column store that does not exist here are null. */
function showTable(context: CommandContext): CommandResult {
  const table = requireTable(context, context.args.one('TableName'))
  const rows = table.columns.map(({ name, type }) => ({ AttributeName: name, AttributeType: CLR_TYPES[type] }))
  return tableOf(context.columns, rows)
}

import { columnOf, alterColumnType, dropColumns, renameColumn, setColumnDocStrings } from '../engine/table-edits.ts'
import { scalarType } from './command-arguments.ts'
import { requireTable, tableOf, type CommandContext, type CommandFamily, type CommandResult } from './command.ts'
import { Scanner } from './scan.ts'
import { CLR_TYPES } from './schema-text.ts'
import { tableRow } from './table-commands.ts'
import { syntaxError } from '../engine/entity-errors.ts'

/** Commands about single columns. */
export const COLUMN_COMMANDS: CommandFamily = {
  RenameColumn: { run: renameOne },
  RenameColumns: { run: renameMany },
  DropColumn: { run: (context) => dropOne(context, context.args.qualifiedColumn()) },
  DropTableColumns: {
    run: ({ args, ...context }) => dropMany({ args, ...context }, args.one('TableName'), args.all('ColumnName')),
  },
  AlterColumnType: { run: alterType },
  AlterTableColumnDocStrings: { run: (context) => docStrings(context, false) },
  AlterMergeTableColumnDocStrings: { run: (context) => docStrings(context, true) },
}

interface QualifiedColumn {
  readonly table: string
  readonly column: string
}

async function renameOne(context: CommandContext): Promise<CommandResult> {
  return rename(context, [{ ...context.args.qualifiedColumn(), to: context.args.one('NewColumnName') }])
}

/** `.rename columns new = T.old, ...` */
async function renameMany(context: CommandContext): Promise<CommandResult> {
  const scanner = new Scanner(context.text)
  scanner.expect('.', 'rename', 'columns')
  const renames: (QualifiedColumn & { readonly to: string })[] = []
  do {
    const to = scanner.name()
    scanner.expect('=')
    const table = scanner.name()
    scanner.expect('.')
    renames.push({ to, table, column: scanner.name() })
  } while (scanner.accept(','))
  scanner.end()
  return rename(context, renames)
}

async function rename(
  context: CommandContext,
  renames: readonly (QualifiedColumn & { readonly to: string })[],
): Promise<CommandResult> {
  const tables = renames.map(({ table }) => requireTable(context, table))
  await context.services.catalog.change((state) =>
    renames.reduce((next, { column, to }, index) => {
      const table = tables[index]
      if (table === undefined) throw syntaxError('expected Table.Column')
      return renameColumn(next, table.id, column, to)
    }, state),
  )
  return columnRows(
    context,
    renames.map(({ table, to }) => ({ table, column: to })),
  )
}

/** `.drop column T.c`; with `ifExists` a missing column or table is no error. */
export async function dropOne(
  context: CommandContext,
  { table, column }: QualifiedColumn,
  ifExists = false,
): Promise<CommandResult> {
  if (ifExists && !requireTable(context, table).columns.some(({ name }) => name === column)) {
    return tableOf(context.columns, [tableRow(context, requireTable(context, table))])
  }
  return dropMany(context, table, [column])
}

async function dropMany(context: CommandContext, table: string, columns: readonly string[]): Promise<CommandResult> {
  const { id } = requireTable(context, table)
  await context.services.catalog.change((state) => dropColumns(state, id, columns))
  return tableOf(context.columns, [tableRow(context, requireTable(context, table))])
}

async function alterType(context: CommandContext): Promise<CommandResult> {
  const { table, column } = context.args.qualifiedColumn()
  const { id } = requireTable(context, table)
  const type = scalarType(context.args.one('ColumnType'))
  await context.services.catalog.change((state) => alterColumnType(state, id, column, type))
  return columnRows(context, [{ table, column }])
}

async function docStrings(context: CommandContext, merge: boolean): Promise<CommandResult> {
  const name = context.args.one('TableName')
  const columns = context.args.all('ColumnName')
  const texts = context.args.all('DocString')
  const { id } = requireTable(context, name)
  const map = new Map(columns.map((column, index) => [column, texts[index] ?? '']))
  await context.services.catalog.change((state) => setColumnDocStrings(state, id, map, merge))
  return tableOf(context.columns, [tableRow(context, requireTable(context, name))])
}

function columnRows(context: CommandContext, columns: readonly QualifiedColumn[]): CommandResult {
  return tableOf(
    context.columns,
    columns.map(({ table, column }) => ({
      EntityName: `[${context.database.name}].[${table}].[${column}]`,
      DataType: CLR_TYPES[columnOf(requireTable(context, table), column).type],
    })),
  )
}

import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { elements, need } from '../lang/tree.ts'
import { jsonElement } from './casts.ts'
import { constantOf, type Context, semanticError } from './context.ts'
import { convert } from './convert.ts'
import { formatJson } from './json.ts'
import type { RelationColumn } from './relation.ts'
import { SCALAR_FUNCTIONS } from './scalar-functions.ts'
import { literal, notSupported, quoteText, type Sql } from './sql.ts'

type ContextFunction = (node: SyntaxNode, context: Context) => Sql

/** Functions that depend on where they are called rather than on their arguments alone. */
export const CONTEXT_FUNCTIONS: ReadonlyMap<string, ContextFunction> = new Map<string, ContextFunction>([
  ['bin_auto', binAuto],
  ['column_ifexists', columnIfExists],
  ['columnifexists', columnIfExists],
  ['column_names_of', columnNamesOf],
  ['pack_all', packAll],
  ['bag_pack_columns', packColumns],
  ['extent_id', extentValue('e.extent_id', 'guid')],
  ['extentid', extentValue('e.extent_id', 'guid')],
  ['extent_tags', extentValue('to_json(e.tags)::VARCHAR', 'dynamic')],
  ['ingestion_time', extentValue('e.ingested', 'datetime')],
  ['current_database', (_, context) => literal(context.query.database, 'string')],
])

/** Whether the query asks where its rows are stored. */
export function readsExtents(context: Context): boolean {
  return /\b(?:extent_?id|extent_tags|ingestion_time)\b/.test(context.query.text)
}

/** What is known about the extent that the row came in with. */
function extentValue(sql: string, type: ScalarName): ContextFunction {
  return (node, context) => {
    const extent = context.row?.extent
    const name = need(node, 'Name').name ?? ''
    if (extent === undefined) throw notSupported(`${name}() of rows that are not those of a stored table`)
    return { sql: `(SELECT ${sql} FROM catalog.extents e WHERE e.ordinal = ${extent})`, type }
  }
}

function argumentsOf(node: SyntaxNode): readonly SyntaxNode[] {
  return elements(need(node, 'ArgumentList'), 'Expressions')
}

function columnIfExists(node: SyntaxNode, context: Context): Sql {
  const [name, fallback] = argumentsOf(node)
  if (name === undefined || fallback === undefined)
    throw notSupported('column_ifexists() with other than two arguments')
  const wanted = constantOf(context.query.scalar(name, context), 'the column name of column_ifexists()')
  const column = context.row?.columns.find((each) => each.name === wanted)
  const value: Sql =
    column === undefined ? context.query.scalar(fallback, context) : { sql: column.id, type: column.type }
  const type = node.type ?? value.type
  return convert(value, type)
}

function columnNamesOf(node: SyntaxNode, context: Context): Sql {
  const [table] = argumentsOf(node)
  if (table === undefined) throw notSupported('column_names_of() without a table')
  const { row: _, ...outside } = context
  const relation = context.query.tabular(table, outside)
  return literal(formatJson(relation.columns.map((column) => column.name)), 'dynamic')
}

function packAll(node: SyntaxNode, context: Context): Sql {
  const [ignore] = argumentsOf(node)
  const skip =
    ignore === undefined ? false : constantOf(context.query.scalar(ignore, context), 'the argument of pack_all()')
  return { sql: bag(context.row?.columns ?? [], skip === true), type: 'dynamic' }
}

function packColumns(node: SyntaxNode, context: Context): Sql {
  const columns = argumentsOf(node).flatMap((each): readonly RelationColumn[] => {
    if (each.kind === 'StarExpression') return context.row?.columns ?? []
    const column = context.row?.columns.find((known) => known.name === each.name)
    if (column === undefined) throw notSupported('bag_pack_columns() of other than columns')
    return [column]
  })
  return { sql: bag(columns, false), type: 'dynamic' }
}

function bag(columns: readonly RelationColumn[], skipEmpty: boolean): string {
  if (columns.length === 0) return literal('{}', 'dynamic').sql
  const pairs = columns.map((column) => {
    const pair = `${quoteText(`${JSON.stringify(column.name)}:`)} || ${jsonElement({ sql: column.id, type: column.type })}`
    if (!skipEmpty) return pair
    const empty = column.type === 'string' ? `${column.id} = ''` : `${column.id} IS NULL`
    return `CASE WHEN ${empty} THEN NULL ELSE ${pair} END`
  })
  return `('{' || concat_ws(',', ${pairs.join(', ')}) || '}')`
}

/** `bin_auto(x)`: the bins are set by `set query_bin_auto_size` and `set query_bin_auto_at`. */
function binAuto(node: SyntaxNode, context: Context): Sql {
  const [argument] = argumentsOf(node)
  const size = context.query.optionValues.get('query_bin_auto_size')
  if (argument === undefined || size === undefined)
    throw semanticError('bin_auto() needs the option query_bin_auto_size')
  const value = context.query.scalar(argument, context)
  const at = context.query.optionValues.get('query_bin_auto_at')
  const name = at === undefined ? 'bin' : 'bin_at'
  const emit = SCALAR_FUNCTIONS.get(name)
  if (emit === undefined) throw notSupported('bin_auto()')
  const call = { name, resultType: node.type ?? value.type, nowTicks: context.query.nowTicks }
  return { sql: emit(at === undefined ? [value, size] : [value, size, at], call), type: call.resultType }
}

import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { readsExtents } from './context-functions.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren } from './operators-project.ts'
import { ascending, realias, type Relation, type RelationColumn } from './relation.ts'
import { notSupported, SQL_TYPES, type Sql } from './sql.ts'

/** A stored table. */
export function storedTable(database: string | undefined, name: string, context: Context): Relation {
  const table = context.query.table(database, name)
  if (table === undefined) throw semanticError(`the name '${name}' does not refer to a known table`)
  const { newId } = context.query
  const columns = table.columns.map((column): RelationColumn => ({ name: column.name, type: column.type, id: newId() }))
  const items = columns.map((column, index) => `${table.columns[index]?.physical ?? ''} AS ${column.id}`)
  // Carried only by queries that ask for it: a column that nobody reads still costs where rows are kept.
  const extent = table.extentColumn !== undefined && readsExtents(context) ? newId() : undefined
  if (extent !== undefined) items.push(`${table.extentColumn ?? ''} AS ${extent}`)
  if (items.length === 0) items.push(`1 AS ${newId()}`)
  const sql = `SELECT ${items.join(', ')} FROM ${table.sql}`
  return { sql, columns, order: [], partition: [], source: name, ...(extent === undefined ? {} : { extent }) }
}

/** A bare name: a `let`, a parameter, an `as`, or a table. */
export function namedTable(node: SyntaxNode, context: Context): Relation {
  const name = node.name ?? ''
  const binding = context.names.lookup(name)
  if (binding?.kind === 'table') return { ...realias(binding.relation, context.query.newId), source: name }
  if (binding !== undefined) throw notSupported(`the name ${name} as a table`)
  return storedTable(undefined, name, context)
}

/** `datatable(a:long) [1, 2]`. */
export function translateDataTable(node: SyntaxNode, context: Context): Relation {
  onlyChildren(
    node,
    'DataTableKeyword',
    'Parameters',
    'Schema',
    'OpenBracket',
    'LeadingComma',
    'Values',
    'CloseBracket',
  )
  if (elements(node, 'Parameters').length > 0) throw notSupported('parameters of datatable')
  const { newId } = context.query
  const columns = boundColumns(node).map((column): RelationColumn => ({ ...column, id: newId() }))
  const { row: _, ...outside } = context
  const values = elements(node, 'Values').map((each) => context.query.scalar(each, outside))
  if (columns.length === 0 || values.length % columns.length !== 0) {
    throw semanticError('the number of values of datatable is not a multiple of the number of columns')
  }
  const number = `n${newId()}`
  const ids = columns.map((column) => column.id)
  const order = [ascending(number)]
  if (values.length === 0) {
    const items = columns.map((column) => `NULL::${SQL_TYPES[column.type]} AS ${column.id}`)
    return { sql: `SELECT ${items.join(', ')}, 0::BIGINT AS ${number} WHERE false`, columns, order, partition: [] }
  }
  const rows: string[] = []
  for (let start = 0; start < values.length; start += columns.length) {
    const cells = columns.map((column, index) => typed(values[start + index], column))
    rows.push(`(${[...cells, `${rows.length}::BIGINT`].join(', ')})`)
  }
  return {
    sql: `SELECT * FROM (VALUES ${rows.join(', ')}) v(${[...ids, number].join(', ')})`,
    columns,
    order,
    partition: [],
  }
}

function typed(value: Sql | undefined, column: RelationColumn): string {
  if (value === undefined) throw new Error('a value of datatable is missing')
  return `(${castTo(value, column.type)})::${SQL_TYPES[column.type]}`
}

/** `range x from a to b step c`. */
export function translateRange(node: SyntaxNode, context: Context): Relation {
  const [column] = boundColumns(node)
  if (column === undefined) throw notSupported('this range')
  const { row: _, ...outside } = context
  const [from, to, step] = ['From', 'To', 'Step'].map((label) => context.query.scalar(need(node, label), outside))
  if (from === undefined || to === undefined || step === undefined) throw notSupported('this range')
  const stepType = column.type === 'datetime' ? 'timespan' : column.type
  const start = `(${castTo(from, column.type)})`
  const end = `(${castTo(to, column.type)})`
  const by = `(${castTo(step, stepType)})`
  const { newId } = context.query
  const number = `n${newId()}`
  const id = newId()
  const count = rowsOfRange(column.type, start, end, by)
  const constant = [from, to, step].every((each) => each.constant !== undefined && each.constant !== null)
  const numbers = constant
    ? `SELECT range AS ${number} FROM range(0, ${count})`
    : `SELECT unnest(range(0, ${count})) AS ${number}`
  const value =
    column.type === 'real'
      ? `${start} + ${number} * ${by}`
      : `CAST(${start} + ${number} * ${by} AS ${SQL_TYPES[column.type]})`
  return {
    sql: `SELECT ${value} AS ${id}, ${number} FROM (${numbers})`,
    columns: [{ name: column.name, type: column.type, id }],
    order: [ascending(number)],
    partition: [],
  }
}

/** Rows with the end included; none when the step leads away from it. */
function rowsOfRange(type: string, start: string, end: string, by: string): string {
  switch (type) {
    case 'int':
    case 'long':
    case 'datetime':
    case 'timespan':
      return `CASE WHEN (${end} < ${start}) = (${by} < 0) OR ${end} = ${start} THEN (${end} - ${start}) // ${by} + 1 ELSE 0 END`
    case 'real':
      return `greatest(CAST(floor((${end} - ${start}) / ${by}) AS BIGINT) + 1, 0)`
    default:
      throw notSupported(`range over ${type}`)
  }
}

/** `database("x").T` and `cluster(".").database("x").T`. */
export function translateTablePath(node: SyntaxNode, context: Context): Relation {
  const base = need(node, 'Expression')
  const selector = need(node, 'Selector')
  if (base.kind !== 'FunctionCallExpression' || need(base, 'Name').name !== 'database') {
    throw notSupported('a table on another cluster')
  }
  const [argument] = elements(need(base, 'ArgumentList'), 'Expressions')
  const name = argument === undefined ? undefined : context.query.scalar(argument, context).constant
  if (typeof name !== 'string' || selector.name === undefined) throw notSupported('a computed database name')
  return storedTable(name, selector.name, context)
}

/** `materialize(T)`: computed once however often it is used. */
export function translateMaterialize(node: SyntaxNode, context: Context): Relation {
  if (child(node, 'Parameters') !== undefined) throw notSupported('parameters of materialize()')
  const relation = context.query.tabular(need(node, 'Expression'), context)
  const name = `m${context.query.newId()}`
  context.query.materialized.push(`${name} AS MATERIALIZED (${relation.sql})`)
  return { ...relation, sql: `SELECT * FROM ${name}` }
}

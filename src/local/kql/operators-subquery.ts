import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, firstToken, need } from '../lang/tree.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren, rowValues } from './operators-project.ts'
import { operatorParameters } from './parameters.ts'
import { ascending, type Relation } from './relation.ts'
import { notSupported } from './sql.ts'
import { enterFunction, functionBinding } from './user-functions.ts'

/** `partition by key (subquery)`. */
export function translatePartition(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'PartitionKeyword', 'Parameters', 'ByKeyword', 'ByExpression', 'Scope', 'Operand')
  operatorParameters(node, [])
  if (child(node, 'Scope') !== undefined) throw notSupported('the scope of partition')
  const operand = need(node, 'Operand')
  if (operand.kind !== 'PartitionSubquery') throw notSupported('partition with a query in braces')
  const { relation, values } = rowValues([need(node, 'ByExpression')], input, context)
  const [key] = values
  if (key === undefined) throw semanticError('partition needs a key')
  const id = context.query.newId()
  const sql = `SELECT *, ${key.sql} AS ${id} FROM (${relation.sql})`
  const partition = [...relation.partition, id]
  const table: Relation = {
    sql,
    columns: relation.columns,
    order: relation.order,
    partition,
    partitions: `SELECT DISTINCT ${partition.join(', ')} FROM (${sql})`,
  }
  const { row: _, ...outside } = context
  const result = context.query.tabular(need(operand, 'Subquery'), { ...outside, input: table })
  const own = result.partition.at(-1)
  const order =
    own === undefined || result.order.length === 0 ? [] : [{ ...ascending(own), type: key.type }, ...result.order]
  const columns = boundColumns(node)
  return {
    sql: result.sql,
    columns: result.columns.map((column, index) => ({ ...column, name: columns[index]?.name ?? column.name })),
    order,
    partition: result.partition.slice(0, -1),
    ...(input.partitions === undefined ? {} : { partitions: input.partitions }),
  }
}

/** `as Name`. */
export function translateAs(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'AsKeyword', 'Parameters', 'Name')
  operatorParameters(node, [])
  const name = need(node, 'Name').name ?? ''
  const relation: Relation = { ...input, source: name }
  context.names.define(name, { kind: 'table', relation })
  return relation
}

/** `invoke f(...)`: the table becomes the first argument. */
export function translateInvoke(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'InvokeKeyword', 'Function')
  const call = need(node, 'Function')
  const binding = functionBinding(call, context)
  if (binding === undefined) throw notSupported(`invoke ${need(call, 'Name').name ?? ''}()`)
  const entered = enterFunction(call, binding, context, input)
  return context.query.tabular(entered.body, entered.context)
}

/** A call that gives a table: a function of the query, or `table("T")`. */
export function translateTableCall(node: SyntaxNode, context: Context): Relation {
  const binding = functionBinding(node, context)
  if (binding !== undefined) {
    const entered = enterFunction(node, binding, context)
    return { ...context.query.tabular(entered.body, entered.context), source: binding.name }
  }
  const name = need(node, 'Name').name ?? ''
  if (name !== 'table') throw notSupported(`the function ${name}() as a table`)
  const [argument, ...more] = elements(need(node, 'ArgumentList'), 'Expressions')
  const wanted = argument === undefined ? undefined : context.query.scalar(argument, context).constant
  if (typeof wanted !== 'string' || more.length > 0) throw notSupported('table() with other than one name')
  return context.query.tabular(
    { kind: 'NameReference', name: wanted, start: node.start, end: node.end, children: [] },
    context,
  )
}

/** The visualization property of a query without `render`, and what `render` starts from. */
export const RENDER_DEFAULTS: Readonly<Record<string, unknown>> = {
  Visualization: null,
  Title: null,
  XColumn: null,
  Series: null,
  YColumns: null,
  AnomalyColumns: null,
  XTitle: null,
  YTitle: null,
  XAxis: null,
  YAxis: null,
  Legend: null,
  YSplit: null,
  Accumulate: false,
  IsQuerySorted: false,
  Kind: null,
  Ymin: 'NaN',
  Ymax: 'NaN',
  Xmin: null,
  Xmax: null,
}

/** `render`: the rows stay as they are, the wish travels beside them. */
export function translateRender(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'RenderKeyword', 'ChartType', 'Parameters', 'WithClause')
  const settings: Record<string, unknown> = { ...RENDER_DEFAULTS, IsQuerySorted: input.order.length > 0 }
  settings['Visualization'] = firstToken(need(node, 'ChartType'))?.value ?? firstToken(need(node, 'ChartType'))?.text
  const clause = child(node, 'WithClause')
  // `render barchart kind=stacked` is the older form of `with (kind=stacked)`.
  const properties = [...elements(node, 'Parameters'), ...(clause === undefined ? [] : elements(clause, 'Properties'))]
  for (const property of properties) {
    const name = need(property, 'Name').name ?? ''
    const key = Object.keys(RENDER_DEFAULTS).find((each) => each.toLowerCase() === name.toLowerCase())
    if (key === undefined) throw notSupported(`the render property ${name}`)
    settings[key] = renderValue(need(property, 'Expression'))
  }
  context.query.visualization = settings
  return input
}

function renderValue(node: SyntaxNode): unknown {
  if (node.kind === 'NameReferenceList') return columnNames(node).join(',')
  if (node.value !== undefined) return node.value
  if (node.name !== undefined) return node.name
  const text = firstToken(node)?.value ?? firstToken(node)?.text ?? null
  if (node.type === 'bool') return text === 'true'
  return node.type === 'long' || node.type === 'real' ? Number(text) : text
}

function columnNames(node: SyntaxNode): readonly string[] {
  return node.name === undefined ? node.children.flatMap(columnNames) : [node.name]
}

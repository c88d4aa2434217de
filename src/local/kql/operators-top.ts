import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren, output, rowValues } from './operators-project.ts'
import { aggregateValues } from './operators-summarize.ts'
import { operatorParameters } from './parameters.ts'
import { filter, firstRows, type OrderTerm, orderList, type Relation, type RelationColumn } from './relation.ts'
import { notSupported, SQL_TYPES, type Sql } from './sql.ts'

/** `top-hitters N of x [by y]`. The service estimates; here counts and sums are exact. */
export function translateTopHitters(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'TopHittersKeyword', 'Expression', 'OfKeyword', 'OfExpression', 'ByClause')
  if (input.partition.length > 0) throw notSupported('top-hitters inside a partitioned subquery')
  const clause = child(node, 'ByClause')
  const nodes = [need(node, 'OfExpression'), ...(clause === undefined ? [] : [need(clause, 'Expression')])]
  const { relation, values } = rowValues(nodes, input, context)
  const [key, weight] = values
  const [keyColumn, sumColumn, ...more] = boundColumns(node)
  if (key === undefined || keyColumn === undefined || sumColumn === undefined || more.length > 0) {
    throw notSupported('this top-hitters')
  }
  const [keyId, sumId] = [context.query.newId(), context.query.newId()]
  const total = weight === undefined ? 'count(*)' : `sum(${weight.sql})`
  const rows = `SELECT *, ${output(keyColumn, key).sql} AS ${keyId} FROM (${relation.sql})`
  const sql = `SELECT ${keyId}, CAST(${total} AS ${SQL_TYPES[sumColumn.type]}) AS ${sumId} FROM (${rows}) GROUP BY ${keyId}`
  const order: OrderTerm = { id: sumId, type: sumColumn.type, descending: true, nulls: 'last' }
  const columns: readonly RelationColumn[] = [
    { ...keyColumn, id: keyId },
    { ...sumColumn, id: sumId },
  ]
  return firstRows({ sql, columns, order: [order], partition: [] }, rowCount(need(node, 'Expression'), context))
}

/** `top-nested`: the best groups, in each of them the best of the next level, and so on. */
export function translateTopNested(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'Clauses')
  if (input.partition.length > 0) throw notSupported('top-nested inside a partitioned subquery')
  const { newId } = context.query
  const columns = boundColumns(node)
  const clauses = elements(node, 'Clauses')
  if (columns.length !== clauses.length * 2) throw notSupported('this top-nested')
  let rows: Relation = input
  let groups = ''
  const made: RelationColumn[] = []
  clauses.forEach((clause, level) => {
    onlyChildren(clause, 'TopNestedKeyword', 'Expression', 'OfKeyword', 'OfExpression', 'ByKeyword', 'ByExpression')
    const by = need(clause, 'ByExpression')
    const [keyColumn, valueColumn] = [columns[level * 2], columns[level * 2 + 1]]
    const hoisted = rowValues([named(need(clause, 'OfExpression'))], rows, context)
    const [key] = hoisted.values
    if (key === undefined || keyColumn === undefined || valueColumn === undefined) throw notSupported('this top-nested')
    const [keyId, valueId] = [newId(), newId()]
    const keyed = `SELECT *, ${output(keyColumn, key).sql} AS ${keyId} FROM (${hoisted.relation.sql})`
    const ordered = by.kind === 'OrderedExpression' ? need(by, 'Expression') : by
    const [value, ...more] = aggregateValues(named(ordered), { ...hoisted.relation, sql: keyed }, context)
    if (value === undefined || more.length > 0) throw notSupported('this aggregate of top-nested')
    const outer = made.map((column) => column.id)
    const grouped = `SELECT ${[...outer, keyId].join(', ')}, ${output(valueColumn, value).sql} AS ${valueId} FROM (${keyed}) GROUP BY ${[...outer, keyId].join(', ')}`
    const limit = child(clause, 'Expression')
    groups =
      limit === undefined
        ? grouped
        : best(grouped, outer, { ...valueColumn, id: valueId }, by, rowCount(limit, context))
    made.push({ ...keyColumn, id: keyId }, { ...valueColumn, id: valueId })
    // The next level sees the rows of the groups that are left.
    const [kept, seen] = [newId(), newId()]
    const same = [...outer, keyId].map((id) => `${seen}.${id} IS NOT DISTINCT FROM ${kept}.${id}`).join(' AND ')
    rows = {
      ...rows,
      sql: `SELECT ${seen}.*, ${kept}.${valueId} FROM (${keyed}) ${seen} JOIN (${groups}) ${kept} ON ${same}`,
    }
  })
  return { sql: groups, columns: made, order: [], partition: [] }
}

/** Groups that tie for the last place cannot be told apart by what the query says; any of them will do. */
function best(groups: string, outer: readonly string[], value: RelationColumn, by: SyntaxNode, count: string): string {
  const ordering = by.kind === 'OrderedExpression' ? child(by, 'Ordering') : undefined
  const descending = ordering === undefined || child(ordering, 'AscOrDescKeyword')?.text !== 'asc'
  const order = orderList([{ id: value.id, type: value.type, descending, nulls: 'last' }])
  const within = outer.length === 0 ? '' : `PARTITION BY ${outer.join(', ')} `
  return `SELECT * FROM (${groups}) QUALIFY row_number() OVER (${within}ORDER BY ${order}) <= ${count}`
}

function named(node: SyntaxNode): SyntaxNode {
  return node.kind === 'SimpleNamedExpression' ? need(node, 'Expression') : node
}

/** `sample N`: any rows. */
export function translateSample(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'SampleKeyword', 'Parameters', 'Expression')
  operatorParameters(node, [])
  if (input.partition.length > 0) throw notSupported('sample inside a partitioned subquery')
  return filter(input, `ORDER BY random() LIMIT ${rowCount(need(node, 'Expression'), context)}`)
}

/** `sample-distinct N of x`: any of the values, each once. */
export function translateSampleDistinct(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'SampleDistinctKeyword', 'Parameters', 'Expression', 'OfKeyword', 'OfExpression')
  operatorParameters(node, [])
  if (input.partition.length > 0) throw notSupported('sample-distinct inside a partitioned subquery')
  const { relation, values } = rowValues([need(node, 'OfExpression')], input, context)
  const [column, ...more] = boundColumns(node)
  const value: Sql | undefined = values[0]
  if (column === undefined || value === undefined || more.length > 0) throw notSupported('this sample-distinct')
  const id = context.query.newId()
  const count = rowCount(need(node, 'Expression'), context)
  const sql = `SELECT DISTINCT ${output(column, value).sql} AS ${id} FROM (${relation.sql}) LIMIT ${count}`
  return { sql, columns: [{ ...column, id }], order: [], partition: [] }
}

function rowCount(node: SyntaxNode, context: Context): string {
  const { row: _, ...outside } = context
  const value = context.query.scalar(node, outside)
  if (value.type === 'dynamic') throw semanticError('a number of rows is a number')
  return `greatest(${castTo(value, 'long')}, 0)`
}

import type { SyntaxNode } from '../lang/syntax.ts'
import { child, descendants, elements, need } from '../lang/tree.ts'
import { callName, isAggregate, translateAggregate } from './calls.ts'
import type { Context } from './context.ts'
import { boundColumns, extentOf, onlyChildren, output, rowValues } from './operators-project.ts'
import { perPartition } from './operators-rows.ts'
import { operatorParameters } from './parameters.ts'
import { numbered, type Relation, type RelationColumn } from './relation.ts'
import { notSupported, SQL_TYPES, type Sql } from './sql.ts'

/** Aggregates whose value depends on the order of the rows. */
const ORDERED: ReadonlySet<string> = new Set([
  'make_list',
  'make_list_if',
  'make_list_with_nulls',
  'makelist',
  'make_set',
  'make_set_if',
  'makeset',
  'make_bag',
  'make_bag_if',
  'make_dictionary',
  'take_any',
  'take_anyif',
  'any',
  'arg_max',
  'arg_min',
  'argmax',
  'argmin',
  'buildschema',
])

/** `summarize`. Without `by` there is one row, whatever the input. */
export function translateSummarize(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'SummarizeKeyword', 'Keyword', 'Parameters', 'Aggregates', 'ByClause')
  operatorParameters(node, [])
  const aggregates = elements(node, 'Aggregates')
  const clause = child(node, 'ByClause')
  if (clause !== undefined) onlyChildren(clause, 'ByKeyword', 'Expressions')
  const keys = clause === undefined ? [] : elements(clause, 'Expressions')
  const hoisted = rowValues([...keys], input, context)
  const ordered = aggregates.some(dependsOnOrder) && hoisted.relation.order.length > 0
  const source = ordered ? numbered(hoisted.relation, context.query.newId) : hoisted.relation
  const values = aggregates.flatMap((each) => aggregateValues(each, source, context))
  const columns = boundColumns(node)
  if (columns.length !== hoisted.values.length + values.length) throw notSupported('this summarize')
  const outputs = columns.map((column, index) => output(column, [...hoisted.values, ...values][index]))
  const made = columns.map((column): RelationColumn => ({ ...column, id: context.query.newId() }))
  const items = made.map((column, index) => `${outputs[index]?.sql ?? ''} AS ${column.id}`)
  if (keys.length === 0) {
    if (source.partition.length > 0) return perPartition(source, made, items, context)
    return {
      sql: `SELECT ${items.join(', ')} FROM (${source.sql})`,
      columns: made,
      order: [],
      partition: [],
      single: true,
    }
  }
  const groups = [...source.partition, ...made.slice(0, keys.length).map((column) => column.id)]
  return grouped(source, made, items, groups, keys.length)
}

/** Keys are computed below the aggregation, because DuckDB takes a constant key for a place in the list. */
function grouped(
  source: Relation,
  columns: readonly RelationColumn[],
  items: readonly string[],
  groups: readonly string[],
  keyCount: number,
): Relation {
  const keys = items.slice(0, keyCount)
  const rest = items.slice(keyCount)
  const selected = [...source.partition, ...columns.slice(0, keyCount).map((column) => column.id), ...rest]
  const { partitions } = source
  return {
    sql: `SELECT ${selected.join(', ')} FROM (SELECT *, ${keys.join(', ')} FROM (${source.sql})) GROUP BY ${groups.join(', ')}`,
    columns,
    order: [],
    partition: source.partition,
    ...(partitions === undefined ? {} : { partitions }),
  }
}

/** Whether an aggregate's value depends on the order of the rows. */
export function dependsOnOrder(node: SyntaxNode): boolean {
  for (const each of descendants(node)) {
    if (each.kind === 'FunctionCallExpression' && ORDERED.has(callName(each))) return true
    // The body of a user function may hold anything.
    if (each.expansion !== undefined) return true
  }
  return false
}

/** Values of an aggregate, or of an expression over aggregates. */
export function aggregateValues(
  node: SyntaxNode,
  source: Relation & { readonly rowNumber?: string },
  context: Context,
): readonly Sql[] {
  const inner: Context = {
    ...context,
    row: {
      columns: source.columns,
      aggregate: true,
      ...extentOf(source),
      ...(source.rowNumber === undefined ? {} : { order: source.rowNumber }),
    },
  }
  const expression =
    node.kind === 'SimpleNamedExpression' || node.kind === 'CompoundNamedExpression' ? need(node, 'Expression') : node
  if (isAggregate(expression)) {
    const parts = translateAggregate(expression, inner)
    const columns = expression.columns
    if (parts.length === 1)
      return [{ sql: parts[0] ?? '', type: expression.type ?? columns?.[0]?.type ?? unknown(expression) }]
    if (columns === undefined || columns.length !== parts.length)
      throw notSupported(`this form of ${callName(expression)}()`)
    return parts.map((sql, index) => ({ sql, type: columns[index]?.type ?? 'dynamic' }))
  }
  const value = context.query.scalar(expression, inner)
  return [{ ...value, sql: `(${value.sql})::${SQL_TYPES[value.type]}` }]
}

function unknown(node: SyntaxNode): never {
  throw notSupported(`${callName(node)}() whose type only the data can tell`)
}

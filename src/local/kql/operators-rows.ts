import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren, rowValues } from './operators-project.ts'
import { operatorParameters } from './parameters.ts'
import { filter, firstRows, type OrderTerm, project, type Relation, type RelationColumn } from './relation.ts'
import { notSupported, quoteText, type Sql } from './sql.ts'

/** `where`. */
export function translateWhere(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'Keyword', 'Parameters', 'Condition')
  operatorParameters(node, [])
  const { relation, values } = rowValues([need(node, 'Condition')], input, context)
  const [condition] = values
  if (condition === undefined) throw semanticError('where needs a condition')
  return filter(relation, `WHERE ${castTo(condition, 'bool')}`)
}

/** `take`, `limit`. */
export function translateTake(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'Keyword', 'Parameters', 'Expression')
  operatorParameters(node, [])
  return firstRows(input, rowCount(need(node, 'Expression'), context))
}

/** `sort`, `order`. */
export function translateSort(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'Keyword', 'Parameters', 'ByKeyword', 'Expressions')
  operatorParameters(node, [])
  return sorted(elements(node, 'Expressions'), input, context)
}

/** `top`. */
export function translateTop(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'TopKeyword', 'Keyword', 'Parameters', 'Expression', 'ByKeyword', 'ByExpression')
  operatorParameters(node, [])
  const relation = sorted([need(node, 'ByExpression')], input, context)
  return firstRows(relation, rowCount(need(node, 'Expression'), context))
}

function rowCount(node: SyntaxNode, context: Context): string {
  const { row: _, ...outside } = context
  return `greatest(${castTo(context.query.scalar(node, outside), 'long')}, 0)`
}

/** The relation ordered by the expressions first, by its former order where they tie. */
export function sorted(nodes: readonly SyntaxNode[], input: Relation, context: Context): Relation {
  const keys = nodes.map((node) => (node.kind === 'OrderedExpression' ? need(node, 'Expression') : node))
  const { relation, values } = rowValues(keys, input, context)
  const known = new Set(relation.columns.map((column) => column.id))
  const extra: string[] = []
  const terms = values.map((value, index): OrderTerm => {
    if (value.type === 'dynamic') throw semanticError('a sort key cannot be of type dynamic')
    let id = value.sql
    if (!known.has(id)) {
      id = context.query.newId()
      extra.push(`${value.sql} AS ${id}`)
    }
    return { id, type: value.type, ...direction(nodes[index]) }
  })
  const sql = extra.length === 0 ? relation.sql : `SELECT *, ${extra.join(', ')} FROM (${relation.sql})`
  return { ...relation, sql, order: [...terms, ...input.order] }
}

function direction(node: SyntaxNode | undefined): { readonly descending: boolean; readonly nulls: 'first' | 'last' } {
  const ordering = node?.kind === 'OrderedExpression' ? child(node, 'Ordering') : undefined
  const descending = ordering === undefined || child(ordering, 'AscOrDescKeyword')?.text !== 'asc'
  const clause = ordering === undefined ? undefined : child(ordering, 'NullsClause')
  const stated = clause === undefined ? undefined : need(clause, 'FirstOrLastKeyword').text
  const nulls = stated === 'first' || stated === 'last' ? stated : descending ? 'last' : 'first'
  return { descending, nulls }
}

/** `count`. */
export function translateCount(node: SyntaxNode, input: Relation, context: Context): Relation {
  const [column] = boundColumns(node)
  if (column === undefined) throw notSupported('this count')
  const id = context.query.newId()
  const columns: readonly RelationColumn[] = [{ name: column.name, type: column.type, id }]
  if (input.partition.length === 0) {
    return { sql: `SELECT count(*) AS ${id} FROM (${input.sql})`, columns, order: [], partition: [], single: true }
  }
  return perPartition(input, columns, [`count(*) AS ${id}`], context)
}

/** One row for each partition, also for those without rows left. */
export function perPartition(
  input: Relation,
  columns: readonly RelationColumn[],
  items: readonly string[],
  context: Context,
): Relation {
  const keys = input.partition.join(', ')
  const grouped = `SELECT ${keys}, ${items.join(', ')} FROM (${input.sql}) GROUP BY ${keys}`
  const base = { columns, order: [], partition: input.partition }
  if (input.partitions === undefined) return { sql: grouped, ...base }
  const { newId } = context.query
  const renamed = input.partition.map((id) => [id, newId()] as const)
  const all = `SELECT ${renamed.map(([from, to]) => `${from} AS ${to}`).join(', ')} FROM (${input.partitions})`
  const same = renamed.map(([from, to]) => `${from} IS NOT DISTINCT FROM ${to}`).join(' AND ')
  const empty = `SELECT ${renamed.map(([from, to]) => `${to} AS ${from}`).join(', ')}, e.* FROM (${all}), (SELECT ${items.join(', ')} FROM (${input.sql}) WHERE false) e WHERE NOT EXISTS (SELECT 1 FROM (${input.sql}) WHERE ${same})`
  return { sql: `${grouped} UNION ALL ${empty}`, ...base, partitions: input.partitions }
}

/** `distinct a, b` and `distinct *`. */
export function translateDistinct(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'DistinctKeyword', 'Parameters', 'Expressions')
  operatorParameters(node, [])
  const { relation, values } = rowValues(elements(node, 'Expressions'), input, context)
  const columns = boundColumns(node)
  if (columns.length !== values.length) throw notSupported('this distinct')
  const outputs = columns.map((column, index) => ({ ...column, sql: required(values[index]).sql }))
  const { partitions } = relation
  const bare: Relation = {
    sql: relation.sql,
    columns: relation.columns,
    order: [],
    partition: relation.partition,
    ...(partitions === undefined ? {} : { partitions }),
  }
  const chosen = project(bare, outputs, context.query.newId)
  return { ...chosen, sql: chosen.sql.replace(/^SELECT/, 'SELECT DISTINCT') }
}

function required(value: Sql | undefined): Sql {
  if (value === undefined) throw new Error('a value is missing')
  return value
}

const CLR_TYPES: Readonly<Record<ScalarName, string>> = {
  bool: 'System.SByte',
  int: 'System.Int32',
  long: 'System.Int64',
  real: 'System.Double',
  decimal: 'System.Data.SqlTypes.SqlDecimal',
  string: 'System.String',
  datetime: 'System.DateTime',
  timespan: 'System.TimeSpan',
  guid: 'System.Guid',
  dynamic: 'System.Object',
}

/** `getschema`. */
export function translateGetSchema(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { newId } = context.query
  const columns = boundColumns(node).map((column): RelationColumn => ({ ...column, id: newId() }))
  const rows = input.columns.map((column, index) => {
    const cells = columns.map((out) => {
      switch (out.name) {
        case 'ColumnName':
          return quoteText(column.name)
        case 'ColumnOrdinal':
          return String(index)
        case 'DataType':
          return quoteText(CLR_TYPES[column.type])
        case 'ColumnType':
          return quoteText(column.type)
        default:
          throw notSupported(`the column ${out.name} of getschema`)
      }
    })
    return `(${cells.join(', ')})`
  })
  const ordinal = columns.find((column) => column.name === 'ColumnOrdinal')
  if (rows.length === 0 || ordinal === undefined) throw notSupported('getschema of a table without columns')
  const casts = columns.map(
    (column) =>
      `${column.id}::${column.type === 'long' ? 'BIGINT' : column.type === 'int' ? 'INTEGER' : 'VARCHAR'} AS ${column.id}`,
  )
  return {
    sql: `SELECT ${casts.join(', ')} FROM (VALUES ${rows.join(', ')}) v(${columns.map((column) => column.id).join(', ')})`,
    columns,
    order: [{ id: ordinal.id, type: 'long', descending: false, nulls: 'last' }],
    partition: [],
  }
}

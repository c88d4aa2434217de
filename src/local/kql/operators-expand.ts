import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo, jsonKeyPathOf } from './casts.ts'
import { constantOf, type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren, rowValues } from './operators-project.ts'
import { operatorParameters, parameterWord } from './parameters.ts'
import { ascending, numbered, project, realias, type Relation, type RelationColumn } from './relation.ts'
import { literal, notSupported, type Sql } from './sql.ts'

interface Expanded {
  readonly name: string | undefined
  readonly type: ScalarName
  readonly id: string
}

interface Expansion {
  /** The input's rows, one for each element; the columns are still those of the input. */
  readonly relation: Relation
  readonly items: readonly Expanded[]
  readonly index: string
  readonly indexName: string | undefined
}

/** `mv-expand`. */
export function translateMvExpand(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'MvExpandKeyword', 'Parameters', 'Expressions', 'RowLimitClause')
  const { relation, items, index, indexName } = expand(node, input, context)
  const named = new Map(items.flatMap((item) => (item.name === undefined ? [] : [[item.name, item] as const])))
  const rest = items.filter((item) => item.name === undefined)
  const outputs = boundColumns(node).map((column) => {
    if (column.name === indexName) return { name: column.name, type: 'long' as const, sql: index }
    const old = relation.columns.find((each) => each.name === column.name)
    const made = named.get(column.name) ?? (old === undefined ? rest.shift() : undefined)
    if (made !== undefined) return { name: column.name, type: made.type, sql: made.id }
    if (old === undefined) throw notSupported('this mv-expand')
    return { name: column.name, type: old.type, sql: old.id }
  })
  return project(relation, outputs, context.query.newId)
}

/** `mv-apply`: the subquery works on each row's elements apart. */
export function translateMvApply(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(
    node,
    'MvApplyKeyword',
    'Parameters',
    'Expressions',
    'RowLimitClause',
    'ContextIdClause',
    'OnKeyword',
    'Subquery',
  )
  if (child(node, 'ContextIdClause') !== undefined) throw notSupported('mv-apply with id')
  const { newId } = context.query
  const rows = numbered(input, newId)
  const name = `m${newId()}`
  context.query.materialized.push(`${name} AS MATERIALIZED (${rows.sql})`)
  const base: Relation = { ...rows, sql: `SELECT * FROM ${name}` }
  const { relation, items, index, indexName } = expand(node, base, context)
  const partition = [...input.partition, rows.rowNumber]
  const columns = subtableColumns(relation, items, index, indexName)
  const table: Relation = {
    sql: relation.sql,
    columns,
    order: [ascending(index)],
    partition,
    partitions: `SELECT DISTINCT ${partition.join(', ')} FROM (${relation.sql})`,
  }
  const subquery = need(node, 'Subquery')
  onlyChildren(subquery, 'OpenParen', 'Expression', 'CloseParen')
  const { row: _, ...outside } = context
  const result = context.query.tabular(need(subquery, 'Expression'), { ...outside, input: table })
  return rejoined(node, result, base, rows.rowNumber, input, context)
}

function subtableColumns(
  relation: Relation,
  items: readonly Expanded[],
  index: string,
  indexName: string | undefined,
): readonly RelationColumn[] {
  const named = items.map((item, place): RelationColumn => ({
    name: item.name ?? `Column${place + 1}`,
    type: item.type,
    id: item.id,
  }))
  const made = indexName === undefined ? named : [...named, { name: indexName, type: 'long' as const, id: index }]
  const taken = new Set(made.map((column) => column.name))
  return [...relation.columns.filter((column) => !taken.has(column.name)), ...made]
}

/** Gives back the source columns that the subquery dropped. */
function rejoined(
  node: SyntaxNode,
  result: Relation,
  base: Relation,
  rowNumber: string,
  input: Relation,
  context: Context,
): Relation {
  const { newId } = context.query
  const own = result.partition.at(-1) ?? rowNumber
  const columns = boundColumns(node)
  const order = [ascending(own), ...result.order]
  const outer = {
    partition: result.partition.slice(0, -1),
    ...(input.partitions === undefined ? {} : { partitions: input.partitions }),
  }
  const missing = columns.some((column) => !result.columns.some((each) => each.name === column.name))
  const source = realias({ sql: base.sql, columns: base.columns, order: [ascending(rowNumber)], partition: [] }, newId)
  const [key] = source.order
  if (key === undefined) throw new Error('the rows of mv-apply lost their number')
  const sql = missing ? `SELECT * FROM (${result.sql}) JOIN (${source.sql}) ON ${own} = ${key.id}` : result.sql
  const outputs = columns.map((column) => {
    const found =
      result.columns.find((each) => each.name === column.name) ??
      source.columns.find((each) => each.name === column.name)
    if (found === undefined) throw notSupported('this mv-apply')
    return { name: column.name, type: found.type, sql: found.id }
  })
  const all: Relation = { sql, columns: [...result.columns, ...(missing ? source.columns : [])], order, ...outer }
  return project(all, outputs, newId)
}

function expand(node: SyntaxNode, input: Relation, context: Context): Expansion {
  const parameters = operatorParameters(node, ['with_itemindex', 'bagexpansion', 'kind'])
  const kind = parameterWord(parameters.get('bagexpansion') ?? parameters.get('kind')) ?? 'bag'
  if (kind !== 'bag' && kind !== 'array') throw notSupported(`bagexpansion=${kind}`)
  const expressions = elements(node, 'Expressions')
  const { newId } = context.query
  const { relation, values } = rowValues(
    expressions.map((each) => need(each, 'Expression')),
    input,
    context,
  )
  const lists = values.map((value) => ({ id: newId(), sql: elementList(value, kind) }))
  const index = newId()
  const limit = rowLimit(node, context)
  const length = `greatest(${lists.map((list) => `len(${list.id})`).join(', ')})`
  const upTo = limit === undefined ? length : `least(${length}, ${limit})`
  const withLists = `SELECT *, ${lists.map((list) => `${list.sql} AS ${list.id}`).join(', ')} FROM (${relation.sql})`
  const unnested = `SELECT *, unnest(range(0, ${upTo})) AS ${index} FROM (${withLists})`
  const items = expressions.map((each): Expanded => ({ name: itemName(each), type: itemType(each), id: newId() }))
  const selected = items.map((item, place) => {
    const raw = `nullif(${lists[place]?.id ?? ''}[${index} + 1], 'null')`
    return `${element(raw, item.type)} AS ${item.id}`
  })
  const sql = `SELECT * EXCLUDE (${lists.map((list) => list.id).join(', ')}), ${selected.join(', ')} FROM (${unnested})`
  const order = relation.order.length > 0 || relation.single === true ? [...relation.order, ascending(index)] : []
  const { single: _, ...rest } = relation
  return { relation: { ...rest, sql, order }, items, index, indexName: parameterWord(parameters.get('with_itemindex')) }
}

function itemName(node: SyntaxNode): string | undefined {
  const expression = need(node, 'Expression')
  if (expression.kind === 'SimpleNamedExpression') return need(expression, 'Name').name
  return expression.kind === 'NameReference' ? expression.name : undefined
}

function itemType(node: SyntaxNode): ScalarName {
  const clause = child(node, 'ToTypeOf')
  if (clause === undefined) return 'dynamic'
  const [type] = elements(need(clause, 'TypeOf'), 'Types')
  if (type?.symbol === undefined) throw notSupported('this typeof()')
  return type.symbol.name as ScalarName
}

function rowLimit(node: SyntaxNode, context: Context): string | undefined {
  const clause = child(node, 'RowLimitClause')
  if (clause === undefined) return undefined
  const { row: _, ...outside } = context
  return String(constantOf(context.query.scalar(need(clause, 'RowLimit'), outside), 'the limit of mv-expand'))
}

/** JSON elements of an array, single-entry bags (or pairs) of a bag, the value itself otherwise; null is one null. */
function elementList(value: Sql, kind: 'bag' | 'array'): string {
  if (value.type !== 'dynamic') throw semanticError('mv-expand works on dynamic values')
  const d = value.sql
  const property = `json_extract(${d}, ${jsonKeyPathOf('k')})::VARCHAR`
  const pair =
    kind === 'bag'
      ? `'{' || to_json(k)::VARCHAR || ':' || ${property} || '}'`
      : `'[' || to_json(k)::VARCHAR || ',' || ${property} || ']'`
  return (
    `CASE WHEN starts_with(${d}, '[') THEN CAST(json_extract(${d}, '$[*]') AS VARCHAR[])` +
    ` WHEN starts_with(${d}, '{') THEN list_transform(json_keys(${d}), lambda k: ${pair})` +
    ` ELSE [(${d})::VARCHAR] END`
  )
}

/** `to typeof` takes values of that type over and does not parse text; what does not fit is null. */
function element(raw: string, type: ScalarName): string {
  if (type === 'dynamic') return raw
  const value: Sql = { sql: raw, type: 'dynamic' }
  const converted = castTo(value, type)
  if (type === 'bool' || type === 'int' || type === 'long' || type === 'real' || type === 'decimal') {
    return `CASE WHEN starts_with(${raw}, '"') THEN ${literal(null, type).sql} ELSE ${converted} END`
  }
  return converted
}

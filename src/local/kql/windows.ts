import type { SyntaxNode } from '../lang/syntax.ts'
import { elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { constantOf, type Context } from './context.ts'
import { numbered, partitionClause, type Relation } from './relation.ts'
import { literal, notSupported, SQL_TYPES, type Sql } from './sql.ts'
import { WINDOW_FUNCTIONS } from './window-names.ts'

/** A relation with the window calls of some expressions added as hidden columns. */
export interface Hoisted {
  readonly relation: Relation
  readonly computed: ReadonlyMap<SyntaxNode, Sql>
}

/** Computes the window functions inside the expressions, inner ones first. */
export function hoistWindows(relation: Relation, nodes: readonly SyntaxNode[], context: Context): Hoisted {
  const computed = new Map<SyntaxNode, Sql>()
  const calls = nodes.flatMap(windowCalls)
  if (calls.length === 0) return { relation, computed }
  const base = numbered(relation, context.query.newId)
  let current: Relation = base
  const extent = relation.extent === undefined ? {} : { extent: relation.extent }
  for (const call of calls) {
    const row: Context = { ...context, row: { columns: relation.columns, computed, ...extent } }
    const step = windowCall(call, current, base.rowNumber, row)
    current = step.relation
    computed.set(call, step.value)
  }
  return { relation: current, computed }
}

function windowCalls(node: SyntaxNode): readonly SyntaxNode[] {
  if (node.kind === 'ToScalarExpression' || node.expansion !== undefined) return []
  const inner = node.children.flatMap(windowCalls)
  const name = node.kind === 'FunctionCallExpression' ? need(node, 'Name').name : undefined
  return name !== undefined && WINDOW_FUNCTIONS.has(name) && node.symbol?.kind === 'FunctionSymbol'
    ? [...inner, node]
    : inner
}

interface Step {
  readonly relation: Relation
  readonly value: Sql
}

function windowCall(node: SyntaxNode, relation: Relation, rowNumber: string, context: Context): Step {
  const name = need(node, 'Name').name ?? ''
  const values = elements(need(node, 'ArgumentList'), 'Expressions').map((each) => context.query.scalar(each, context))
  const [first, second, third, fourth] = values
  switch (name) {
    case 'row_number': {
      const groups = restarts(relation, second, rowNumber, context)
      const start = first === undefined ? '1' : castTo(first, 'long')
      return add(groups.relation, `row_number() ${groups.over} + (${start}) - 1`, node, context)
    }
    case 'prev':
      return neighbour('lag', node, relation, rowNumber, values, context)
    case 'next':
      return neighbour('lead', node, relation, rowNumber, values, context)
    case 'row_cumsum': {
      if (first === undefined) break
      const groups = restarts(relation, second, rowNumber, context)
      const type = node.type ?? first.type
      const sum = `sum(${first.sql}) ${framed(groups.over)}`
      return add(groups.relation, `CAST(coalesce(${sum}, 0) AS ${SQL_TYPES[type]})`, node, context)
    }
    case 'row_rank_dense':
    case 'row_rank_min': {
      if (first === undefined) break
      return rank(name, node, first, restarts(relation, second, rowNumber, context), context)
    }
    case 'row_window_session': {
      if (first === undefined || second === undefined || third === undefined) break
      return session(node, first, second, third, fourth, relation, rowNumber, context)
    }
    default:
  }
  throw notSupported(`${name}() with these arguments`)
}

interface Groups {
  readonly relation: Relation
  /** `OVER (...)` within a run of rows between restarts. */
  readonly over: string
}

/** Splits the rows where the restart condition holds. */
function restarts(relation: Relation, restart: Sql | undefined, rowNumber: string, context: Context): Groups {
  const order = `ORDER BY ${rowNumber}`
  if (restart === undefined || restart.constant === false) {
    return { relation, over: `OVER (${partitionClause(relation)} ${order})` }
  }
  const id = context.query.newId()
  const flag = `CASE WHEN ${castTo(restart, 'bool')} THEN 1 ELSE 0 END`
  const over = `OVER (${partitionClause(relation)} ${order} ROWS UNBOUNDED PRECEDING)`
  const marked = `SELECT *, sum(${flag}) ${over} AS ${id} FROM (${relation.sql})`
  return {
    relation: { ...relation, sql: marked },
    over: `OVER (PARTITION BY ${[...relation.partition, id].join(', ')} ${order})`,
  }
}

function framed(over: string): string {
  return over.replace(/\)$/, ' ROWS UNBOUNDED PRECEDING)')
}

function add(relation: Relation, sql: string, node: SyntaxNode, context: Context): Step {
  const type = node.type
  if (type === undefined) throw notSupported('a window function whose type depends on data')
  const id = context.query.newId()
  return {
    relation: { ...relation, sql: `SELECT *, ${sql} AS ${id} FROM (${relation.sql})` },
    value: { sql: id, type },
  }
}

function neighbour(
  sqlName: 'lag' | 'lead',
  node: SyntaxNode,
  relation: Relation,
  rowNumber: string,
  [value, offset, fallback]: readonly Sql[],
  context: Context,
): Step {
  if (value === undefined) throw notSupported('prev() and next() without a column')
  const distance = offset === undefined ? 1n : constantOf(offset, 'the offset of prev() and next()')
  const type = node.type ?? value.type
  const otherwise = fallback === undefined ? literal(null, type).sql : castTo(fallback, type)
  const over = `OVER (${partitionClause(relation)} ORDER BY ${rowNumber})`
  const sql = `${sqlName}(${castTo(value, type)}, ${String(distance)}, ${otherwise}) ${over}`
  return add(relation, sql, node, context)
}

function rank(name: string, node: SyntaxNode, term: Sql, groups: Groups, context: Context): Step {
  const position = context.query.newId()
  const before = context.query.newId()
  const changed = context.query.newId()
  const numberedRows = `SELECT *, row_number() ${groups.over} AS ${position}, lag(${term.sql}) ${groups.over} AS ${before} FROM (${groups.relation.sql})`
  const isNew = `${position} = 1 OR (${term.sql}) IS DISTINCT FROM ${before}`
  const marked = `SELECT *, CASE WHEN ${isNew} THEN ${position} END AS ${changed} FROM (${numberedRows})`
  const aggregate = name === 'row_rank_dense' ? 'count' : 'max'
  return add({ ...groups.relation, sql: marked }, `${aggregate}(${changed}) ${framed(groups.over)}`, node, context)
}

/** Whether a row starts a session depends on where the last one started, which no window of SQL can say. */
function session(
  node: SyntaxNode,
  value: Sql,
  fromFirst: Sql,
  fromPrevious: Sql,
  restart: Sql | undefined,
  relation: Relation,
  rowNumber: string,
  context: Context,
): Step {
  const type = node.type ?? value.type
  const ticks = type === 'datetime' || type === 'timespan' || type === 'long' || type === 'int'
  if (!ticks) throw notSupported(`row_window_session() over ${type}`)
  const { newId } = context.query
  const place = newId()
  const current = newId()
  const again = newId()
  const base = `m${newId()}`
  const over = `OVER (${partitionClause(relation)} ORDER BY ${rowNumber})`
  const flag = restart === undefined ? 'false' : `coalesce(${castTo(restart, 'bool')}, false)`
  context.query.materialized.push(
    `${base} AS MATERIALIZED (SELECT *, row_number() ${over} AS ${place}, (${value.sql})::BIGINT AS ${current}, ${flag} AS ${again} FROM (${relation.sql}))`,
  )
  const keys = relation.partition.map((id) => ({ id, own: newId() }))
  const same = keys.map((key) => ` AND ${key.id} IS NOT DISTINCT FROM ${key.own}`).join('')
  const [walked, at, start, last] = [newId(), newId(), newId(), newId()]
  const names = [at, start, last, ...keys.map((key) => key.own)].join(', ')
  const ids = keys.map((key) => `, ${key.id}`).join('')
  const goesOn = `NOT ${again} AND ${current} - ${start} <= (${castTo(fromFirst, 'long')}) AND ${current} - ${last} <= (${castTo(fromPrevious, 'long')})`
  const seed = `SELECT ${place}, ${current}, ${current}${ids} FROM ${base} WHERE ${place} = 1`
  const next = `SELECT ${place}, CASE WHEN ${goesOn} THEN ${start} ELSE ${current} END, ${current}${ids} FROM ${walked} JOIN ${base} ON ${place} = ${at} + 1${same}`
  const sql = `WITH RECURSIVE ${walked}(${names}) AS (${seed} UNION ALL ${next}) SELECT ${base}.*, ${start} FROM ${walked} JOIN ${base} ON ${place} = ${at}${same}`
  return add({ ...relation, sql }, start, node, context)
}

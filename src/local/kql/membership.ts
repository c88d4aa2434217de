import type { SyntaxNode } from '../lang/syntax.ts'
import { elements, need } from '../lang/tree.ts'
import { castTo, equals, greaterOrEqual, lessOrEqual } from './casts.ts'
import type { Context } from './context.ts'
import { formatJson, isArray, Num, parseJson } from './json.ts'
import { literal, notSupported, type Sql } from './sql.ts'
import { hasAnyTerm, textOperator } from './text-operators.ts'

/** `in`, `!in`, `in~`, `!in~` against literals, dynamic arrays or the first column of a table. */
export function translateIn(node: SyntaxNode, context: Context): Sql {
  const operator = need(node, 'Operator').text?.toLowerCase() ?? ''
  const folded = operator.endsWith('~')
  const negated = operator.startsWith('!') || operator.startsWith('not')
  const left = context.query.scalar(need(node, 'Left'), context)
  const candidates = elements(need(node, 'Right'), 'Expressions')
  const [first] = candidates
  const sql =
    candidates.length === 1 && first?.columns !== undefined && first.type === undefined
      ? inTable(left, first, folded, context)
      : inList(left, flatten(candidates, context), folded)
  return { sql: negated ? `(NOT ${sql})` : sql, type: 'bool' }
}

/** `has_any`, `has_all`. */
export function translateTermSet(node: SyntaxNode, context: Context): Sql {
  const operator = need(node, 'Operator').text?.toLowerCase() ?? ''
  const left = context.query.scalar(need(node, 'Left'), context)
  const candidates = elements(need(node, 'Right'), 'Expressions')
  if (candidates.some((each) => each.columns !== undefined && each.type === undefined)) {
    throw notSupported(`${operator} with a table`)
  }
  const terms = flatten(candidates, context)
  if (terms.some((each) => each.constant === undefined && each.type === 'dynamic')) {
    throw notSupported(`${operator} with a computed array`)
  }
  const all = operator.includes('all')
  const literals = terms.flatMap((each) =>
    typeof each.constant === 'string' && each.type === 'string' ? [each.constant] : [],
  )
  if (!all && literals.length > 1 && literals.length === terms.length) {
    return { sql: hasAnyTerm(left, literals), type: 'bool' }
  }
  const tests = terms.map((each) => textOperator('has', left, each))
  if (tests.length === 0) return { sql: all ? 'true' : 'false', type: 'bool' }
  return { sql: `(${tests.join(all ? ' AND ' : ' OR ')})`, type: 'bool' }
}

/** `between (a .. b)`; after a datetime, `b` may be a timespan counted from `a`. */
export function translateBetween(node: SyntaxNode, context: Context): Sql {
  const operator = need(node, 'Operator').text ?? ''
  const couple = need(node, 'Right')
  const left = context.query.scalar(need(node, 'Left'), context)
  const low = context.query.scalar(need(couple, 'First'), context)
  const high = context.query.scalar(need(couple, 'Second'), context)
  const top: Sql =
    low.type === 'datetime' && high.type === 'timespan'
      ? { sql: `((${low.sql}) + (${high.sql}))`, type: 'datetime' }
      : high
  const sql = `(${greaterOrEqual(left, low)} AND ${lessOrEqual(left, top)})`
  return { sql: operator.startsWith('!') ? `(NOT ${sql})` : sql, type: 'bool' }
}

/** Values of a list; constant arrays are taken apart. */
function flatten(nodes: readonly SyntaxNode[], context: Context): readonly Sql[] {
  return nodes.flatMap((node) => {
    const value = context.query.scalar(node, context)
    if (value.type !== 'dynamic' || typeof value.constant !== 'string') return [value]
    const json = parseJson(value.constant)
    if (!isArray(json)) return [value]
    return json.map((item): Sql => {
      if (typeof item === 'string') return literal(item, 'string')
      if (typeof item === 'boolean') return literal(item, 'bool')
      if (item instanceof Num)
        return item.integral ? literal(BigInt(item.text), 'long') : literal(Number(item.text), 'real')
      return literal(formatJson(item), 'dynamic')
    })
  })
}

function inList(left: Sql, values: readonly Sql[], folded: boolean): string {
  if (values.length === 0) return 'false'
  const plain = values.every((each) => each.type === left.type && each.constant !== undefined && each.constant !== null)
  if (plain && !folded && left.type !== 'dynamic' && left.type !== 'real') {
    return `coalesce((${left.sql}) IN (${values.map((each) => each.sql).join(', ')}), false)`
  }
  const tests = values.map((each) => {
    if (each.type === 'dynamic' && left.type !== 'dynamic') return inArray(left, each.sql, folded)
    if (folded) return textOperator('=~', left, each)
    // A string never equals a number, whatever it spells.
    if (left.type !== 'dynamic' && (left.type === 'string') !== (each.type === 'string')) return 'false'
    return `coalesce(${equals(left, each)}, false)`
  })
  return `(${tests.join(' OR ')})`
}

function inArray(left: Sql, array: string, folded: boolean): string {
  const wanted = left.type === 'string' ? `starts_with(e, '"')` : 'true'
  const items = `list_filter(CAST(json_extract(${array}, '$[*]') AS VARCHAR[]), lambda e: ${wanted})`
  const item = castTo({ sql: 'e', type: 'dynamic' }, left.type)
  const list = `list_transform(${items}, lambda e: ${folded ? `lower(${item})` : item})`
  const value = folded ? `lower(${left.sql})` : left.sql
  return `coalesce(list_contains(${list}, ${value}), false)`
}

function inTable(left: Sql, node: SyntaxNode, folded: boolean, context: Context): string {
  const { row: _, input: __, ...outside } = context
  const relation = context.query.tabular(node, outside)
  const [column] = relation.columns
  if (column === undefined || column.type === 'dynamic' || left.type === 'dynamic') {
    throw notSupported('`in` against dynamic values of a table')
  }
  const type = column.type === left.type ? left.type : undefined
  if (type === undefined && (left.type === 'string' || column.type === 'string')) {
    throw notSupported(`\`in\` between ${left.type} and ${column.type}`)
  }
  const wrap = (sql: string): string => (folded ? `lower(${sql})` : sql)
  return `coalesce((${wrap(left.sql)}) IN (SELECT ${wrap(column.id)} FROM (${relation.sql}) WHERE ${column.id} IS NOT NULL), false)`
}

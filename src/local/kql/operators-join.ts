import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo, commonType } from './casts.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren } from './operators-project.ts'
import { operatorParameters, parameterWord } from './parameters.ts'
import type { Relation, RelationColumn } from './relation.ts'
import { notSupported, type Sql } from './sql.ts'

interface Kind {
  readonly sql: string
  /** Sides whose columns come out, and whether rows of that side may be missing. */
  readonly left?: 'kept' | 'optional'
  readonly right?: 'kept' | 'optional'
}

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['inner', { sql: 'JOIN', left: 'kept', right: 'kept' }],
  ['innerunique', { sql: 'JOIN', left: 'kept', right: 'kept' }],
  ['leftouter', { sql: 'LEFT JOIN', left: 'kept', right: 'optional' }],
  ['rightouter', { sql: 'RIGHT JOIN', left: 'optional', right: 'kept' }],
  ['fullouter', { sql: 'FULL JOIN', left: 'optional', right: 'optional' }],
  ['leftsemi', { sql: 'SEMI JOIN', left: 'kept' }],
  ['rightsemi', { sql: 'SEMI JOIN', right: 'kept' }],
  ['leftanti', { sql: 'ANTI JOIN', left: 'kept' }],
  ['anti', { sql: 'ANTI JOIN', left: 'kept' }],
  ['leftantisemi', { sql: 'ANTI JOIN', left: 'kept' }],
  ['rightanti', { sql: 'ANTI JOIN', right: 'kept' }],
  ['rightantisemi', { sql: 'ANTI JOIN', right: 'kept' }],
])

interface Key {
  readonly left: Sql
  readonly right: Sql
}

/** `join`. The default kind first keeps one row of the left side for each key. */
export function translateJoin(node: SyntaxNode, left: Relation, context: Context): Relation {
  onlyChildren(node, 'JoinKeyword', 'Parameters', 'Expression', 'ConditionClause')
  const word = parameterWord(operatorParameters(node, ['kind']).get('kind')) ?? 'innerunique'
  const kind = KINDS.get(word)
  if (kind === undefined) throw notSupported(`join kind=${word}`)
  const { right, keys } = sides(node, left, context)
  const source = word === 'innerunique' ? unique(left, keys) : left
  const columns = joinedColumns(source, right, kind)
  return joined(node, source, right, keys, kind, columns, context)
}

/** `lookup`: the key columns of the right side are left out. */
export function translateLookup(node: SyntaxNode, left: Relation, context: Context): Relation {
  onlyChildren(node, 'LookupKeyword', 'Parameters', 'Expression', 'LookupClause', 'ConditionClause')
  const word = parameterWord(operatorParameters(node, ['kind']).get('kind')) ?? 'leftouter'
  const kind = word === 'inner' || word === 'leftouter' ? KINDS.get(word) : undefined
  if (kind === undefined) throw notSupported(`lookup kind=${word}`)
  const { right, keys } = sides(node, left, context)
  const used = new Set(keys.map((key) => key.right.sql))
  const shown: Relation = { ...right, columns: right.columns.filter((column) => !used.has(column.id)) }
  return joined(node, left, right, keys, kind, joinedColumns(left, shown, kind), context)
}

function sides(node: SyntaxNode, left: Relation, context: Context): { right: Relation; keys: readonly Key[] } {
  if (left.partition.length > 0) throw notSupported('join inside a partitioned subquery')
  const { row: _, input: __, ...outside } = context
  const right = context.query.tabular(need(node, 'Expression'), outside)
  const clause = child(node, 'ConditionClause') ?? need(node, 'LookupClause')
  if (clause.kind !== 'JoinOnClause') throw notSupported(`the ${clause.kind} of a join`)
  const keys = elements(clause, 'Expressions').flatMap((each) => joinKeys(each, left, right, context))
  if (keys.length === 0) throw semanticError('a join needs a key')
  return { right, keys }
}

function joinKeys(node: SyntaxNode, left: Relation, right: Relation, context: Context): readonly Key[] {
  if (node.kind === 'ParenthesizedExpression') return joinKeys(need(node, 'Expression'), left, right, context)
  if (node.kind === 'NameReference') {
    return [{ left: column(left, node.name), right: column(right, node.name) }]
  }
  if (node.kind !== 'BinaryExpression') throw notSupported(`the join condition ${node.kind}`)
  const operator = need(node, 'Operator').text
  if (operator === 'and') {
    return [need(node, 'Left'), need(node, 'Right')].flatMap((each) => joinKeys(each, left, right, context))
  }
  if (operator !== '==') throw notSupported(`the operator ${operator ?? ''} in a join condition`)
  const row = { columns: left.columns, right: right.columns }
  const a = context.query.scalar(need(node, 'Left'), { ...context, row })
  const b = context.query.scalar(need(node, 'Right'), { ...context, row })
  const own = new Set(left.columns.map((each) => each.id))
  const other = new Set(right.columns.map((each) => each.id))
  if (own.has(a.sql) && other.has(b.sql)) return [{ left: a, right: b }]
  if (own.has(b.sql) && other.has(a.sql)) return [{ left: b, right: a }]
  throw notSupported('a join condition other than $left.a == $right.b')
}

function column(relation: Relation, name: string | undefined): Sql {
  const found = relation.columns.find((each) => each.name === name)
  if (found === undefined) throw semanticError(`the join key ${name ?? ''} is not a column of both sides`)
  return { sql: found.id, type: found.type }
}

function unique(left: Relation, keys: readonly Key[]): Relation {
  const by = keys.map((key) => key.left.sql).join(', ')
  return { ...left, sql: `SELECT DISTINCT ON (${by}) * FROM (${left.sql})` }
}

interface JoinedColumn {
  readonly column: RelationColumn
  readonly optional: boolean
}

function joinedColumns(left: Relation, right: Relation, kind: Kind): readonly JoinedColumn[] {
  const from = (side: Relation, state: Kind['left']): readonly JoinedColumn[] =>
    state === undefined ? [] : side.columns.map((each) => ({ column: each, optional: state === 'optional' }))
  return [...from(left, kind.left), ...from(right, kind.right)]
}

function joined(
  node: SyntaxNode,
  left: Relation,
  right: Relation,
  keys: readonly Key[],
  kind: Kind,
  shown: readonly JoinedColumn[],
  context: Context,
): Relation {
  const names = boundColumns(node)
  if (names.length !== shown.length) throw notSupported('this join')
  const condition = keys.map(sameKey).join(' AND ')
  const swapped = kind.left === undefined
  const [first, second] = swapped ? [right, left] : [left, right]
  const items: string[] = []
  const columns = shown.map(({ column: source, optional }, index): RelationColumn => {
    const name = names[index]?.name ?? source.name
    // Kusto's strings have no null: what a missing row leaves is the empty string.
    if (!optional || source.type !== 'string') {
      items.push(source.id)
      return { ...source, name }
    }
    const id = context.query.newId()
    items.push(`coalesce(${source.id}, '') AS ${id}`)
    return { name, type: source.type, id }
  })
  const sql = `SELECT ${items.join(', ')} FROM (${first.sql}) ${kind.sql} (${second.sql}) ON ${condition}`
  return { sql, columns, order: [], partition: [] }
}

function sameKey(key: Key): string {
  const type = keyType(key.left.type, key.right.type)
  return `(${castTo(key.left, type)}) = (${castTo(key.right, type)})`
}

function keyType(a: ScalarName, b: ScalarName): ScalarName {
  if (a === 'dynamic' || b === 'dynamic') throw semanticError('a join key cannot be of type dynamic')
  return commonType(a, b)
}

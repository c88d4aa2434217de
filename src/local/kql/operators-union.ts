import type { Column, SyntaxNode } from '../lang/syntax.ts'
import { descendants, elements } from '../lang/tree.ts'
import { type Context, RewriteNeeded } from './context.ts'
import { boundColumns, onlyChildren } from './operators-project.ts'
import { operatorParameters, parameterWord } from './parameters.ts'
import type { Relation, RelationColumn } from './relation.ts'
import { notSupported, quoteText, sqlLiteral } from './sql.ts'

/** `union`. Columns of one name and different types come out apart, as `a_long` and `a_string`. */
export function translateUnion(node: SyntaxNode, input: Relation | undefined, context: Context): Relation {
  onlyChildren(node, 'UnionKeyword', 'Parameters', 'Expressions')
  const parameters = operatorParameters(node, ['kind', 'withsource', 'with_source', 'isfuzzy'])
  if (input !== undefined && input.partition.length > 0) throw notSupported('union inside a partitioned subquery')
  const source = parameterWord(parameters.get('withsource') ?? parameters.get('with_source'))
  if (parameterWord(parameters.get('isfuzzy')) === 'true') dropMissing(node, context)
  const { row: _, input: __, ...outside } = context
  const others = elements(node, 'Expressions').map((each) => operand(each, outside))
  const inputs = input === undefined ? others : [input, ...others]
  const { newId } = context.query
  const columns = boundColumns(node).map((column): RelationColumn => ({ ...column, id: newId() }))
  const kind = parameterWord(parameters.get('kind')) ?? 'outer'
  const slots = matchedSlots(
    inputs,
    columns.filter((column) => column.name !== source),
    kind,
  )
  const selects = inputs.map((relation, index) => {
    const items = columns.map((column) => {
      if (column.name === source) return `${quoteText(relation.source ?? `union_arg${index}`)} AS ${column.id}`
      const slot = slots.get(column)
      const found = relation.columns.find((each) => each.name === slot?.name && each.type === slot.type)
      return `${found?.id ?? sqlLiteral(null, column.type)} AS ${column.id}`
    })
    return `SELECT ${items.join(', ')} FROM (${relation.sql})`
  })
  return { sql: selects.join(' UNION ALL '), columns, order: [], partition: [] }
}

/**
 * What each output column takes from the inputs: the names in the order in which they appear, and for each name its
 * types. The binder may have renamed a column twice (`x_long1`), so only the place tells.
 */
function matchedSlots(
  inputs: readonly Relation[],
  columns: readonly RelationColumn[],
  kind: string,
): ReadonlyMap<RelationColumn, Column> {
  const byName = new Map<string, Column[]>()
  for (const { name, type } of inputs.flatMap((relation) => relation.columns)) {
    const known = byName.get(name) ?? []
    if (!known.some((each) => each.type === type)) known.push({ name, type })
    byName.set(name, known)
  }
  const slots = [...byName.values()].flat()
  const renamed = [...byName.values()].flatMap((same) =>
    same.length > 1 ? same.map(({ name, type }) => `${name}_${type}`) : [],
  )
  if (renamed.some((name) => byName.has(name))) throw notSupported('union of columns that get names already taken')
  const everywhere = (slot: Column): boolean =>
    inputs.every((relation) => relation.columns.some((each) => each.name === slot.name && each.type === slot.type))
  if (kind !== 'outer' && (kind !== 'inner' || !slots.every(everywhere)))
    throw notSupported(`union kind=${kind} of different columns`)
  const matched = new Map<RelationColumn, Column>()
  columns.forEach((column, index) => {
    const slot = slots[index]
    if (slot?.type !== column.type) throw notSupported('this union')
    matched.set(column, slot)
  })
  if (slots.length !== columns.length) throw notSupported('this union')
  return matched
}

/** `isfuzzy=true`: operands with a table that does not exist are taken out of the text. */
function dropMissing(node: SyntaxNode, context: Context): void {
  const operands = elements(node, 'Expressions')
  operands.forEach((each, index) => {
    const missing = [...descendants(each)].some(
      (name) => name.kind === 'NameReference' && name.symbol === undefined && name.columns?.length === 0,
    )
    if (!missing) return
    const before = operands[index - 1]
    const after = operands[index + 1]
    if (before === undefined && after === undefined) throw notSupported('a fuzzy union of which nothing is left')
    const start = before === undefined ? each.start : before.end
    const end = before === undefined ? (after?.start ?? each.end) : each.end
    throw new RewriteNeeded(undefined, () => ({ start: start + context.shift, end: end + context.shift, text: '' }))
  })
}

function operand(node: SyntaxNode, context: Context): Relation {
  if (node.columns === undefined) throw notSupported(`${node.kind} as an operand of union`)
  return context.query.tabular(node, context)
}

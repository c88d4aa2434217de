import type { SyntaxNode } from '../lang/syntax.ts'
import { elements } from '../lang/tree.ts'
import type { Context } from './context.ts'
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
  const { row: _, input: __, ...outside } = context
  const others = elements(node, 'Expressions').map((each) => operand(each, outside))
  const inputs = input === undefined ? others : [input, ...others]
  const { newId } = context.query
  const columns = boundColumns(node).map((column): RelationColumn => ({ ...column, id: newId() }))
  const selects = inputs.map((relation, index) => {
    const items = columns.map((column) => {
      if (column.name === source) return `${quoteText(relation.source ?? `union_arg${index}`)} AS ${column.id}`
      const found = matching(relation, column)
      return `${found ?? sqlLiteral(null, column.type)} AS ${column.id}`
    })
    return `SELECT ${items.join(', ')} FROM (${relation.sql})`
  })
  return { sql: selects.join(' UNION ALL '), columns, order: [], partition: [] }
}

function operand(node: SyntaxNode, context: Context): Relation {
  if (node.columns === undefined) throw notSupported(`${node.kind} as an operand of union`)
  return context.query.tabular(node, context)
}

function matching(relation: Relation, column: RelationColumn): string | undefined {
  const exact = relation.columns.find((each) => each.name === column.name && each.type === column.type)
  if (exact !== undefined) return exact.id
  return relation.columns.find((each) => each.type === column.type && `${each.name}_${each.type}` === column.name)?.id
}

import type { SyntaxNode } from '../lang/syntax.ts'
import { child, need, unexpectedChild } from '../lang/tree.ts'
import { translateAccess } from './access.ts'
import { translateCall } from './calls.ts'
import { convert } from './convert.ts'
import { type Context, semanticError } from './context.ts'
import { translateDynamic, translateLiteral } from './literals.ts'
import { translateBetween, translateIn, translateTermSet } from './membership.ts'
import { translateBinary, translateUnary } from './operators-scalar.ts'
import { firstRows } from './relation.ts'
import { notSupported, type Sql } from './sql.ts'

type Rule = (node: SyntaxNode, context: Context) => Sql

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['LiteralExpression', translateLiteral],
  ['CompoundStringLiteralExpression', translateLiteral],
  ['DynamicExpression', translateDynamic],
  ['ParenthesizedExpression', (node, context) => context.query.scalar(need(node, 'Expression'), context)],
  ['SimpleNamedExpression', (node, context) => context.query.scalar(need(node, 'Expression'), context)],
  ['NameReference', translateName],
  ['PathExpression', translateAccess],
  ['ElementExpression', translateAccess],
  ['BinaryExpression', translateBinary],
  ['PrefixUnaryExpression', translateUnary],
  ['InExpression', translateIn],
  ['HasAnyExpression', translateTermSet],
  ['HasAllExpression', translateTermSet],
  ['BetweenExpression', translateBetween],
  ['FunctionCallExpression', translateCall],
  ['ToScalarExpression', translateToScalar],
])

/** SQL of a scalar expression. */
export function translateScalar(node: SyntaxNode, context: Context): Sql {
  const computed = context.row?.computed?.get(node)
  if (computed !== undefined) return computed
  const rule = RULES.get(node.kind)
  if (rule === undefined) throw notSupported(`the expression ${node.kind}`)
  return rule(node, context)
}

function translateName(node: SyntaxNode, context: Context): Sql {
  const name = node.name ?? ''
  if (node.symbol?.kind === 'ColumnSymbol' || node.symbol === undefined) {
    const column = findColumn(name, context)
    if (column !== undefined) return column
  }
  const binding = context.names.lookup(name)
  if (binding?.kind === 'scalar') return binding.value
  if (binding?.kind === 'function') return translateCall(node, context)
  throw notSupported(`the name ${name} in this place`)
}

function findColumn(name: string, context: Context): Sql | undefined {
  const row = context.row
  const column = row?.columns.find((each) => each.name === name) ?? row?.right?.find((each) => each.name === name)
  return column === undefined ? undefined : { sql: column.id, type: column.type }
}

function translateToScalar(node: SyntaxNode, context: Context): Sql {
  const odd = unexpectedChild(node, ['ToScalar', 'KindParameter', 'OpenParen', 'Expression', 'CloseParen'])
  if (odd !== undefined) throw notSupported(`toscalar with ${odd.kind}`)
  const kind = child(node, 'KindParameter')
  if (kind !== undefined) throw notSupported('toscalar kind=')
  const inner = need(node, 'Expression')
  if (inner.columns === undefined) return context.query.scalar(inner, context)
  const { row: _, input: __, ...outside } = context
  const relation = context.query.tabular(inner, outside)
  const [column] = relation.columns
  if (column === undefined) throw semanticError('toscalar() needs a table with a column')
  const one = firstRows(relation, '1')
  const sql = `(SELECT ${column.id} FROM (${one.sql}))`
  const value: Sql = { sql: column.type === 'string' ? `coalesce(${sql}, '')` : sql, type: column.type }
  const type = node.type ?? column.type
  return convert(value, type)
}

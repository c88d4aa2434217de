import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, firstToken, need } from '../lang/tree.ts'
import { type Context, Environment, semanticError } from './context.ts'
import { defineStatement } from './let.ts'
import type { Relation } from './relation.ts'
import { notSupported } from './sql.ts'

/** `declare pattern name = (...)[...] { (values).[path] = { query }; ... }` */
export function definePattern(statement: SyntaxNode, context: Context): void {
  const name = need(statement, 'Name').name ?? ''
  const declaration = child(statement, 'Pattern')
  if (declaration === undefined) throw notSupported('a pattern without a declaration')
  context.names.define(name, { kind: 'pattern', name, declaration, context: { ...context } })
}

/** The table that `name(values)` or `name(values).path` stands for; undefined when the name is no pattern. */
export function patternTable(node: SyntaxNode, context: Context): Relation | undefined {
  const call = node.kind === 'PathExpression' ? need(node, 'Expression') : node
  if (call.kind !== 'FunctionCallExpression') return undefined
  const binding = context.names.lookup(need(call, 'Name').name ?? '')
  if (binding?.kind !== 'pattern') return undefined
  const given = elements(need(call, 'ArgumentList'), 'Expressions').map(textOf)
  const path = node === call ? undefined : need(node, 'Selector').name
  const found = elements(binding.declaration, 'Patterns').filter((match) => {
    const wanted = elements(need(match, 'ParameterValues'), 'Expressions').map(textOf)
    const at = child(match, 'PathValue')
    const sameValues = wanted.length === given.length && wanted.every((value, index) => value === given[index])
    return sameValues && (at === undefined ? undefined : textOf(need(at, 'Value'))) === path
  })
  const [match, ...more] = found
  if (match === undefined) throw semanticError(`the pattern ${binding.name} was not declared for these values`)
  if (more.length > 0) throw notSupported('a pattern declared twice for the same values')
  const { row: _, input: __, ...outside } = binding.context
  const inner: Context = { ...outside, names: new Environment(binding.context.names), depth: context.depth + 1 }
  const body = need(match, 'Body')
  for (const statement of elements(body, 'Statements')) defineStatement(statement, inner)
  return context.query.tabular(need(body, 'Expression'), inner)
}

function textOf(node: SyntaxNode): string {
  const value = node.value ?? (node.kind === 'LiteralExpression' ? firstToken(node)?.value : undefined)
  if (value === undefined || node.type !== 'string') throw notSupported('a pattern with other than literal strings')
  return value
}

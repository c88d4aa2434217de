import type { SyntaxNode } from '../lang/syntax.ts'
import { need } from '../lang/tree.ts'
import type { Binding, Context } from './context.ts'
import { notSupported } from './sql.ts'

/** Puts the name of a `let` into scope. Its value is translated when it is first used. */
export function defineStatement(statement: SyntaxNode, context: Context): void {
  if (statement.kind !== 'LetStatement') throw notSupported(`the statement ${statement.kind} here`)
  const name = need(statement, 'Name').name ?? ''
  const value = need(statement, 'Expression')
  // A later `let` of the same name must not be seen by this one.
  const seen: Context = { ...context }
  context.names.define(name, value.kind === 'FunctionDeclaration' ? declared(name, value, seen) : delayed(value, seen))
}

function declared(name: string, declaration: SyntaxNode, context: Context): Binding {
  return { kind: 'function', name, declaration, context }
}

function delayed(node: SyntaxNode, context: Context): Binding {
  return { kind: 'lazy', resolve: () => resolve(node, context) }
}

function resolve(node: SyntaxNode, context: Context): Binding {
  if (node.type === undefined && node.columns !== undefined) {
    return { kind: 'table', relation: context.query.tabular(node, context) }
  }
  return { kind: 'scalar', value: context.query.scalar(node, context) }
}

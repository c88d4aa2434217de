import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { type Binding, type Context, Environment, type FunctionBinding, semanticError } from './context.ts'
import { convert } from './convert.ts'
import { defineStatement } from './let.ts'
import type { Relation } from './relation.ts'
import { notSupported } from './sql.ts'

const MAX_DEPTH = 32

/** The body of a called function and the names its parameters stand for. */
export interface EnteredFunction {
  readonly body: SyntaxNode
  readonly context: Context
}

/** The function of the query that a call or a bare name refers to; undefined for built-in functions. */
export function functionBinding(node: SyntaxNode, context: Context): FunctionBinding | undefined {
  const name = node.kind === 'FunctionCallExpression' ? need(node, 'Name').name : node.name
  const binding = name === undefined ? undefined : context.names.lookup(name)
  return binding?.kind === 'function' ? binding : undefined
}

/** Binds the arguments of a call; `input` is the table in front of `invoke`. */
export function enterFunction(
  node: SyntaxNode,
  binding: FunctionBinding,
  context: Context,
  input?: Relation,
): EnteredFunction {
  if (context.depth >= MAX_DEPTH) throw semanticError('functions are nested too deeply')
  const declared = need(binding.declaration, 'Body')
  const body = node.expansion ?? declared
  const names = new Environment(binding.context.names)
  bindParameters(node, binding, names, context, input)
  const { row: _, input: __, ...outside } = context
  const inner: Context = {
    ...outside,
    names,
    // An expansion is parsed apart from the query: its offsets count from its own start.
    shift: body === declared ? binding.context.shift : declared.start + binding.context.shift - body.start,
    depth: context.depth + 1,
  }
  for (const statement of elements(body, 'Statements')) defineStatement(statement, inner)
  return { body: need(body, 'Expression'), context: inner }
}

function bindParameters(
  node: SyntaxNode,
  binding: FunctionBinding,
  names: Environment,
  context: Context,
  input: Relation | undefined,
): void {
  const parameters = elements(need(binding.declaration, 'Parameters'), 'Parameters')
  const given = node.kind === 'FunctionCallExpression' ? elements(need(node, 'ArgumentList'), 'Expressions') : []
  const byName = new Map<string, SyntaxNode>()
  const byPosition: SyntaxNode[] = []
  for (const each of given) {
    if (each.kind === 'SimpleNamedExpression') byName.set(need(each, 'Name').name ?? '', need(each, 'Expression'))
    else byPosition.push(each)
  }
  let position = 0
  parameters.forEach((parameter, index) => {
    const declaration = need(parameter, 'NameAndType')
    const name = need(declaration, 'Name').name ?? ''
    if (input !== undefined && index === 0) {
      names.define(name, { kind: 'table', relation: input })
      return
    }
    const named = byName.get(name)
    const argument = named ?? byPosition[position]
    if (named === undefined) position++
    names.define(name, parameterValue(parameter, argument, binding, context))
  })
}

function parameterValue(
  parameter: SyntaxNode,
  argument: SyntaxNode | undefined,
  binding: FunctionBinding,
  context: Context,
): Binding {
  const declaration = need(parameter, 'NameAndType')
  if (need(declaration, 'Type').kind === 'SchemaTypeExpression') {
    if (argument === undefined) throw semanticError(`the function ${binding.name}() lacks a table`)
    const { row: _, ...outside } = context
    return { kind: 'table', relation: context.query.tabular(argument, outside) }
  }
  const type = need(declaration, 'Name').type
  if (type === undefined) throw notSupported(`a parameter of ${binding.name}() without a scalar type`)
  const fallback = child(parameter, 'DefaultValue')
  const value =
    argument === undefined
      ? fallback === undefined
        ? undefined
        : context.query.scalar(need(fallback, 'Value'), binding.context)
      : context.query.scalar(argument, context)
  if (value === undefined) throw semanticError(`the function ${binding.name}() lacks an argument`)
  return { kind: 'scalar', value: convert(value, type) }
}

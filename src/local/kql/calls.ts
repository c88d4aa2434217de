import type { SyntaxNode } from '../lang/syntax.ts'
import { elements, need } from '../lang/tree.ts'
import { AGGREGATES } from './aggregates.ts'
import { CONTEXT_FUNCTIONS } from './context-functions.ts'
import { type Context, semanticError } from './context.ts'
import { convert } from './convert.ts'
import { SCALAR_FUNCTIONS } from './scalar-functions.ts'
import { literal, notSupported, type CallContext, type Sql } from './sql.ts'
import { enterFunction, functionBinding } from './user-functions.ts'
import { WINDOW_FUNCTIONS } from './window-names.ts'

/** Functions that give a tuple; here it is an array, taken apart where it is used. */
const TUPLES: ReadonlySet<string> = new Set(['array_sort_asc', 'array_sort_desc', 'series_stats'])

/** A call that gives one value. */
export function translateCall(node: SyntaxNode, context: Context): Sql {
  const user = functionBinding(node, context)
  if (user !== undefined) {
    const entered = enterFunction(node, user, context)
    const value = context.query.scalar(entered.body, entered.context)
    return convert(value, node.type ?? value.type)
  }
  const name = callName(node)
  if (node.type === undefined && node.columns !== undefined && !TUPLES.has(name)) {
    throw notSupported(`${name}() with several results in this place`)
  }
  const own = CONTEXT_FUNCTIONS.get(name)
  if (own !== undefined) return own(node, context)
  if (WINDOW_FUNCTIONS.has(name)) throw notSupported(`${name}() in this place`)
  if (context.row?.aggregate === true && AGGREGATES.has(name)) {
    const [sql] = translateAggregate(node, context)
    if (sql === undefined) throw notSupported(`${name}() inside an expression`)
    return { sql, type: resultType(node) }
  }
  const emit = SCALAR_FUNCTIONS.get(name)
  if (emit === undefined) throw notSupported(`the function ${name}()`)
  const call = callContext(node, context, name)
  return { sql: emit(callArguments(node, context), call), type: call.resultType }
}

/** Whether the node is a call of an aggregate function. */
export function isAggregate(node: SyntaxNode): boolean {
  return node.kind === 'FunctionCallExpression' && AGGREGATES.has(callName(node))
}

/** SQL of an aggregate, one expression for each column it gives. */
export function translateAggregate(node: SyntaxNode, context: Context): readonly string[] {
  const name = callName(node)
  const emit = AGGREGATES.get(name)
  if (emit === undefined) throw notSupported(`the aggregate ${name}()`)
  // Aggregates do not nest: what is inside reads rows.
  const { aggregate: _, ...row } = context.row ?? { columns: [] }
  const inner: Context = { ...context, row }
  return emit(callArguments(node, inner), callContext(node, inner, name))
}

/** The function's name as the query has it. */
export function callName(node: SyntaxNode): string {
  return need(node, 'Name').name ?? ''
}

/** The argument nodes of a call. */
export function argumentNodes(node: SyntaxNode): readonly SyntaxNode[] {
  return elements(need(node, 'ArgumentList'), 'Expressions')
}

function callArguments(node: SyntaxNode, context: Context): readonly Sql[] {
  const nodes = argumentNodes(node)
  return nodes.flatMap((each, index): readonly Sql[] => {
    if (each.kind === 'TypeOfLiteralExpression') return [typeArgument(each)]
    if (each.kind === 'StarExpression') return starArguments(node, nodes.slice(0, index), context)
    if (each.kind === 'SimpleNamedExpression') throw notSupported(`a named argument of ${callName(node)}()`)
    return [context.query.scalar(each, context)]
  })
}

/** `*` in `arg_max(x, *)` and `take_any(*)`: the columns the binder gave the call, those of the other arguments aside. */
function starArguments(node: SyntaxNode, before: readonly SyntaxNode[], context: Context): readonly Sql[] {
  // A scalar function takes the row as it is.
  const isScalar = node.columns === undefined && !AGGREGATES.has(callName(node))
  const columns = isScalar ? (context.row?.columns ?? []) : (node.columns ?? []).slice(before.length)
  return columns.map((column) => {
    const found = context.row?.columns.find((each) => each.name === column.name)
    if (found === undefined) throw notSupported(`the column ${column.name} of *`)
    return { sql: found.id, type: found.type }
  })
}

function typeArgument(node: SyntaxNode): Sql {
  const [type] = elements(node, 'Types')
  if (type?.symbol === undefined) throw notSupported('typeof() of a table')
  return literal(type.symbol.name, 'string')
}

function callContext(node: SyntaxNode, context: Context, name: string): CallContext {
  const nodes = argumentNodes(node)
  return {
    name,
    resultType: node.type ?? node.columns?.[0]?.type ?? unknownType(name),
    ...(node.columns === undefined ? {} : { resultColumns: node.columns }),
    ...(context.row?.order === undefined ? {} : { order: context.row.order }),
    nowTicks: context.query.nowTicks,
    path: (index) => dottedName(nodes[index]),
  }
}

function resultType(node: SyntaxNode): NonNullable<SyntaxNode['type']> {
  return node.type ?? node.columns?.[0]?.type ?? unknownType(callName(node))
}

function unknownType(name: string): never {
  throw semanticError(`the type of ${name}() cannot be told before the query runs`)
}

function dottedName(node: SyntaxNode | undefined): string {
  if (node === undefined) return ''
  if (node.kind === 'NameReference') return node.name ?? ''
  if (node.kind !== 'PathExpression') return ''
  return `${dottedName(need(node, 'Expression'))}.${need(node, 'Selector').name ?? ''}`
}

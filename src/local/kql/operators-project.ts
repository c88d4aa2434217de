import type { Column, SyntaxNode } from '../lang/syntax.ts'
import { elements, need, unexpectedChild } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import type { Context } from './context.ts'
import { numbered, type Output, project, type Relation } from './relation.ts'
import { notSupported, SQL_TYPES, type Sql } from './sql.ts'
import { hoistWindows } from './windows.ts'

/** `print a = 1, 2`. */
export function translatePrint(node: SyntaxNode, context: Context): Relation {
  const nodes = elements(node, 'Expressions')
  const { row: _, input: __, ...outside } = context
  const values = nodes.flatMap((each) => valuesOf(each, outside))
  const columns = boundColumns(node)
  const input: Relation = { sql: 'SELECT 1', columns: [], order: [], partition: [], single: true }
  return project(input, positional(columns, values, node), context.query.newId)
}

/** `project a, b = x + 1`. */
export function translateProject(node: SyntaxNode, input: Relation, context: Context): Relation {
  const nodes = elements(node, 'Expressions')
  const { relation, values } = rowValues(nodes, input, context)
  return project(relation, positional(boundColumns(node), values, node), context.query.newId)
}

/** `extend a = ..., strlen(s)`: a known name replaces its column. */
export function translateExtend(node: SyntaxNode, input: Relation, context: Context): Relation {
  const nodes = elements(node, 'Expressions')
  const { relation, values } = rowValues(nodes, input, context)
  return project(relation, extended(node, nodes, relation, values), context.query.newId)
}

/** `serialize`: from here on the rows have a strict order. */
export function translateSerialize(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { rowNumber: _, ...relation } = numbered(input, context.query.newId)
  const nodes = elements(node, 'Expressions')
  return nodes.length === 0 ? relation : translateExtend(node, relation, context)
}

/** `project-away`, `-keep`, `-reorder`, `-by-names`: the binder says which columns stay, in which order. */
export function translateSelection(node: SyntaxNode, input: Relation, context: Context): Relation {
  const outputs = boundColumns(node).map((column): Output => {
    const found = input.columns.find((each) => each.name === column.name)
    if (found === undefined) throw notSupported(`${node.kind} with the column ${column.name}`)
    return { name: column.name, type: found.type, sql: found.id }
  })
  return project(input, outputs, context.query.newId)
}

/** `project-rename new = old`: names change, places do not. */
export function translateRename(node: SyntaxNode, input: Relation): Relation {
  const columns = boundColumns(node)
  if (columns.length !== input.columns.length) throw notSupported('this project-rename')
  const renamed = input.columns.map((column, index) => ({ ...column, name: columns[index]?.name ?? column.name }))
  return { ...input, columns: renamed }
}

/** The columns the binder gave a node. @throws when only the data can tell them. */
export function boundColumns(node: SyntaxNode): readonly Column[] {
  if (node.columns === undefined || node.unknownColumns !== undefined) {
    throw notSupported('a column whose type only the data can tell', node.unknownColumns?.join(', '))
  }
  return node.columns
}

/** Values of row expressions; window functions are computed first. */
export function rowValues(
  nodes: readonly SyntaxNode[],
  input: Relation,
  context: Context,
): { readonly relation: Relation; readonly values: readonly Sql[] } {
  const { relation, computed } = hoistWindows(input, nodes, context)
  const inner: Context = { ...context, row: { columns: relation.columns, computed, ...extentOf(relation) } }
  return { relation, values: nodes.flatMap((each) => valuesOf(each, inner)) }
}

/** What `extent_id()` and its like read, for a row scope. */
export function extentOf({ extent }: Relation): { readonly extent?: string } {
  return extent === undefined ? {} : { extent }
}

/** One value, or several for `(a, b) = f(...)` and functions that give several columns. */
function valuesOf(node: SyntaxNode, context: Context): readonly Sql[] {
  if (node.kind === 'StarExpression') {
    return (context.row?.columns ?? []).map((column) => ({ sql: column.id, type: column.type }))
  }
  const call = node.kind === 'CompoundNamedExpression' ? need(node, 'Expression') : node
  if (call.kind !== 'FunctionCallExpression' || call.type !== undefined || call.columns === undefined) {
    return [context.query.scalar(node, context)]
  }
  const tuple = context.query.scalar(call, context)
  const parts = call.columns.map((column, index): Sql => {
    const part: Sql = { sql: `nullif(json_extract(${tuple.sql}, '$[${index}]')::VARCHAR, 'null')`, type: 'dynamic' }
    return { sql: castTo(part, column.type), type: column.type }
  })
  // `(a, b) = f(...)` takes as many as it names.
  return node === call ? parts : parts.slice(0, elements(need(node, 'Names'), 'Names').length)
}

/** Values matched to the binder's columns by place. */
export function positional(columns: readonly Column[], values: readonly Sql[], node: SyntaxNode): readonly Output[] {
  if (columns.length !== values.length) throw notSupported(`this form of ${node.kind}`)
  return columns.map((column, index) => output(column, values[index]))
}

/** A value as the binder's column. */
export function output(column: Column, value: Sql | undefined): Output {
  if (value === undefined) throw new Error(`no value for the column ${column.name}`)
  if (value.type === column.type) return { name: column.name, type: column.type, sql: value.sql }
  return { name: column.name, type: column.type, sql: `(${castTo(value, column.type)})::${SQL_TYPES[column.type]}` }
}

function extended(
  node: SyntaxNode,
  nodes: readonly SyntaxNode[],
  relation: Relation,
  values: readonly Sql[],
): readonly Output[] {
  const columns = boundColumns(node)
  const old = new Map(relation.columns.map((column) => [column.name, column] as const))
  const named = new Map<string, Sql>()
  const unnamed: Sql[] = []
  let at = 0
  for (const each of nodes) {
    const names = declaredNames(each)
    for (const name of names) {
      const value = values[at++]
      if (value === undefined) throw notSupported('this extend')
      if (name !== undefined) named.set(name, value)
      // `extend a` on an existing column changes nothing.
      else if (!(each.kind === 'NameReference' && old.has(each.name ?? ''))) unnamed.push(value)
    }
  }
  const outputs = columns.map((column): Output => {
    const value = named.get(column.name)
    if (value !== undefined) return output(column, value)
    const kept = old.get(column.name)
    if (kept !== undefined) return { name: column.name, type: kept.type, sql: kept.id }
    return output(column, unnamed.shift())
  })
  if (unnamed.length > 0) throw notSupported('this extend')
  return outputs
}

/** The names of an element's values; undefined for those the binder names. */
function declaredNames(node: SyntaxNode): readonly (string | undefined)[] {
  if (node.kind === 'CompoundNamedExpression') return elements(need(node, 'Names'), 'Names').map((each) => each.name)
  if (node.kind === 'SimpleNamedExpression') return [need(node, 'Name').name]
  return node.type === undefined && node.columns !== undefined ? node.columns.map(() => undefined) : [undefined]
}

/** Refuses what the operator's translation would not look at. */
export function onlyChildren(node: SyntaxNode, ...labels: readonly string[]): void {
  const odd = unexpectedChild(node, labels)
  if (odd !== undefined) throw notSupported(`${odd.label ?? odd.kind} of ${node.kind}`)
}

import type { BridgeElement, BridgeSymbol, LanguageRuntime } from './bridge.ts'
import type { Column, ScalarName, SymbolReference, SyntaxNode } from './syntax.ts'

const SCALARS: ReadonlySet<string> = new Set([
  'bool',
  'int',
  'long',
  'real',
  'decimal',
  'string',
  'datetime',
  'timespan',
  'guid',
  'dynamic',
])

/** Deeper calls are cut; Kusto itself refuses recursion. */
const MAX_EXPANSION_DEPTH = 40

export interface TableShape {
  readonly columns: readonly Column[]
  readonly unknownColumns?: readonly string[]
  readonly open?: true
}

/** Turns nodes of the official parser into plain data. One walker serves one parse: it shares column lists. */
export interface Walker {
  node(element: BridgeElement): SyntaxNode
  shape(symbol: BridgeSymbol | null | undefined): TableShape | undefined
}

/** The scalar type behind a name of the official parser, undefined when only the data can tell. */
export function scalarName(name: string): ScalarName | undefined {
  return SCALARS.has(name) ? (name as ScalarName) : undefined
}

/** Names of the enumeration SyntaxKind by value. */
export function syntaxKinds(runtime: LanguageRuntime): ReadonlyMap<number, string> {
  const kinds = new Map<number, string>()
  for (const [name, value] of Object.entries(runtime.Kusto.Language.Syntax.SyntaxKind)) {
    if (typeof value === 'number' && !kinds.has(value)) kinds.set(value, name)
  }
  return kinds
}

/** Creates the walker of one parse. */
export function createWalker(runtime: LanguageRuntime, kinds: ReadonlyMap<number, string>): Walker {
  const shapes = new Map<BridgeSymbol, TableShape | undefined>()
  return { node: (element) => walk(element, undefined, 0), shape }

  function className(value: unknown): string {
    const full = runtime.Bridge.getTypeName(value)
    if (full.includes('List$1') || full.includes('SyntaxList')) return 'List'
    const cut = full.slice(full.lastIndexOf('.') + 1)
    return cut.includes('+') || cut === 'SyntaxToken' ? 'Token' : cut
  }

  function shape(symbol: BridgeSymbol | null | undefined): TableShape | undefined {
    if (symbol === null || symbol === undefined) return undefined
    if (shapes.has(symbol)) return shapes.get(symbol)
    const made = makeShape(symbol)
    shapes.set(symbol, made)
    return made
  }

  function makeShape(symbol: BridgeSymbol): TableShape | undefined {
    const list = symbol.Columns
    const kind = className(symbol)
    if (list === null || list === undefined || (kind !== 'TableSymbol' && kind !== 'TupleSymbol')) return undefined
    const columns: Column[] = []
    const unknown: string[] = []
    for (let index = 0; index < list.Count; index++) {
      const column = list.getItem(index)
      const type = scalarName(column.Type.Name)
      if (type === undefined) unknown.push(column.Name)
      columns.push({ name: column.Name, type: type ?? 'dynamic' })
    }
    return {
      columns,
      ...(unknown.length > 0 ? { unknownColumns: unknown } : {}),
      ...(symbol.IsOpen === true ? { open: true as const } : {}),
    }
  }

  function walk(element: BridgeElement, label: string | undefined, depth: number): SyntaxNode {
    const kind = className(element)
    const position = {
      ...(label === undefined ? {} : { label }),
      start: element.TextStart,
      end: element.End,
    }
    if (kind === 'Token') {
      const value = element.ValueText ?? undefined
      return {
        kind,
        ...position,
        op: kinds.get(element.Kind) ?? '',
        text: element.Text ?? '',
        ...(value === undefined ? {} : { value }),
        children: [],
      }
    }
    const children: SyntaxNode[] = []
    for (let index = 0; index < element.ChildCount; index++) {
      const each = element.GetChild(index)
      if (each === null) continue
      const separated = each.Element$1
      children.push(
        separated === undefined ? walk(each, labelOf(element, index), depth) : walk(separated, undefined, depth),
      )
    }
    const op = kinds.get(element.Kind)
    const result = element.ResultType
    const type = result === null || result === undefined ? undefined : scalarName(result.Name)
    const table = type === undefined ? shape(result) : undefined
    const body = kind === 'FunctionCallExpression' && depth < MAX_EXPANSION_DEPTH ? expansion(element) : undefined
    return {
      kind,
      ...(op !== undefined && op !== kind ? { op } : {}),
      ...position,
      ...named(element, kind),
      ...literalValue(element, kind),
      children,
      ...(type === undefined ? {} : { type }),
      ...table,
      ...symbolOf(element),
      ...(body === undefined ? {} : { expansion: walk(body, undefined, depth + 1) }),
    }
  }

  function symbolOf(element: BridgeElement): { readonly symbol?: SymbolReference } {
    const symbol = element.ReferencedSymbol
    if (symbol === null || symbol === undefined) return {}
    return { symbol: { kind: className(symbol), name: symbol.Name } }
  }
}

function labelOf(element: BridgeElement, index: number): string | undefined {
  const given = element.GetName(index)
  return given === null || given === '' ? undefined : given
}

function expansion(element: BridgeElement): BridgeElement | undefined {
  return element.GetCalledFunctionBody?.() ?? undefined
}

function named(element: BridgeElement, kind: string): { readonly name?: string } {
  if (kind !== 'NameReference' && kind !== 'NameDeclaration' && !kind.endsWith('Name')) return {}
  const simple = element.SimpleName
  return simple === null || simple === undefined ? {} : { name: simple }
}

function literalValue(element: BridgeElement, kind: string): { readonly value?: string } {
  if (kind !== 'LiteralExpression' && kind !== 'CompoundStringLiteralExpression') return {}
  return typeof element.ConstantValue === 'string' ? { value: element.ConstantValue } : {}
}

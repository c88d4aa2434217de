import type { Cell, ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { type Context, semanticError } from './context.ts'
import { literal, type Sql } from './sql.ts'
import { parseDynamic, parseLiteral } from './types.ts'

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['0', '\0'],
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
])

/** `declare query_parameters(...)`: values come with the request, as the text of literals. */
export function defineQueryParameters(node: SyntaxNode, context: Context): void {
  for (const parameter of elements(node, 'Parameters')) {
    const name = need(need(parameter, 'NameAndType'), 'Name')
    const { type } = name
    if (name.name === undefined || type === undefined) throw semanticError('a query parameter needs a scalar type')
    context.names.define(name.name, { kind: 'scalar', value: parameterValue(parameter, name.name, type, context) })
  }
}

function parameterValue(parameter: SyntaxNode, name: string, type: ScalarName, context: Context): Sql {
  const given = context.query.parameters.get(name)
  if (given !== undefined) {
    const value = readParameter(given, type)
    if (value === undefined)
      throw semanticError(`the query parameter '${name}' is not a valid ${type}: ${given.slice(0, 100)}`)
    return literal(value, type)
  }
  const fallback = child(parameter, 'DefaultValue')
  if (fallback === undefined) throw semanticError(`the query parameter '${name}' has no value and no default`)
  return context.query.scalar(need(fallback, 'Value'), context)
}

function readParameter(text: string, type: ScalarName): Cell | undefined {
  if (type === 'string') return unquote(text)
  if (type === 'dynamic') {
    const inner = /^\s*dynamic\s*\(([\s\S]*)\)\s*$/.exec(text)?.[1] ?? text
    return parseDynamic(inner)
  }
  const value = parseLiteral(text, type)
  return value === null && !/\(\s*null\s*\)|^\s*null\s*$/.test(text) ? undefined : value
}

/** A string literal's value; text that is not a literal stands for itself. */
function unquote(text: string): string {
  const trimmed = text.trim()
  const verbatim = /^[hH]?@(["'])([\s\S]*)\1$/.exec(trimmed)
  if (verbatim !== null) {
    const [, quote = '"', body = ''] = verbatim
    return body.replaceAll(quote + quote, quote)
  }
  const plain = /^[hH]?(["'])((?:\\[\s\S]|(?!\1)[^\\])*)\1$/.exec(trimmed)
  if (plain === null) return text
  return (plain[2] ?? '').replaceAll(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])/g, (_, code: string) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES.get(code) ?? code),
  )
}

import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, firstToken, need } from '../lang/tree.ts'
import { semanticError } from './context.ts'
import { formatJson, type Json, Num } from './json.ts'
import { literal, notSupported, type Sql } from './sql.ts'
import { cellToJson, parseLiteral } from './types.ts'

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const LITERAL_TYPES: ReadonlyMap<string, ScalarName> = new Map([
  ['BooleanLiteralExpression', 'bool'],
  ['IntLiteralExpression', 'int'],
  ['LongLiteralExpression', 'long'],
  ['RealLiteralExpression', 'real'],
  ['DecimalLiteralExpression', 'decimal'],
  ['StringLiteralExpression', 'string'],
  ['DateTimeLiteralExpression', 'datetime'],
  ['TimespanLiteralExpression', 'timespan'],
  ['GuidLiteralExpression', 'guid'],
])

/** The value of a literal, read from its token: the parser's own constants lose NaN and precision. */
export function translateLiteral(node: SyntaxNode): Sql {
  // The binder leaves some places alone, such as the defaults of declared columns.
  const type = node.type ?? LITERAL_TYPES.get(node.op ?? '')
  if (type === undefined) throw notSupported(`the literal ${firstToken(node)?.text ?? ''}`)
  if (type === 'string') return literal(node.value ?? firstToken(node)?.value ?? '', 'string')
  if (type === 'dynamic') throw notSupported('a bare dynamic literal')
  const text = firstToken(node)?.text ?? ''
  const value = parseLiteral(text, type)
  if (value === undefined) throw semanticError(`'${text}' is not a valid ${type} literal`)
  return literal(value, type)
}

/** The value of `dynamic(...)`. */
export function translateDynamic(node: SyntaxNode): Sql {
  const value = jsonOf(need(node, 'Expression'))
  return literal(value === null ? null : formatJson(value), 'dynamic')
}

function jsonOf(node: SyntaxNode): Json {
  switch (node.kind) {
    case 'JsonArrayExpression':
      return elements(node, 'Values').map(jsonOf)
    case 'JsonObjectExpression':
      return new Map(elements(node, 'Pairs').map((pair) => [pairName(pair), jsonOf(need(pair, 'Value'))] as const))
    case 'DynamicExpression':
    case 'ParenthesizedExpression':
      return jsonOf(need(node, 'Expression'))
    case 'PrefixUnaryExpression':
      return negated(jsonOf(need(node, 'Expression')), need(node, 'Operator').text)
    case 'CompoundStringLiteralExpression':
      return node.value ?? ''
    case 'LiteralExpression':
      return jsonLiteral(node)
    default:
      throw notSupported(`${node.kind} inside dynamic()`)
  }
}

function pairName(pair: SyntaxNode): string {
  const name = need(pair, 'Name')
  return name.value ?? firstToken(name)?.value ?? ''
}

function negated(value: Json, operator: string | undefined): Json {
  if (operator === '+') return value
  if (operator === '-' && value instanceof Num) {
    return new Num(value.text.startsWith('-') ? value.text.slice(1) : `-${value.text}`)
  }
  throw notSupported(`the operator ${operator ?? ''} inside dynamic()`)
}

function jsonLiteral(node: SyntaxNode): Json {
  if (node.op === 'NullLiteralExpression') return null
  const text = child(node, 'Token')?.text ?? ''
  if (JSON_NUMBER.test(text)) return new Num(text)
  const { constant, type } = translateLiteral(node)
  return cellToJson(constant ?? null, type)
}

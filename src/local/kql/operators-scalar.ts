import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { need } from '../lang/tree.ts'
import {
  castTo,
  checkedDatetime,
  commonType,
  equals,
  greaterOrEqual,
  greaterThan,
  lessOrEqual,
  lessThan,
  notEquals,
} from './casts.ts'
import type { Context } from './context.ts'
import { starTest } from './operators-search.ts'
import { literal, notSupported, SQL_TYPES, type Sql } from './sql.ts'
import { textOperator } from './text-operators.ts'
import { MAX_DATETIME_TICKS } from './types.ts'

type Comparison = (a: Sql, b: Sql) => string

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ['==', equals],
  ['!=', notEquals],
  ['<>', notEquals],
  ['<', lessThan],
  ['<=', lessOrEqual],
  ['>', greaterThan],
  ['>=', greaterOrEqual],
])

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%'])

/** Arithmetic, comparison, logic and text operators. */
export function translateBinary(node: SyntaxNode, context: Context): Sql {
  const operator = need(node, 'Operator').text?.toLowerCase() ?? ''
  if (need(node, 'Left').kind === 'StarExpression') {
    const needle = context.query.scalar(need(node, 'Right'), context)
    return { sql: starTest(operator, context.row?.columns ?? [], needle), type: 'bool' }
  }
  const left = context.query.scalar(need(node, 'Left'), context)
  const right = context.query.scalar(need(node, 'Right'), context)
  if (operator === 'and' || operator === 'or') {
    return { sql: `(${castTo(left, 'bool')} ${operator.toUpperCase()} ${castTo(right, 'bool')})`, type: 'bool' }
  }
  const comparison = COMPARISONS.get(operator)
  if (comparison !== undefined) return { sql: comparison(left, right), type: 'bool' }
  if (ARITHMETIC.has(operator)) return arithmetic(operator, left, right, node.type)
  return { sql: textOperator(operator, left, right), type: 'bool' }
}

/** `-x` and `+x`; a negated literal stays a literal. */
export function translateUnary(node: SyntaxNode, context: Context): Sql {
  const operator = need(node, 'Operator').text
  const value = context.query.scalar(need(node, 'Expression'), context)
  if (operator === '+') return value
  if (operator !== '-') throw notSupported(`the operator ${operator ?? ''}`)
  const { constant, type } = value
  if (typeof constant === 'number' || typeof constant === 'bigint') return literal(-constant, type)
  if (typeof constant === 'string' && type === 'decimal') {
    return literal(constant.startsWith('-') ? constant.slice(1) : `-${constant}`, type)
  }
  const resultType = node.type ?? type
  return { sql: `(-(${castTo(value, resultType)}))`, type: resultType }
}

function arithmetic(operator: string, left: Sql, right: Sql, bound: ScalarName | undefined): Sql {
  const folded = fold(operator, left, right, bound)
  if (folded !== undefined) return folded
  if (isTime(left.type) || isTime(right.type)) return timeArithmetic(operator, left, right, bound)
  const type = bound === undefined || bound === 'dynamic' ? numericType(left.type, right.type) : bound
  return numbers(operator, left, right, type)
}

/** Dynamic operands count as the other side's number; two dynamics have no exact rule here. */
function numericType(a: ScalarName, b: ScalarName): ScalarName {
  const type = commonType(a, b)
  if (type === 'dynamic' || type === 'string' || type === 'guid') {
    throw notSupported(`arithmetic between ${a} and ${b}`)
  }
  return type
}

function numbers(operator: string, left: Sql, right: Sql, type: ScalarName): Sql {
  if (type !== 'int' && type !== 'long' && type !== 'real' && type !== 'decimal') {
    throw notSupported(`the operator ${operator} on ${left.type} and ${right.type}`)
  }
  if ((left.type === 'dynamic' || right.type === 'dynamic') && type !== 'real') {
    // The binder takes a dynamic for the other side's integer; the value may as well be a fraction.
    throw notSupported('integer arithmetic on a dynamic value', 'convert it with tolong() or todouble() first')
  }
  const a = `(${castTo(left, type)})`
  const b = `(${castTo(right, type)})`
  if (type === 'decimal') return { sql: decimals(operator, a, b), type }
  if (operator === '%') return { sql: modulo(a, b), type }
  if (operator === '/' && type !== 'real') return { sql: `(${a} // ${b})`, type }
  return { sql: `(${a} ${operator} ${b})`, type }
}

const DECIMAL_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['*', 'k_decimal_multiply'],
  ['/', 'k_decimal_divide'],
  ['%', 'k_decimal_modulo'],
])

/** Sums stay within DuckDB's decimals; the rest is computed exactly or refused when the row is reached. */
function decimals(operator: string, a: string, b: string): string {
  const name = DECIMAL_FUNCTIONS.get(operator)
  const sql = name === undefined ? `(${a} ${operator} ${b})` : `${name}(${a}::VARCHAR, ${b}::VARCHAR)`
  return `CAST(${sql} AS ${SQL_TYPES.decimal})`
}

/** Kusto's remainder is never negative. */
function modulo(a: string, b: string): string {
  return `(((${a} % ${b}) + abs(${b})) % abs(${b}))`
}

function isTime(type: ScalarName): boolean {
  return type === 'datetime' || type === 'timespan'
}

function timeArithmetic(operator: string, left: Sql, right: Sql, bound: ScalarName | undefined): Sql {
  const shape = `${left.type} ${operator} ${right.type}`
  const a = `(${left.sql})`
  const b = `(${right.sql})`
  switch (shape) {
    case 'datetime - datetime':
    case 'timespan - timespan':
    case 'timespan + timespan':
      return { sql: `(${a} ${operator} ${b})`, type: 'timespan' }
    case 'datetime + timespan':
    case 'timespan + datetime':
    case 'datetime - timespan':
      return moved(operator, left, right)
    case 'timespan % timespan':
    case 'datetime % timespan':
      return { sql: modulo(a, b), type: bound ?? 'timespan' }
    case 'timespan / timespan':
      if (bound === 'long' || bound === 'int') return { sql: `(${a} // ${b})`, type: bound }
      return { sql: `(${a}::DOUBLE / ${b}::DOUBLE)`, type: 'real' }
    case 'timespan * long':
    case 'timespan * int':
    case 'long * timespan':
    case 'int * timespan':
      return { sql: `(${a} * ${b})`, type: 'timespan' }
    case 'timespan / long':
    case 'timespan / int':
      return { sql: `(${a} // ${b})`, type: 'timespan' }
    case 'timespan * real':
    case 'real * timespan':
      return { sql: `CAST(trunc(${a} * ${b}) AS BIGINT)`, type: 'timespan' }
    case 'timespan / real':
      return { sql: `CAST(trunc(${a} / ${b}) AS BIGINT)`, type: 'timespan' }
    default:
      if (left.type === 'dynamic' && right.type !== 'dynamic') {
        const as =
          right.type === 'datetime' && operator === '+' ? 'timespan' : bound === 'datetime' ? 'datetime' : right.type
        return timeArithmetic(operator, { sql: castTo(left, as), type: as }, right, bound)
      }
      throw notSupported(`the operator ${operator} on ${left.type} and ${right.type}`)
  }
}

/** A datetime and a timespan: a literal again of literals. */
function moved(operator: string, left: Sql, right: Sql): Sql {
  const [a, b] = [left.constant, right.constant]
  const value = typeof a === 'bigint' && typeof b === 'bigint' ? (operator === '+' ? a + b : a - b) : undefined
  if (value !== undefined && value >= 0n && value <= MAX_DATETIME_TICKS) return literal(value, 'datetime')
  return { sql: checkedDatetime(`((${left.sql}) ${operator} (${right.sql}))`), type: 'datetime' }
}

/** Long arithmetic of literals stays a literal, so that `range(1, 10 * 2)` and the like see constants. */
function fold(operator: string, left: Sql, right: Sql, type: ScalarName | undefined): Sql | undefined {
  const a = left.constant
  const b = right.constant
  if (type !== 'long' || typeof a !== 'bigint' || typeof b !== 'bigint') return undefined
  if (left.type !== 'long' || right.type !== 'long') return undefined
  const value = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : undefined
  return value === undefined || BigInt.asIntN(64, value) !== value ? undefined : literal(value, 'long')
}

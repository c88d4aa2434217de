import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren } from './operators-project.ts'
import { operatorParameters, parameterWord } from './parameters.ts'
import { filter, project, type Relation, type RelationColumn } from './relation.ts'
import { literal, notSupported, quoteText, type Sql } from './sql.ts'
import { textOperator } from './text-operators.ts'

/** `search`, over the table in front of it or over those named by `in (...)`. */
export function translateSearch(node: SyntaxNode, input: Relation | undefined, context: Context): Relation {
  onlyChildren(node, 'SearchKeyword', 'Parameters', 'InClause', 'Condition')
  const kind = parameterWord(operatorParameters(node, ['kind']).get('kind')) ?? 'case_insensitive'
  if (kind !== 'case_insensitive' && kind !== 'default' && kind !== 'case_sensitive') {
    throw notSupported(`search kind=${kind}`)
  }
  const { row: _, input: __, ...outside } = context
  const tables = searched(node, input, outside)
  if (tables.some((table) => table.partition.length > 0)) throw notSupported('search inside a partitioned subquery')
  const { newId } = context.query
  const columns = boundColumns(node).map((column): RelationColumn => ({ ...column, id: newId() }))
  const selects = tables.map((table) => {
    const taken = new Set<string>()
    const outputs = columns.map((column) => {
      if (column.name === '$table') return { ...column, sql: quoteText(table.source ?? '') }
      const found = table.columns.find((each) => each.name === column.name)
      if (found === undefined) return { ...column, sql: literal(null, column.type).sql }
      if (found.type !== column.type) throw notSupported('search over columns of one name and different types')
      taken.add(column.name)
      return { ...column, sql: found.id }
    })
    if (table.columns.some((column) => !taken.has(column.name))) throw notSupported('this search')
    const wide = project({ ...table, order: [] }, outputs, newId)
    const row = { columns: wide.columns.filter((column) => column.name !== '$table') }
    const own = row.columns.filter((column) => taken.has(column.name))
    const test = predicate(need(node, 'Condition'), own, kind === 'case_sensitive', { ...outside, row })
    const found = filter(wide, `WHERE ${test}`)
    return `SELECT ${wide.columns.map((column, index) => `${column.id} AS ${columns[index]?.id ?? ''}`).join(', ')} FROM (${found.sql})`
  })
  return { sql: selects.join(' UNION ALL '), columns, order: [], partition: [] }
}

function searched(node: SyntaxNode, input: Relation | undefined, context: Context): readonly Relation[] {
  const clause = child(node, 'InClause')
  if (clause === undefined) {
    if (input === undefined) throw notSupported('search of all tables', 'name them: search in (T, U) ...')
    if (input.source === undefined) throw notSupported('search of a table without a name')
    return [input]
  }
  if (input !== undefined) throw semanticError('search takes its tables from one place')
  return elements(clause, 'Expressions').map((each) => {
    if (each.kind !== 'NameReference') throw notSupported('search in other than named tables')
    return context.query.tabular(each, context)
  })
}

/** A bare string is looked for in all columns; `column:"x"` means `has`. */
function predicate(node: SyntaxNode, own: readonly RelationColumn[], isSensitive: boolean, context: Context): string {
  if (node.kind === 'ParenthesizedExpression') return predicate(need(node, 'Expression'), own, isSensitive, context)
  // The binder calls a bare literal a truth value.
  if (node.op === 'StringLiteralExpression') return anyColumn(term(node.value ?? '', isSensitive), own)
  if (node.kind.endsWith('LiteralExpression')) throw notSupported('this literal as a search condition')
  if (node.kind === 'BinaryExpression') {
    const operator = need(node, 'Operator').text?.toLowerCase() ?? ''
    const left = need(node, 'Left')
    const right = need(node, 'Right')
    if (operator === 'and' || operator === 'or') {
      const sides = [left, right].map((each) => predicate(each, own, isSensitive, context))
      return `(${sides.join(` ${operator.toUpperCase()} `)})`
    }
    if (operator === ':') {
      if (right.op !== 'StringLiteralExpression') throw notSupported('this search condition')
      const test = term(right.value ?? '', isSensitive)
      if (left.kind === 'StarExpression') return anyColumn(test, own)
      const value = context.query.scalar(left, context)
      if (value.type !== 'string') throw notSupported(`search in a column of type ${value.type}`)
      return textOperator(test.operator, value, test.needle)
    }
    if (left.kind === 'StarExpression') return starTest(operator, own, context.query.scalar(right, context))
  }
  return `coalesce(${castTo(context.query.scalar(node, context), 'bool')}, false)`
}

interface Term {
  readonly operator: string
  readonly needle: Sql
}

function term(text: string, isSensitive: boolean): Term {
  const plain = text.replaceAll('*', '')
  const [before, after] = [text.startsWith('*'), text.endsWith('*')]
  if (text !== `${before ? '*' : ''}${plain}${after ? '*' : ''}` || plain === '') {
    throw notSupported('search with a wildcard inside of a term')
  }
  const word = before ? (after ? 'contains' : 'hassuffix') : after ? 'hasprefix' : 'has'
  return { operator: isSensitive ? `${word}_cs` : word, needle: literal(plain, 'string') }
}

function anyColumn({ operator, needle }: Term, own: readonly RelationColumn[]): string {
  return starTest(operator, own, needle)
}

/**
 * `* has "x"`: true when it holds for one of the columns. Only texts are looked at, so a needle that the text of a
 * number, a time or a truth value could hold is refused next to such columns.
 */
export function starTest(operator: string, columns: readonly RelationColumn[], right: Sql): string {
  const texts = columns.filter((column) => column.type === 'string')
  if (texts.length < columns.length) {
    const needle = right.constant
    const isWord = typeof needle === 'string' && /\p{L}{3}/u.test(needle) && !/nan|inf|true|false|null/i.test(needle)
    if (!isWord || operator.startsWith('!') || columns.some((column) => column.type === 'dynamic')) {
      throw notSupported('a search in all columns where not all are strings')
    }
  }
  if (right.type !== 'string') throw notSupported(`a search in all columns for a ${right.type}`)
  if (texts.length === 0) return 'false'
  if (operator === '==') return `(${texts.map((column) => `${column.id} = ${right.sql}`).join(' OR ')})`
  if (operator.startsWith('!')) throw notSupported(`the operator ${operator} on all columns`)
  return `(${texts.map((column) => textOperator(operator, { sql: column.id, type: 'string' }, right)).join(' OR ')})`
}

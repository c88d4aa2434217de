import { KustoUsageError } from '../errors.ts'
import { join, Kql } from './kql.ts'

/** One statement of a query text; `text` has neither surrounding blanks and comments nor the `;`. */
export interface QueryStatement {
  readonly kind: 'let' | 'set' | 'declare' | 'alias' | 'restrict' | 'tabular'
  readonly text: string
  /** Where `text` starts and ends in the query text. */
  readonly start: number
  readonly end: number
}

const NOT_TABULAR: ReadonlySet<string> = new Set(['let', 'set', 'declare', 'alias', 'restrict'])

// One alternative per token that can hide a `;` or a `//`; an unterminated string ends with its line.
const TOKEN =
  /\/\/[^\r\n]*|```[\s\S]*?(?:```|$)|~~~[\s\S]*?(?:~~~|$)|@"(?:[^"\r\n]|"")*"?|@'(?:[^'\r\n]|'')*'?|"(?:[^"\\\r\n]|\\.)*"?|'(?:[^'\\\r\n]|\\.)*'?|\s+|[\s\S]/g

/** Splits at the `;` that end statements: not those in strings, comments or brackets. Empty statements are left out. */
export function splitStatements(queryText: string): readonly QueryStatement[] {
  const statements: QueryStatement[] = []
  let depth = 0
  let start = -1
  let end = -1
  const finish = (): void => {
    if (start >= 0) statements.push(statementOf(queryText.slice(start, end), start))
    start = -1
  }
  for (const { 0: token, index } of queryText.matchAll(TOKEN)) {
    if (token.startsWith('//') || token.trim() === '') continue
    if (token === ';' && depth === 0) {
      finish()
      continue
    }
    if ('([{'.includes(token)) depth++
    else if (')]}'.includes(token)) depth = Math.max(0, depth - 1)
    if (start < 0) start = index
    end = index + token.length
  }
  finish()
  return statements
}

/**
 * The query with operators at the end of its one tabular statement, each on a new line, so that a trailing comment or
 * `;` cannot swallow them. Statements before it (`let`, `set`, `declare`) stay as they are. A `render` at the end is left
 * out: it says how a client should draw the rows and must be the last operator.
 * @throws {KustoUsageError} KUSTO_NOT_ONE_RESULT when the text has no tabular statement, has several, or does not end with it
 */
export function appendOperators(query: Kql | string, operators: readonly Kql[]): Kql {
  const piece = typeof query === 'string' ? Kql.raw(query) : query
  const result = resultStatement(piece.skeleton)
  const piped = operators.map((operator) => Kql.splice(['\n| ', ''], [operator]))
  return join([piece.before(result.start + endBeforeRender(result.text)), ...piped], '')
}

/**
 * The statement whose rows the query returns.
 * @throws {KustoUsageError} KUSTO_NOT_ONE_RESULT as `appendOperators` does
 */
export function resultStatement(queryText: string): QueryStatement {
  const statements = splitStatements(queryText)
  const tabular = statements.filter((statement) => statement.kind === 'tabular')
  const last = statements.at(-1)
  if (tabular.length !== 1 || last?.kind !== 'tabular') {
    throw new KustoUsageError(
      'KUSTO_NOT_ONE_RESULT',
      `expected a query that ends with its one tabular statement, found ${tabular.length} tabular statements of ${statements.length}`,
    )
  }
  return last
}

/** Where the statement ends without the `render` operator it may end with. */
function endBeforeRender(statement: string): number {
  let depth = 0
  let lastPipe = -1
  let word = ''
  for (const { 0: token, index } of statement.matchAll(TOKEN)) {
    if (token.startsWith('//') || token.trim() === '') {
      if (word !== '') word += ' '
      continue
    }
    if ('([{'.includes(token)) depth++
    else if (')]}'.includes(token)) depth = Math.max(0, depth - 1)
    if (token === '|' && depth === 0) {
      lastPipe = index
      word = ''
    } else if (word.length < 8) word += token
  }
  return lastPipe >= 0 && /^render\b/.test(word) ? lastPipe : statement.length
}

/** Whether the text is a management command: its first character after blanks and `//` comments is a dot. */
export function isManagementCommand(csl: string): boolean {
  return /^(?:\s|\/\/[^\r\n]*(?:[\r\n]|$))*\./.test(csl)
}

function statementOf(statement: string, start: number): QueryStatement {
  const word = /^[a-z]+(?=\s)/.exec(statement)?.[0] ?? ''
  const kind = NOT_TABULAR.has(word) ? (word as QueryStatement['kind']) : 'tabular'
  return { kind, text: statement, start, end: start + statement.length }
}

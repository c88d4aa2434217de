import type { Column, QueryAnalysis, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, firstToken, need, unexpectedChild } from '../lang/tree.ts'
import {
  type Context,
  Environment,
  type PhysicalTable,
  type QueryState,
  RewriteNeeded,
  semanticError,
} from './context.ts'
import { translateScalar } from './expression.ts'
import { defineStatement } from './let.ts'
import { onlyChildren } from './operators-project.ts'
import { definePattern } from './patterns.ts'
import { defineQueryParameters } from './query-parameters.ts'
import { orderClause, type Relation } from './relation.ts'
import { notSupported } from './sql.ts'
import { translateTabular } from './tabular.ts'

export type { PhysicalTable } from './context.ts'

/** How often a query may have to be rewritten for the binder. */
const MAX_REWRITES = 20

/** What a query is translated against. */
export interface TranslateScope {
  readonly database: string
  readonly nowTicks: bigint
  table(database: string | undefined, name: string): PhysicalTable | undefined
  /** Declared query parameter name -> literal text as sent. */
  readonly parameters: ReadonlyMap<string, string>
  /** Runs a small SQL query now, for plugins whose schema depends on the data. */
  probe(sql: string): Promise<readonly (readonly unknown[])[]>
  /**
   * Analyses a rewritten query text in the same scope, and throws what a query with errors is answered with. A plugin
   * whose schema depends on the data gets that schema written into the text, so that the binder knows it.
   */
  analyze(text: string): Promise<QueryAnalysis>
}

/** One result table of a query. */
export interface TranslatedResult {
  readonly name: string
  /** Selects c0, c1, ... in order; the final ORDER BY is included. */
  readonly sql: string
  readonly columns: readonly Column[]
  readonly ordered: boolean
}

export interface TranslatedQuery {
  readonly results: readonly TranslatedResult[]
  /** What `render` asked for, in the form of the service's `Visualization` property. */
  readonly visualization: Readonly<Record<string, unknown>> | undefined
  /** `set` statements; true for those without a value. */
  readonly options: ReadonlyMap<string, string | true>
}

/**
 * Turns an analysed query without errors into DuckDB SQL.
 *
 * @throws {LocalError} `BadRequest_NotSupportedByEmulator` for whatever is not translated exactly
 */
export async function translateQuery(analysis: QueryAnalysis, scope: TranslateScope): Promise<TranslatedQuery> {
  let current = analysis
  for (let round = 0; round < MAX_REWRITES; round++) {
    try {
      return translateNow(current, scope)
    } catch (error) {
      if (!(error instanceof RewriteNeeded)) throw error
      const { start, end, text: inserted } = error.edit(error.probe === undefined ? [] : await scope.probe(error.probe))
      const text = current.text.slice(0, start) + inserted + current.text.slice(end)
      current = await scope.analyze(text)
    }
  }
  throw notSupported(`a query with more than ${MAX_REWRITES} parts whose schema only the data can tell`)
}

function translateNow(analysis: QueryAnalysis, scope: TranslateScope): TranslatedQuery {
  let ids = 0
  const options = new Map<string, string | true>()
  const query: QueryState = {
    text: analysis.text,
    database: scope.database,
    nowTicks: scope.nowTicks,
    parameters: scope.parameters,
    options,
    optionValues: new Map(),
    materialized: [],
    visualization: undefined,
    newId: () => `k${++ids}`,
    table: (database, name) => scope.table(database, name),
    scalar: translateScalar,
    tabular: translateTabular,
  }
  const context: Context = { query, names: new Environment(), shift: 0, depth: 0 }
  const odd = unexpectedChild(analysis.root, ['Directives', 'Statements', 'EndOfQuery'])
  if (odd !== undefined) throw notSupported(`${odd.label ?? odd.kind} in a query`)
  if (elements(analysis.root, 'Directives').length > 0) throw notSupported('directives')
  const results = elements(analysis.root, 'Statements').flatMap((statement) => run(statement, context))
  if (results.length === 0) throw semanticError('the query has no result')
  return { results, visualization: query.visualization, options }
}

function run(statement: SyntaxNode, context: Context): readonly TranslatedResult[] {
  switch (statement.kind) {
    case 'LetStatement':
      defineStatement(statement, context)
      return []
    case 'PatternStatement':
      definePattern(statement, context)
      return []
    case 'SetOptionStatement':
      setOption(statement, context)
      return []
    case 'QueryParametersStatement':
      defineQueryParameters(statement, context)
      return []
    case 'ExpressionStatement': {
      const expression = need(statement, 'Expression')
      if (expression.kind === 'PipeExpression' && need(expression, 'Operator').kind === 'ForkOperator') {
        return translateFork(expression, context)
      }
      if (expression.columns === undefined || expression.type !== undefined) {
        throw notSupported('a query that gives no table')
      }
      return [finish(translateTabular(expression, context), context)]
    }
    default:
      throw notSupported(`the statement ${statement.kind}`)
  }
}

/** `fork`: one result for each subquery, under its name if it has one. It must be the last operator. */
function translateFork(pipe: SyntaxNode, context: Context): readonly TranslatedResult[] {
  const input = translateTabular(need(pipe, 'Expression'), context)
  const fork = need(pipe, 'Operator')
  onlyChildren(fork, 'ForkKeyword', 'Expressions')
  return elements(fork, 'Expressions').map((each) => {
    const name = child(each, 'NameEquals')
    const names = new Environment(context.names)
    const result = finish(translateTabular(need(each, 'Expression'), { ...context, names, input }), context)
    return name === undefined ? result : { ...result, name: need(name, 'Name').name ?? result.name }
  })
}

function setOption(statement: SyntaxNode, context: Context): void {
  const clause = child(statement, 'ValueClause')
  const name = need(statement, 'Name')
  const key = name.name ?? firstToken(name)?.text ?? ''
  if (clause === undefined) {
    context.query.options.set(key, true)
    return
  }
  const value = need(clause, 'Expression')
  if (value.type !== undefined) context.query.optionValues.set(key, context.query.scalar(value, context))
  const token = firstToken(value)
  context.query.options.set(key, value.value ?? token?.value ?? token?.text ?? '')
}

function finish(relation: Relation, context: Context): TranslatedResult {
  const items = relation.columns.map((column, index) => `${column.id} AS c${index}`)
  const { materialized } = context.query
  const prefix = materialized.length === 0 ? '' : `WITH ${materialized.join(', ')} `
  const select = `SELECT ${items.length === 0 ? '1 AS c0' : items.join(', ')} FROM (${relation.sql}) ${orderClause(relation)}`
  return {
    name: 'PrimaryResult',
    sql: `${prefix}${select.trimEnd()}`,
    columns: relation.columns.map(({ name, type }) => ({ name, type })),
    ordered: relation.order.length > 0,
  }
}

import type { SyntaxNode } from '../lang/syntax.ts'
import { elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns } from './operators-project.ts'
import type { Relation, RelationColumn } from './relation.ts'
import { notSupported, quoteText, SQL_TYPES } from './sql.ts'
import { udfFailure } from '../server/local-error.ts'

/** The timeline of an activity plugin: whole steps from its start to its end, both included. */
interface Timeline {
  readonly user: RelationColumn
  readonly time: RelationColumn
  readonly from: string
  readonly to: string
  /** Further arguments as SQL of ticks or numbers. */
  readonly spans: readonly string[]
}

function timeline(node: SyntaxNode, input: Relation, context: Context, spanCount: number): Timeline {
  const name = need(need(node, 'FunctionCall'), 'Name').name ?? ''
  const values = elements(need(need(node, 'FunctionCall'), 'ArgumentList'), 'Expressions')
  if (values.length !== 4 + spanCount) throw notSupported(`${name} with ${values.length} arguments`)
  const column = (index: number): RelationColumn => {
    const found = input.columns.find((each) => each.name === values[index]?.name)
    if (found === undefined) throw notSupported(`${name} of an expression`)
    return found
  }
  const [user, time] = [column(0), column(1)]
  if (time.type !== 'datetime' && time.type !== 'long' && time.type !== 'int') {
    throw notSupported(`${name} over ${time.type}`)
  }
  const span = time.type === 'datetime' ? 'timespan' : time.type
  const sql = values.slice(2).map((each, index) => {
    const value = context.query.scalar(each, context)
    if (value.constant === undefined || value.constant === null) throw semanticError(`${name} needs constants`)
    return `(${castTo(value, index < 2 ? time.type : span)})::BIGINT`
  })
  return { user, time, from: sql[0] ?? '', to: sql[1] ?? '', spans: sql.slice(2) }
}

/** SQL that fails with NotSupported when reached. */
function refuse(feature: string): string {
  return `error(${quoteText(udfFailure('', notSupported(feature)))})`
}

/** `activity_counts_metrics(id, time, start, end, step)`: events and users of each step, new ones and all so far. */
export function activityCountsMetrics(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { user, time, from, to, spans } = timeline(node, input, context, 1)
  const [step = ''] = spans
  const { newId } = context.query
  const [base, at, first] = [`m${newId()}`, newId(), newId()]
  const inside = `SELECT ${user.id}, (${time.id} - ${from}) // ${step} AS ${at} FROM (${input.sql}) WHERE ${time.id} >= ${from} AND ${time.id} <= ${to}`
  context.query.materialized.push(
    `${base} AS MATERIALIZED (SELECT *, min(${at}) OVER (PARTITION BY ${user.id}) AS ${first} FROM (${inside}))`,
  )
  // What a step without events gives is not documented.
  const gap = `CASE WHEN count(*) OVER () < max(${at}) OVER () + 1 THEN ${refuse('activity_counts_metrics of a step without events')} ELSE ${at} END`
  const perStep = `SELECT ${at}, count(*) AS n, count(DISTINCT ${user.id}) AS d, count(DISTINCT ${user.id}) FILTER (${first} = ${at}) AS f FROM ${base} GROUP BY ${at}`
  const figures = [
    `(${from} + ${gap} * ${step})`,
    'n',
    'd',
    'f',
    `sum(f) OVER (ORDER BY ${at} ROWS UNBOUNDED PRECEDING)`,
  ]
  return figuresOf(node, figures, `(${perStep})`, context)
}

/** `sliding_window_counts(id, time, start, end, window, bin)`: events and users of the window that ends with each bin. */
export function slidingWindowCounts(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { user, time, from, to, spans } = timeline(node, input, context, 2)
  const [window = '', bin = ''] = spans
  const { newId } = context.query
  const [at, low] = [newId(), newId()]
  const bins = `SELECT ${from} + unnest(range(0, CASE WHEN ${window} % ${bin} <> 0 THEN ${refuse('a window that is not a multiple of the bin')} ELSE (${to} - ${from}) // ${bin} + 1 END)) * ${bin} AS ${at}`
  const source = `(SELECT *, ${at} + ${bin} - ${window} AS ${low} FROM (${bins})) LEFT JOIN (SELECT ${user.id}, ${time.id} FROM (${input.sql})) ON ${time.id} >= ${low} AND ${time.id} < ${at} + ${bin}`
  // Whether events behind the end count, and what an empty window gives, is not documented.
  const doubtful = `CASE WHEN count(${time.id}) = 0 OR max(${time.id}) > ${to} THEN ${refuse('sliding_window_counts of an empty window or of events behind the end')} ELSE ${at} END`
  const perBin = `SELECT ${doubtful} AS a, count(${time.id}) AS n, count(DISTINCT ${user.id}) AS d FROM ${source} GROUP BY ${at}`
  return figuresOf(node, ['a', 'n', 'd'], `(${perBin})`, context)
}

function figuresOf(node: SyntaxNode, figures: readonly string[], from: string, context: Context): Relation {
  const columns = boundColumns(node).map((column): RelationColumn => ({ ...column, id: context.query.newId() }))
  if (columns.length !== figures.length) throw notSupported('this form of the plugin')
  const items = columns.map((column, index) => `(${figures[index] ?? ''})::${SQL_TYPES[column.type]} AS ${column.id}`)
  return { sql: `SELECT ${items.join(', ')} FROM ${from}`, columns, order: [], partition: [] }
}

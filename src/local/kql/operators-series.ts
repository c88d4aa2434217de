import { udfFailure } from '../server/local-error.ts'
import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo, dynamicOf, jsonElement } from './casts.ts'
import { type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren, output, rowValues } from './operators-project.ts'
import { aggregateValues, dependsOnOrder } from './operators-summarize.ts'
import { operatorParameters, parameterWord } from './parameters.ts'
import { numbered, type Relation, type RelationColumn } from './relation.ts'
import { literal, notSupported, quoteText, type Sql } from './sql.ts'

/** Longest series; it is Kusto's limit for arrays. */
const MAX_STEPS = 1_048_576

/** `make-series`: one row for each group, with the aggregates of equal steps of an axis as arrays. */
export function translateMakeSeries(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'MakeSeriesKeyword', 'Parameters', 'Aggregates', 'OnClause', 'RangeClause', 'ByClause')
  if (input.partition.length > 0) throw notSupported('make-series inside a partitioned subquery')
  const kind = parameterWord(operatorParameters(node, ['kind']).get('kind'))
  if (kind !== undefined && kind !== 'nonempty') throw notSupported(`make-series kind=${kind}`)
  const clause = child(node, 'ByClause')
  const by = clause === undefined ? [] : elements(clause, 'Expressions')
  const { newId } = context.query
  const { relation, values } = rowValues([need(need(node, 'OnClause'), 'Expression'), ...by], input, context)
  const [axis, ...keyValues] = values
  if (axis === undefined) throw semanticError('make-series needs an axis')
  const range = axisRange(need(node, 'RangeClause'), axis.type, context)
  const series = elements(node, 'Aggregates')
  const columns = boundColumns(node)
  if (columns.length !== by.length + series.length + 1) throw notSupported('this make-series')

  const ordered = series.some(dependsOnOrder) && relation.order.length > 0
  const source = ordered ? numbered(relation, newId) : relation
  const aggregates = series.map((each) => seriesOf(each, source, context))
  const keys = keyValues.map((value, index) => ({ id: newId(), sql: output(columnAt(columns, index), value).sql }))
  const at = newId()
  const made = aggregates.map(({ value }) => ({ id: newId(), sql: value.sql }))
  // Rows outside of the range belong to no step.
  const inside = `SELECT *, (${axis.sql} - ${range.from}) // ${range.step} AS ${at}${keys.map((key) => `, ${key.sql} AS ${key.id}`).join('')} FROM (${source.sql}) WHERE ${axis.sql} >= ${range.from} AND ${axis.sql} < ${range.to}`
  const keyIds = keys.map((key) => key.id)
  const binned = `m${newId()}`
  const items = [...keyIds, at, ...made.map((each) => `${each.sql} AS ${each.id}`)]
  context.query.materialized.push(
    `${binned} AS MATERIALIZED (SELECT ${items.join(', ')} FROM (${inside}) GROUP BY ${[...keyIds, at].join(', ')})`,
  )

  const [group, place] = [newId(), newId()]
  const groups =
    keyIds.length === 0
      ? `SELECT 1 AS ${group}${kind === 'nonempty' ? '' : ` WHERE EXISTS (SELECT 1 FROM ${binned})`}`
      : `SELECT ${keyIds.join(', ')}, row_number() OVER () AS ${group} FROM (SELECT DISTINCT ${keyIds.join(', ')} FROM ${binned})`
  const steps = `greatest((${range.to} - ${range.from} + ${range.step} - 1) // ${range.step}, 0)`
  const limited = `CASE WHEN ${steps} > ${MAX_STEPS} THEN error(${quoteText(TOO_LONG)}) ELSE ${steps} END`
  const grid = `SELECT *, unnest(range(0, ${limited})) AS ${place} FROM (${groups})`
  const same = [...keyIds.map((id) => `g.${id} IS NOT DISTINCT FROM b.${id}`), `g.${place} = b.${at}`].join(' AND ')
  const rows = made.map(({ id }, index) => {
    const { value, fallback } = required(aggregates[index])
    const item = `CASE WHEN b.${at} IS NULL THEN ${fallback} ELSE ${jsonElement({ sql: `b.${id}`, type: value.type })} END`
    return { id: newId(), sql: arrayOf(item, place) }
  })
  const axisItem = dynamicOf({ sql: `(${range.from} + g.${place} * ${range.step})`, type: axis.type })
  const axisId = newId()
  const outer = [
    ...keyIds.map((id) => `g.${id}`),
    ...rows.map((row) => `${row.sql} AS ${row.id}`),
    `${arrayOf(axisItem, place)} AS ${axisId}`,
  ]
  const sql = `SELECT ${outer.join(', ')} FROM (${grid}) g LEFT JOIN ${binned} b ON ${same} GROUP BY ${['g.' + group, ...keyIds.map((id) => `g.${id}`)].join(', ')}`
  const ids = [...keyIds, ...rows.map((row) => row.id), axisId]
  const out = columns.map((column, index): RelationColumn => ({ ...column, id: ids[index] ?? '' }))
  return { sql, columns: out, order: [], partition: [] }
}

const TOO_LONG = udfFailure('', notSupported(`a series of more than ${MAX_STEPS} steps`))

function arrayOf(item: string, place: string): string {
  return `('[' || string_agg(${item}, ',' ORDER BY g.${place}) || ']')`
}

function columnAt(columns: ReturnType<typeof boundColumns>, index: number): ReturnType<typeof boundColumns>[number] {
  return required(columns[index])
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a part of make-series is missing')
  return value
}

interface Range {
  readonly from: string
  readonly to: string
  readonly step: string
}

/** Whole numbers only: steps of a real axis would depend on rounding. */
function axisRange(clause: SyntaxNode, type: ScalarName, context: Context): Range {
  if (type !== 'datetime' && type !== 'timespan' && type !== 'long' && type !== 'int') {
    throw notSupported(`make-series on an axis of type ${type}`)
  }
  if (clause.kind !== 'MakeSeriesFromToStepClause') throw notSupported('make-series in range()')
  const { row: _, input: __, ...outside } = context
  const bound = (label: string, as: ScalarName): string => {
    const part = child(clause, label)
    if (part === undefined) throw notSupported('make-series without from, to and step')
    return `(${castTo(context.query.scalar(need(part, 'Expression'), outside), as)})::BIGINT`
  }
  const stepPart = need(need(clause, 'MakeSeriesStepClause'), 'Expression')
  const step = context.query.scalar(stepPart, outside)
  if (typeof step.constant === 'bigint' && step.constant <= 0n)
    throw semanticError('the step of make-series must be positive')
  return {
    from: bound('MakeSeriesFromClause', type),
    to: bound('MakeSeriesToClause', type),
    step: bound('MakeSeriesStepClause', type === 'datetime' ? 'timespan' : type),
  }
}

interface Series {
  readonly value: Sql
  /** JSON of the steps without rows. */
  readonly fallback: string
}

function seriesOf(node: SyntaxNode, source: Relation & { readonly rowNumber?: string }, context: Context): Series {
  const [value, ...more] = aggregateValues(need(node, 'Expression'), source, context)
  if (value === undefined || more.length > 0) throw notSupported('make-series of an aggregate with several results')
  const clause = child(node, 'DefaultExpression')
  const { row: _, input: __, ...outside } = context
  const stated = clause === undefined ? undefined : context.query.scalar(need(clause, 'Expression'), outside)
  if (stated?.constant === null) return { value, fallback: "'null'" }
  const zero: Sql = stated ?? literal(0n, 'long')
  const numeric: readonly ScalarName[] = ['int', 'long', 'real', 'decimal']
  if (!numeric.includes(value.type) || !numeric.includes(zero.type)) {
    if (stated?.type !== value.type) throw notSupported(`make-series of ${value.type} with this default`)
    return { value, fallback: jsonElement(stated) }
  }
  if (zero.type === 'real' && value.type !== 'real') throw notSupported(`a real default of a series of ${value.type}`)
  return { value, fallback: jsonElement({ sql: castTo(zero, value.type), type: value.type }) }
}

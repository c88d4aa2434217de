import type { SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { type Context, RewriteNeeded, semanticError } from './context.ts'
import { convert } from './convert.ts'
import { onlyChildren } from './operators-project.ts'
import { operatorParameters } from './parameters.ts'
import { counted, type Relation, type RelationColumn } from './relation.ts'
import { literal, notSupported, type Sql } from './sql.ts'

/**
 * `scan` with one step: a row that meets the condition comes out with the declared columns assigned, and is what
 * `step.column` means to the rows after it. The rows are walked one by one by a recursive query.
 */
export function translateScan(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(
    node,
    'ScanKeyword',
    'Parameters',
    'DeclareClause',
    'WithKeyword',
    'OpenParenToken',
    'Steps',
    'CloseParenToken',
  )
  operatorParameters(node, [])
  withoutMatchId(node, input, context)
  const [step, ...more] = elements(node, 'Steps')
  if (step === undefined || more.length > 0) throw notSupported('scan with several steps')
  onlyChildren(
    step,
    'StepKeyword',
    'Name',
    'ScanStepOutput',
    'ColonToken',
    'Condition',
    'ComputationClause',
    'SemicolonToken',
  )
  const output = child(step, 'ScanStepOutput')
  if (output !== undefined && need(output, 'OutputKind').text !== 'all')
    throw notSupported('scan output other than all')
  const declared = declarations(node, context)
  const { newId } = context.query
  const rows = counted(input, newId)
  const base = `m${newId()}`
  context.query.materialized.push(`${base} AS MATERIALIZED (${rows.sql})`)
  // What the step's last match left behind, column by column.
  const state = [...rows.columns, ...declared].map((column) => ({ ...column, id: newId() }))
  const row: Context = {
    ...context,
    row: {
      columns: [...rows.columns, ...declared],
      tuples: new Map([[need(step, 'Name').name ?? '', state]]),
    },
  }
  const condition = `coalesce(${castTo(context.query.scalar(need(step, 'Condition'), row), 'bool')}, false)`
  const values = assignments(step, declared, row)
  const extended = [
    ...rows.columns.map((column) => column.id),
    ...declared.map((column) => values.get(column.name) ?? column.id),
  ]
  const blank = [
    ...rows.columns.map((column) => literal(null, column.type).sql),
    ...declared.map((column) => column.id),
  ]
  const place = newId()
  const hit = newId()
  const keys = rows.partition.map((id) => ({ id, own: newId() }))
  const names = [place, hit, ...keys.map((key) => key.own), ...state.map((column) => column.id)]
  const seeds = ['0::BIGINT', 'false', ...keys.map((key) => key.id), ...blank].join(', ')
  const seed = keys.length === 0 ? `SELECT ${seeds}` : `SELECT DISTINCT ${seeds} FROM ${base}`
  const next = state.map(
    (column, index) => `CASE WHEN ${condition} THEN ${extended[index] ?? ''} ELSE ${column.id} END`,
  )
  const same = keys.map((key) => ` AND ${key.id} IS NOT DISTINCT FROM ${key.own}`).join('')
  const walked = newId()
  const walk = `SELECT ${[rows.rowNumber, condition, ...keys.map((key) => key.id), ...next].join(', ')} FROM ${walked} JOIN ${base} ON ${rows.rowNumber} = ${place} + 1${same}`
  const found = state.slice(rows.columns.length)
  const sql =
    `WITH RECURSIVE ${walked}(${names.join(', ')}) AS (${seed} UNION ALL ${walk})` +
    ` SELECT ${base}.*, ${found.map((column) => column.id).join(', ')} FROM ${walked} JOIN ${base} ON ${rows.rowNumber} = ${place}${same} WHERE ${hit}`
  const wrapped = found.length === 0 ? sql.replace(/\.\*, {2}FROM/, '.* FROM') : sql
  const { rowNumber: _, single: __, ...rest } = rows
  return { ...rest, sql: wrapped, columns: [...rows.columns, ...found] }
}

/** Takes away the column that the binder adds to every scan and the service only to those that ask for it. */
const MATCH_ID_AWAY = ' | project-away match_id'

function withoutMatchId(node: SyntaxNode, input: Relation, context: Context): void {
  if (node.columns?.at(-1)?.name !== 'match_id') throw notSupported('scan next to a column match_id')
  if (input.columns.some((column) => column.name === 'match_id')) throw notSupported('scan of a column match_id')
  const place = node.end + context.shift
  if (context.query.text.startsWith(MATCH_ID_AWAY, place)) return
  throw new RewriteNeeded(undefined, () => ({ start: place, end: place, text: MATCH_ID_AWAY }))
}

/** Declared columns; the id is the SQL of the default. */
function declarations(node: SyntaxNode, context: Context): readonly RelationColumn[] {
  const clause = child(node, 'DeclareClause')
  const list = clause === undefined ? [] : elements(clause, 'Declarations')
  return list.map((each) => {
    const name = need(need(each, 'NameAndType'), 'Name')
    if (name.name === undefined || name.type === undefined)
      throw semanticError('a declared column of scan needs a type')
    const fallback = child(each, 'DefaultValue')
    const value: Sql =
      fallback === undefined
        ? literal(null, name.type)
        : convert(context.query.scalar(need(fallback, 'Value'), context), name.type)
    return { name: name.name, type: name.type, id: value.sql }
  })
}

function assignments(
  step: SyntaxNode,
  declared: readonly RelationColumn[],
  context: Context,
): ReadonlyMap<string, string> {
  const clause = child(step, 'ComputationClause')
  const values = new Map<string, string>()
  for (const each of clause === undefined ? [] : elements(clause, 'Assignments')) {
    const name = need(each, 'Name').name ?? ''
    const column = declared.find((known) => known.name === name)
    if (column === undefined) throw notSupported('scan that assigns a column it does not declare')
    values.set(name, convert(context.query.scalar(need(each, 'Expression'), context), column.type).sql)
  }
  return values
}

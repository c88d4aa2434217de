import type { SyntaxNode } from '../lang/syntax.ts'
import { child, descendants, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { type Context, RewriteNeeded, semanticError } from './context.ts'
import { convert } from './convert.ts'
import { onlyChildren } from './operators-project.ts'
import { operatorParameters } from './parameters.ts'
import { ascending, counted, hiddenIds, type Relation, type RelationColumn } from './relation.ts'
import { literal, notSupported, SQL_TYPES, type Sql } from './sql.ts'

/** A step of `scan`. */
interface Step {
  readonly node: SyntaxNode
  readonly name: string
  readonly emits: boolean
  /** Whether a sequence is at this step. */
  readonly active: string
  /** What `name.column` means to a sequence at this step, for this step and those before it: key is `step.column`. */
  readonly state: ReadonlyMap<string, RelationColumn>
  /** The row came out at this step, with these values for the assigned columns. */
  readonly hit: string
  readonly made: ReadonlyMap<string, RelationColumn>
}

/**
 * `scan`: a row that meets the first step's condition begins a sequence; one that meets the next step's condition moves
 * a sequence on. The rows are walked one by one by a recursive query, the steps from the last to the first.
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
  const declared = declarations(node, context)
  const { newId } = context.query
  const rows = counted(input, newId)
  const base = `m${newId()}`
  context.query.materialized.push(`${base} AS MATERIALIZED (${rows.sql})`)
  const all = [...rows.columns, ...declared]
  const blank = new Map(
    all.map((column) => [column.name, declared.includes(column) ? column.id : literal(null, column.type).sql]),
  )
  const assigned = assignedColumns(elements(node, 'Steps'), all)
  const steps = scanSteps(elements(node, 'Steps'), all, [...new Set([...assigned, ...declared])], context)

  const place = newId()
  const keys = rows.partition.map((id) => ({ id, own: newId() }))
  const state = steps.flatMap((step) => [...step.state.values()])
  const outcome = steps.flatMap((step) => [step.hit, ...[...step.made.values()].map((column) => column.id)])
  const names = [
    place,
    ...keys.map((key) => key.own),
    ...steps.map((step) => step.active),
    ...state.map((column) => column.id),
    ...outcome,
  ]
  const seeds = [
    '0::BIGINT',
    ...keys.map((key) => key.id),
    ...steps.map(() => 'false'),
    ...steps.flatMap((step) => [...step.state].map(([key, column]) => typed(blankOf(key, blank), column))),
    ...steps.flatMap((step) => [
      'false',
      ...[...step.made.values()].map((column) => typed(literal(null, column.type).sql, column)),
    ]),
  ].join(', ')
  const seed = keys.length === 0 ? `SELECT ${seeds}` : `SELECT DISTINCT ${seeds} FROM ${base}`
  const same = keys.map((key) => ` AND ${key.id} IS NOT DISTINCT FROM ${key.own}`).join('')
  const walked = newId()
  const next = `SELECT ${base}.*, ${walked}.* FROM ${walked} JOIN ${base} ON ${rows.rowNumber} = ${place} + 1${same}`
  const visited = steps
    .toReversed()
    .reduce((sql, step) => visit(sql, step, steps[steps.indexOf(step) - 1], { rows, all, blank, steps, context }), next)
  const walk = `SELECT ${[rows.rowNumber, ...keys.map((key) => key.id), ...names.slice(1 + keys.length)].join(', ')} FROM (${visited})`

  const changed = new Set([...assigned, ...declared])
  const columns = all.map((column) => (changed.has(column) ? { ...column, id: newId() } : column))
  const turn = `n${newId()}`
  const hidden = hiddenIds({ ...rows, columns: columns.slice(0, rows.columns.length) })
  const selects = steps.toReversed().flatMap((step, index) => {
    if (!step.emits) return []
    const items = [
      ...columns.map((column) => {
        const made = step.made.get(column.name)
        return made === undefined ? column.id : `${made.id} AS ${column.id}`
      }),
      ...hidden,
      ...(rows.extent === undefined ? [] : [rows.extent]),
      `${index}::BIGINT AS ${turn}`,
    ]
    return [
      `SELECT ${items.join(', ')} FROM ${walked} JOIN ${base} ON ${rows.rowNumber} = ${place}${same} WHERE ${step.hit}`,
    ]
  })
  if (selects.length === 0) throw notSupported('scan without a step that gives rows')
  const sql = `WITH RECURSIVE ${walked}(${names.join(', ')}) AS (${seed} UNION ALL ${walk}) ${selects.join(' UNION ALL ')}`
  const { rowNumber: _, single: __, ...rest } = rows
  return { ...rest, sql, columns, order: [...rows.order, ascending(turn)] }
}

function typed(sql: string, column: RelationColumn): string {
  return `(${sql})::${SQL_TYPES[column.type]}`
}

function blankOf(key: string, blank: ReadonlyMap<string, string>): string {
  return blank.get(key.slice(key.indexOf('.') + 1)) ?? 'NULL'
}

/** The steps with names for what the walk carries: only columns that some expression reads as `step.column`. */
function scanSteps(
  nodes: readonly SyntaxNode[],
  all: readonly RelationColumn[],
  changed: readonly RelationColumn[],
  context: Context,
): readonly Step[] {
  const { newId } = context.query
  const names = nodes.map((each) => need(each, 'Name').name ?? '')
  if (new Set(names).size < names.length) throw semanticError('two steps of scan have one name')
  const read = new Set(
    nodes
      .flatMap((each) => [...descendants(each)])
      .flatMap((each) => {
        if (each.kind !== 'PathExpression') return []
        const base = need(each, 'Expression')
        const selector = need(each, 'Selector')
        return base.kind === 'NameReference' ? [`${base.name ?? ''}.${selector.name ?? ''}`] : []
      }),
  )
  return nodes.map((node, index): Step => {
    onlyChildren(
      node,
      'StepKeyword',
      'Name',
      'ScanStepOutput',
      'ColonToken',
      'Condition',
      'ComputationClause',
      'SemicolonToken',
    )
    const output = child(node, 'ScanStepOutput')
    const kind = output === undefined ? 'all' : need(output, 'OutputKind').text
    if (kind !== 'all' && kind !== 'none') throw notSupported(`scan output=${kind ?? ''}`)
    const state = new Map<string, RelationColumn>()
    for (const name of names.slice(0, index + 1)) {
      for (const column of all) {
        if (read.has(`${name}.${column.name}`)) state.set(`${name}.${column.name}`, { ...column, id: newId() })
      }
    }
    const made = new Map(changed.map((column) => [column.name, { ...column, id: newId() }] as const))
    return { node, name: names[index] ?? '', emits: kind === 'all', active: newId(), state, hit: newId(), made }
  })
}

interface Walk {
  readonly rows: Relation
  readonly all: readonly RelationColumn[]
  readonly blank: ReadonlyMap<string, string>
  readonly steps: readonly Step[]
  readonly context: Context
}

/**
 * One row against one step: first it may move the sequence of the step before on to this step, else it may go on with
 * the sequence that is at this step. The first step begins a sequence each time.
 */
function visit(sql: string, step: Step, before: Step | undefined, walk: Walk): string {
  const { newId } = walk.context.query
  const [moves, stays] = [newId(), newId()]
  const moving = before === undefined ? undefined : rowScope(before, walk)
  const staying = rowScope(step, walk)
  const isMove =
    before === undefined || moving === undefined ? 'false' : `(${before.active} AND ${condition(step, moving)})`
  const isStay = before === undefined ? condition(step, staying) : `(${step.active} AND ${condition(step, staying)})`
  const tested = `SELECT *, NOT ${moves} AND ${isStay} AS ${stays} FROM (SELECT *, ${isMove} AS ${moves} FROM (${sql}))`
  const movedValues = moving === undefined ? new Map<string, string>() : values(step, walk.all, moving)
  const stayedValues = values(step, walk.all, staying)
  const value = (column: RelationColumn, from: ReadonlyMap<string, string>): string =>
    from.get(column.name) ?? (walk.rows.columns.includes(column) ? column.id : (walk.blank.get(column.name) ?? 'NULL'))
  const byName = new Map(walk.all.map((column) => [column.name, column] as const))
  const either = (column: RelationColumn): readonly [string, string] => {
    const source = byName.get(column.name) ?? column
    return [value(source, movedValues), value(source, stayedValues)]
  }
  const replaced: string[] = []
  const set = (id: string, text: string): void => void replaced.push(`${text} AS ${id}`)
  for (const [key, column] of step.state) {
    const own = key === `${step.name}.${column.name}`
    const [moved, stayed] = own ? either(column) : [before?.state.get(key)?.id ?? column.id, column.id]
    set(column.id, typed(`CASE WHEN ${moves} THEN ${moved} WHEN ${stays} THEN ${stayed} ELSE ${column.id} END`, column))
  }
  set(step.active, `(${step.active} OR ${moves} OR ${stays})`)
  set(step.hit, `(${moves} OR ${stays})`)
  for (const column of step.made.values()) {
    const [moved, stayed] = either(column)
    set(column.id, typed(`CASE WHEN ${moves} THEN ${moved} WHEN ${stays} THEN ${stayed} END`, column))
  }
  if (before !== undefined) {
    set(before.active, `(${before.active} AND NOT ${moves})`)
    for (const [key, column] of before.state) {
      set(column.id, typed(`CASE WHEN ${moves} THEN ${blankOf(key, walk.blank)} ELSE ${column.id} END`, column))
    }
  }
  return `SELECT * EXCLUDE (${moves}, ${stays}) REPLACE (${replaced.join(', ')}) FROM (${tested})`
}

/** What names mean to a row when the sequence is at a step; steps it has not reached are blank. */
function rowScope(at: Step, walk: Walk): Context {
  const tuples = walk.steps.map((step) => {
    const columns = walk.all.map((column) => ({
      ...column,
      id: at.state.get(`${step.name}.${column.name}`)?.id ?? walk.blank.get(column.name) ?? 'NULL',
    }))
    return [step.name, columns] as const
  })
  return { ...walk.context, row: { columns: walk.all, tuples: new Map(tuples) } }
}

function condition(step: Step, row: Context): string {
  return `coalesce(${castTo(row.query.scalar(need(step.node, 'Condition'), row), 'bool')}, false)`
}

/** Columns of the input that a step assigns. */
function assignedColumns(steps: readonly SyntaxNode[], all: readonly RelationColumn[]): readonly RelationColumn[] {
  const names = new Set(
    steps.flatMap((step) => {
      const clause = child(step, 'ComputationClause')
      return clause === undefined ? [] : elements(clause, 'Assignments').map((each) => need(each, 'Name').name)
    }),
  )
  return all.filter((column) => names.has(column.name))
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

/** What a step assigns; each assignment sees the row as it came. */
function values(step: Step, all: readonly RelationColumn[], context: Context): ReadonlyMap<string, string> {
  const clause = child(step.node, 'ComputationClause')
  const found = new Map<string, string>()
  for (const each of clause === undefined ? [] : elements(clause, 'Assignments')) {
    const name = need(each, 'Name').name ?? ''
    const column = all.find((known) => known.name === name)
    if (column === undefined) throw notSupported('scan that assigns a column it does not declare')
    found.set(name, convert(context.query.scalar(need(each, 'Expression'), context), column.type).sql)
  }
  return found
}

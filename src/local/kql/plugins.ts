import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo, jsonKeyPath } from './casts.ts'
import { constantOf, type Context, RewriteNeeded, semanticError } from './context.ts'
import { isArray, parseJson } from './json.ts'
import { boundColumns, onlyChildren } from './operators-project.ts'
import { operatorParameters } from './parameters.ts'
import { activityCountsMetrics, slidingWindowCounts } from './plugins-activity.ts'
import { ascending, counted, project, type Relation } from './relation.ts'
import { SCALAR_FUNCTIONS } from './scalar-functions.ts'
import { literal, notSupported, quoteText, type Sql } from './sql.ts'

type Plugin = (node: SyntaxNode, input: Relation, context: Context) => Relation

/** Plugins of `evaluate`; what is not listed is refused. */
export const PLUGINS: ReadonlyMap<string, Plugin> = new Map<string, Plugin>([
  ['activity_counts_metrics', activityCountsMetrics],
  ['bag_unpack', bagUnpack],
  ['ipv4_lookup', addressLookup('ipv4_is_in_range')],
  ['ipv6_lookup', addressLookup('ipv6_is_in_range')],
  ['narrow', narrow],
  ['sliding_window_counts', slidingWindowCounts],
])

/** `evaluate plugin(...)`. */
export function translateEvaluate(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'EvaluateKeyword', 'Parameters', 'FunctionCall', 'Schema')
  operatorParameters(node, [])
  const name = need(need(node, 'FunctionCall'), 'Name').name ?? ''
  const plugin = PLUGINS.get(name)
  if (plugin === undefined) throw notSupported(`the plugin ${name}`)
  if (input.partition.length > 0) throw notSupported('evaluate inside a partitioned subquery')
  return plugin(node, input, context)
}

/** Arguments by position, then by name. */
function pluginArguments(node: SyntaxNode, names: readonly string[]): ReadonlyMap<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>()
  elements(need(need(node, 'FunctionCall'), 'ArgumentList'), 'Expressions').forEach((each, index) => {
    const named = each.kind === 'SimpleNamedExpression'
    const name = named ? need(each, 'Name').name : names[index]
    if (name === undefined || !names.includes(name)) throw notSupported('this argument of a plugin')
    found.set(name, named ? need(each, 'Expression') : each)
  })
  return found
}

/** Type of a property, from the JSON types of its values; undefined when they do not agree. */
const PROPERTY_TYPES: readonly { readonly json: readonly string[]; readonly type: ScalarName }[] = [
  { json: ['BIGINT', 'UBIGINT'], type: 'long' },
  { json: ['BIGINT', 'UBIGINT', 'DOUBLE'], type: 'real' },
  { json: ['VARCHAR'], type: 'string' },
  { json: ['BOOLEAN'], type: 'bool' },
]

function bagUnpack(node: SyntaxNode, input: Relation, context: Context): Relation {
  const given = pluginArguments(node, ['Column', 'OutputColumnPrefix', 'columnsConflict', 'ignoredProperties'])
  const value = (name: string): Sql | undefined => {
    const argument = given.get(name)
    return argument === undefined ? undefined : context.query.scalar(argument, context)
  }
  const bag = input.columns.find((column) => column.name === given.get('Column')?.name)
  if (bag?.type !== 'dynamic') throw semanticError('bag_unpack works on a dynamic column')
  const prefixValue = value('OutputColumnPrefix')
  const prefix = prefixValue === undefined ? '' : String(constantOf(prefixValue, 'the prefix of bag_unpack') ?? '')
  const conflictValue = value('columnsConflict')
  const conflict = conflictValue === undefined ? 'error' : constantOf(conflictValue, 'columnsConflict')
  if (conflict !== 'error' && conflict !== 'keep_source' && conflict !== 'replace_source') {
    throw semanticError(`columnsConflict cannot be '${String(conflict)}'`)
  }
  const ignoredValue = value('ignoredProperties')
  const ignored = ignoredValue === undefined ? [] : textArray(constantOf(ignoredValue, 'ignoredProperties'))
  const source = input.columns.filter((column) => column !== bag)
  if (child(node, 'Schema') === undefined) {
    throw schemaOfBag(node, input, bag.id, { source, prefix, conflict, ignored }, context)
  }
  const outputs = boundColumns(node).map((column) => {
    const old = source.find((each) => each.name === column.name)
    const property = column.name.startsWith(prefix) ? column.name.slice(prefix.length) : undefined
    const readable = property !== undefined && !ignored.includes(property)
    const unpacked = readable
      ? castTo({ sql: member(bag.id, property), type: 'dynamic' }, column.type)
      : literal(null, column.type).sql
    if (old === undefined) return { ...column, sql: unpacked }
    const own = castTo({ sql: old.id, type: old.type }, column.type)
    if (conflict !== 'replace_source' || !readable) return { ...column, sql: own }
    const present = `bool_or(coalesce(json_exists(${bag.id}, ${jsonKeyPath(property)}), false)) OVER ()`
    return { ...column, sql: `CASE WHEN ${present} THEN ${unpacked} ELSE ${own} END` }
  })
  return project(input, outputs, context.query.newId)
}

function member(bag: string, property: string): string {
  return `nullif(json_extract(${bag}, ${jsonKeyPath(property)})::VARCHAR, 'null')`
}

function textArray(value: unknown): readonly string[] {
  const json = typeof value === 'string' ? parseJson(value) : undefined
  if (!isArray(json) || !json.every((item) => typeof item === 'string'))
    throw semanticError('ignoredProperties must be an array of strings')
  return json
}

interface BagRules {
  readonly source: Relation['columns']
  readonly prefix: string
  readonly conflict: string
  readonly ignored: readonly string[]
}

/** Asks the data for the properties; their columns follow the source's, ordered by name. */
function schemaOfBag(node: SyntaxNode, input: Relation, bag: string, rules: BagRules, context: Context): RewriteNeeded {
  const tick = String.raw`'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{7}Z"'`
  const { materialized } = context.query
  const prefix = materialized.length === 0 ? '' : `WITH ${materialized.join(', ')} `
  const probe = `${prefix}SELECT e.key, e.type, bool_and(regexp_full_match(e.value::VARCHAR, ${tick})) FROM (SELECT ${bag} AS d FROM (${input.sql}) WHERE starts_with(${bag}, '{')) r, json_each(r.d) e GROUP BY ALL`
  const place = need(node, 'FunctionCall').end + context.shift
  return new RewriteNeeded(probe, (rows) => {
    const types = new Map<string, Set<string>>()
    for (const [key, type, timestamps] of rows) {
      const name = String(key)
      if (rules.ignored.includes(name)) continue
      // A datetime inside a dynamic is text here, so it cannot be told from text that looks like one.
      if (timestamps === true) throw notSupported('bag_unpack of values that look like datetimes', name)
      types.set(name, (types.get(name) ?? new Set()).add(String(type)))
    }
    return { start: place, end: place, text: ` : ${schemaClause(types, rules)}` }
  })
}

function schemaClause(types: ReadonlyMap<string, ReadonlySet<string>>, rules: BagRules): string {
  const columns = new Map<string, ScalarName>(rules.source.map((column) => [column.name, column.type] as const))
  for (const property of [...types.keys()].sort()) {
    const name = rules.prefix + property
    if (columns.has(name) && rules.conflict === 'error') {
      throw semanticError(`bag_unpack: the column '${name}' exists already`)
    }
    if (!columns.has(name) || rules.conflict === 'replace_source')
      columns.set(name, propertyType(types.get(property) ?? new Set()))
  }
  const items = [...columns].map(([name, type]) => `[${JSON.stringify(name)}]:${type}`)
  return `(${items.join(', ')})`
}

function propertyType(json: ReadonlySet<string>): ScalarName {
  const present = [...json].filter((type) => type !== 'NULL')
  if (present.length === 0) return 'dynamic'
  return PROPERTY_TYPES.find((rule) => present.every((type) => rule.json.includes(type)))?.type ?? 'dynamic'
}

/** `ipv4_lookup`, `ipv6_lookup`: a join on the network an address is in. */
function addressLookup(test: string): Plugin {
  return (node, input, context) => {
    const values = elements(need(need(node, 'FunctionCall'), 'ArgumentList'), 'Expressions')
    const [table, address, network, unmatched, ...more] = values
    if (table === undefined || address === undefined || network === undefined || more.length > 0) {
      throw notSupported('a lookup of addresses with extra keys')
    }
    const flag = unmatched?.kind === 'SimpleNamedExpression' ? need(unmatched, 'Expression') : unmatched
    const outer = flag === undefined ? false : context.query.scalar(flag, context).constant
    if (typeof outer !== 'boolean') throw notSupported('a lookup of addresses with extra keys')
    const { row: _, input: __, ...outside } = context
    const right = context.query.tabular(table, outside)
    const emit = SCALAR_FUNCTIONS.get(test)
    const a = input.columns.find((column) => column.name === address.name)
    const b = right.columns.find((column) => column.name === network.name)
    if (emit === undefined || a === undefined || b === undefined) throw notSupported('this lookup of addresses')
    const condition = emit(
      [
        { sql: a.id, type: a.type },
        { sql: b.id, type: b.type },
      ],
      { name: test, resultType: 'bool', nowTicks: context.query.nowTicks },
    )
    const sql = `SELECT * FROM (${input.sql}) ${outer ? 'LEFT JOIN' : 'JOIN'} (${right.sql}) ON ${condition}`
    const all = [...input.columns, ...right.columns]
    const outputs = boundColumns(node).map((column) => {
      const own = input.columns.find((each) => each.name === column.name)
      const found = own ?? right.columns.find((each) => each.name === column.name)
      if (found === undefined) throw notSupported('this lookup of addresses')
      const blank = own === undefined && found.type === 'string' && outer
      return { name: column.name, type: found.type, sql: blank ? `coalesce(${found.id}, '')` : found.id }
    })
    return project({ sql, columns: all, order: [], partition: [] }, outputs, context.query.newId)
  }
}

/** `narrow()`: one row for each cell. */
function narrow(node: SyntaxNode, input: Relation, context: Context): Relation {
  const { newId } = context.query
  const rows = counted(input, newId)
  const cell = newId()
  const place = newId()
  const cells = input.columns.map(
    (column, index) =>
      `{'i': ${index}, 'name': ${quoteText(column.name)}, 'value': ${castTo({ sql: column.id, type: column.type }, 'string')}}`,
  )
  const sql = `SELECT *, (${cell}).i AS ${place} FROM (SELECT *, unnest([${cells.join(', ')}]) AS ${cell} FROM (${rows.sql}))`
  const outputs = boundColumns(node).map((column) => {
    if (column.name === 'Row') return { ...column, sql: `(${rows.rowNumber} - 1)` }
    if (column.name === 'Column') return { ...column, sql: `(${cell}).name` }
    if (column.name === 'Value') return { ...column, sql: `(${cell}).value` }
    throw notSupported('this narrow()')
  })
  return project({ ...rows, sql, order: [ascending(rows.rowNumber), ascending(place)] }, outputs, newId)
}

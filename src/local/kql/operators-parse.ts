import type { ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { child, elements, need } from '../lang/tree.ts'
import { castTo } from './casts.ts'
import { constantOf, type Context, semanticError } from './context.ts'
import { boundColumns, onlyChildren, rowValues } from './operators-project.ts'
import { operatorParameters, parameterWord } from './parameters.ts'
import { captureGroups } from './regex-groups.ts'
import { filter, project, type Relation } from './relation.ts'
import { literal, notSupported, quoteText, type Sql } from './sql.ts'
import { escapeRegex } from './text-operators.ts'

interface Parsed {
  readonly name: string
  readonly type: ScalarName
  /** Place of the capture group among all groups of the expression. */
  readonly group: number
}

interface Pattern {
  readonly regex: string
  readonly parsed: readonly Parsed[]
  readonly groups: number
}

type Mode = 'simple' | 'relaxed' | 'regex'

/** `parse` keeps rows that do not match, `parse-where` drops them. */
export function translateParse(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'ParseKeyword', 'Parameters', 'Expression', 'WithKeyword', 'Patterns')
  const parameters = operatorParameters(node, ['kind', 'flags'])
  const mode = parameterWord(parameters.get('kind')) ?? 'simple'
  if (mode !== 'simple' && mode !== 'relaxed' && mode !== 'regex') throw notSupported(`parse kind=${mode}`)
  const flags = parameterWord(parameters.get('flags')) ?? ''
  if (!/^[imsU]*$/.test(flags) || (flags !== '' && mode !== 'regex')) throw notSupported(`parse flags=${flags}`)
  const pattern = buildPattern(elements(node, 'Patterns'), mode, flags)
  const { relation, values } = rowValues([need(node, 'Expression')], input, context)
  const [text] = values
  if (text === undefined) throw semanticError('parse needs a text')
  const { newId } = context.query
  const regex = quoteText(pattern.regex)
  const source = newId()
  const groups = newId()
  const names = Array.from({ length: pattern.groups }, (_, index) => `'g${index}'`).join(', ')
  const withText = `SELECT *, ${castTo(text, 'string')} AS ${source} FROM (${relation.sql})`
  const captured =
    pattern.groups === 0
      ? `regexp_matches(${source}, ${regex})`
      : `CASE WHEN regexp_matches(${source}, ${regex}) THEN regexp_extract(${source}, ${regex}, [${names}]) END`
  const withGroups = `SELECT *, ${captured} AS ${groups} FROM (${withText})`
  return parsedColumns(node, { ...relation, sql: withGroups }, pattern.parsed, groups, mode, context)
}

function parsedColumns(
  node: SyntaxNode,
  relation: Relation,
  parsed: readonly Parsed[],
  groups: string,
  mode: Mode,
  context: Context,
): Relation {
  const { newId } = context.query
  const made = parsed.map((each) => ({ ...each, id: newId() }))
  const casts = made.map(
    (each) => `${castTo({ sql: `${groups}.g${each.group}`, type: 'string' }, each.type)} AS ${each.id}`,
  )
  const cast: Relation = { ...relation, sql: `SELECT ${['*', ...casts].join(', ')} FROM (${relation.sql})` }
  // A match is all or nothing, unless relaxed: one value that is not of its type spoils the row.
  const strict =
    mode === 'relaxed' ? [] : made.filter((each) => each.type !== 'string').map((each) => `${each.id} IS NOT NULL`)
  const matched = [made.length === 0 ? groups : `${groups} IS NOT NULL`, ...strict].join(' AND ')
  const kept = node.kind === 'ParseWhereOperator' ? filter(cast, `WHERE ${matched}`) : cast
  const values = new Map(
    made.map(
      (each) =>
        [
          each.name,
          { type: each.type, sql: `CASE WHEN ${matched} THEN ${each.id} ELSE ${literal(null, each.type).sql} END` },
        ] as const,
    ),
  )
  const outputs = boundColumns(node).map((column) => {
    const value =
      values.get(column.name) ??
      relation.columns.map(({ id, ...rest }) => ({ ...rest, sql: id })).find((each) => each.name === column.name)
    if (value === undefined) throw notSupported('this parse')
    return { name: column.name, type: value.type, sql: value.sql }
  })
  return project(kept, outputs, newId)
}

function buildPattern(parts: readonly SyntaxNode[], mode: Mode, flags: string): Pattern {
  const parsed: Parsed[] = []
  let groups = 0
  let regex = `${mode === 'regex' ? (flags === '' ? '' : `(?${flags})`) : '(?s)'}^`
  parts.forEach((part, index) => {
    const next = parts[index + 1]
    if (part.kind === 'StarExpression') {
      if (next !== undefined) regex += '.*?'
    } else if (part.kind === 'LiteralExpression' || part.kind === 'CompoundStringLiteralExpression') {
      const constant = part.value ?? ''
      groups += mode === 'regex' ? captureGroups(constant).length : 0
      regex += mode === 'regex' ? constant : escapeRegex(constant)
    } else {
      const name = part.kind === 'NameAndTypeDeclaration' ? need(part, 'Name') : part
      if (name.name === undefined || name.type === undefined) throw notSupported(`${part.kind} in parse`)
      parsed.push({ name: name.name, type: name.type, group: groups++ })
      regex += capture(name.type, next, mode)
    }
  })
  return { regex, parsed, groups }
}

function capture(type: ScalarName, next: SyntaxNode | undefined, mode: Mode): string {
  const beforeText = next?.kind === 'LiteralExpression' || next?.kind === 'CompoundStringLiteralExpression'
  if (type === 'long' || type === 'int') {
    if (mode === 'relaxed') return beforeText ? '(.*?)' : '(-?[0-9]*)'
    return '(-?[0-9]+)'
  }
  if (type === 'real' || type === 'decimal') {
    if (mode !== 'relaxed') return String.raw`(-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)`
    return beforeText ? '(.*?)' : String.raw`(-?[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)`
  }
  if (mode === 'regex') return '(.*)'
  if (next === undefined) return '(.*)'
  if (!beforeText) throw notSupported(`parse of a ${type} without a delimiter after it`)
  return '(.*?)'
}

/** `parse-kv`. */
export function translateParseKv(node: SyntaxNode, input: Relation, context: Context): Relation {
  onlyChildren(node, 'ParseKvKeyword', 'Expression', 'AsKeyword', 'Keys', 'WithClause')
  const keys = elements(need(node, 'Keys'), 'Columns').map((each) => need(each, 'Name'))
  const clause = child(node, 'WithClause')
  const given =
    clause === undefined ? new Map<string, SyntaxNode>() : operatorParameters(clause, KV_OPTIONS, 'Properties')
  const options = new Map(
    [...given].map(([name, value]) => [name, constantOf(context.query.scalar(value, context), name)] as const),
  )
  const { relation, values } = rowValues([need(node, 'Expression')], input, context)
  const [text] = values
  if (text === undefined) throw semanticError('parse-kv needs a text')
  const { newId } = context.query
  const names = keys.map((key) => key.name ?? '')
  const found = newId()
  const pairs = options.has('regex') ? regexPairs(text, options, names) : delimitedPairs(text, options, names)
  const withPairs: Relation = { ...relation, sql: `SELECT *, ${pairs} AS ${found} FROM (${relation.sql})` }
  const made = new Map(
    keys.map((key, index) => {
      const type = key.type ?? 'string'
      const value: Sql = { sql: `coalesce(${found}[${index + 1}], '')`, type: 'string' }
      return [key.name ?? '', { type, sql: castTo(value, type) }] as const
    }),
  )
  const outputs = boundColumns(node).map((column) => {
    const old = relation.columns.find((each) => each.name === column.name)
    const value = made.get(column.name) ?? (old === undefined ? undefined : { type: old.type, sql: old.id })
    if (value === undefined) throw notSupported('this parse-kv')
    return { name: column.name, ...value }
  })
  return project(withPairs, outputs, newId)
}

const KV_OPTIONS = ['pair_delimiter', 'kv_delimiter', 'quote', 'escape', 'greedy', 'regex']

/** A list of the values in the order of the names. */
function delimitedPairs(text: Sql, options: ReadonlyMap<string, unknown>, names: readonly string[]): string {
  const rules = {
    pair: options.get('pair_delimiter'),
    separator: options.get('kv_delimiter'),
    quote: options.get('quote'),
    escape: options.get('escape'),
    greedy: options.get('greedy'),
  }
  if ((rules.pair === undefined) !== (rules.separator === undefined)) {
    throw notSupported('parse-kv with one of the two delimiters')
  }
  if (rules.greedy === true && rules.pair === undefined) throw notSupported('greedy parse-kv without delimiters')
  const call = `k_parse_kv(${castTo(text, 'string')}, ${quoteText(JSON.stringify(names))}, ${quoteText(JSON.stringify(rules))})`
  return `json_extract_string(${call}, '$[*]')`
}

function regexPairs(text: Sql, options: ReadonlyMap<string, unknown>, names: readonly string[]): string {
  const regex = options.get('regex')
  if (typeof regex !== 'string' || options.size > 1) throw notSupported('parse-kv with a regex and other properties')
  if (captureGroups(regex).length !== 2) throw semanticError('the regex of parse-kv needs two capture groups')
  const source = castTo(text, 'string')
  const all = (group: number): string => `regexp_extract_all(${source}, ${quoteText(regex)}, ${group})`
  const items = names.map((name) => `${all(2)}[list_position(${all(1)}, ${quoteText(name)})]`)
  return `[${items.join(', ')}]`
}

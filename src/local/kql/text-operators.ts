import { castTo } from './casts.ts'
import { notSupported, quoteText, type Sql } from './sql.ts'

type Emit = (text: string, needle: Needle) => string

interface Needle {
  readonly sql: string
  readonly constant: string | undefined
}

/** A term ends where something that is neither a letter nor a digit begins. */
const BORDER = String.raw`[^\p{L}\p{N}]`

const OPERATORS: ReadonlyMap<string, Emit> = new Map<string, Emit>([
  ['=~', (text, needle) => `(lower(${text}) = ${lowered(needle)})`],
  ['contains', (text, needle) => `contains(lower(${text}), ${lowered(needle)})`],
  ['contains_cs', (text, needle) => `contains(${text}, ${needle.sql})`],
  ['startswith', (text, needle) => `starts_with(lower(${text}), ${lowered(needle)})`],
  ['startswith_cs', (text, needle) => `starts_with(${text}, ${needle.sql})`],
  ['endswith', (text, needle) => `suffix(lower(${text}), ${lowered(needle)})`],
  ['endswith_cs', (text, needle) => `suffix(${text}, ${needle.sql})`],
  ['has', (text, needle) => term(text, needle, { start: true, end: true, sensitive: false })],
  ['has_cs', (text, needle) => term(text, needle, { start: true, end: true, sensitive: true })],
  ['hasprefix', (text, needle) => term(text, needle, { start: true, end: false, sensitive: false })],
  ['hasprefix_cs', (text, needle) => term(text, needle, { start: true, end: false, sensitive: true })],
  ['hassuffix', (text, needle) => term(text, needle, { start: false, end: true, sensitive: false })],
  ['hassuffix_cs', (text, needle) => term(text, needle, { start: false, end: true, sensitive: true })],
  ['matches regex', (text, needle) => `regexp_matches(${text}, ${needle.sql})`],
])

/** SQL of a text operator, its negated form included. */
export function textOperator(operator: string, left: Sql, right: Sql): string {
  const negated = operator.startsWith('!') || operator.startsWith('not')
  const plain = operator === '!~' ? '=~' : operator.replace(/^(?:!|not)/, '')
  const emit = OPERATORS.get(plain.replaceAll(/\s+/g, ' '))
  if (emit === undefined) throw notSupported(`the operator ${operator}`)
  const text = `(${castTo(left, 'string')})`
  const sql = emit(text, {
    sql: `(${castTo(right, 'string')})`,
    constant: typeof right.constant === 'string' && right.type === 'string' ? right.constant : undefined,
  })
  return negated ? `(NOT ${sql})` : sql
}

function lowered(needle: Needle): string {
  return needle.constant === undefined ? `lower(${needle.sql})` : `lower(${quoteText(needle.constant)})`
}

interface TermRule {
  readonly start: boolean
  readonly end: boolean
  readonly sensitive: boolean
}

function term(text: string, needle: Needle, rule: TermRule): string {
  const flags = rule.sensitive ? '(?s)' : '(?si)'
  if (needle.constant !== undefined) {
    const before = rule.start && /^[\p{L}\p{N}]/u.test(needle.constant) ? `(?:^|${BORDER})` : ''
    const after = rule.end && /[\p{L}\p{N}]$/u.test(needle.constant) ? `(?:$|${BORDER})` : ''
    return `regexp_matches(${text}, ${quoteText(`${flags}${before}${escapeRegex(needle.constant)}${after}`)})`
  }
  const edge = (pattern: string, border: string): string =>
    `CASE WHEN regexp_matches(${needle.sql}, '${pattern}') THEN '${border}' ELSE '' END`
  const before = rule.start ? edge(String.raw`^[\p{L}\p{N}]`, `(?:^|${BORDER})`) : "''"
  const after = rule.end ? edge(String.raw`[\p{L}\p{N}]$`, `(?:$|${BORDER})`) : "''"
  return `regexp_matches(${text}, '${flags}' || ${before} || regexp_escape(${needle.sql}) || ${after})`
}

/** Characters of terms in one expression: a program of RE2 has a limit. */
const MAX_REGEX = 20_000

/** `has` for any of some literal terms: few regular expressions, since each costs milliseconds to compile. */
export function hasAnyTerm(left: Sql, terms: readonly string[]): string {
  const text = `(${castTo(left, 'string')})`
  const tests: string[] = []
  for (const [isStart, isEnd] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const) {
    const same = terms.filter(
      (each) => /^[\p{L}\p{N}]/u.test(each) === isStart && /[\p{L}\p{N}]$/u.test(each) === isEnd,
    )
    for (const any of alternatives(same)) {
      const regex = `(?si)${isStart ? `(?:^|${BORDER})` : ''}(?:${any})${isEnd ? `(?:$|${BORDER})` : ''}`
      tests.push(`regexp_matches(${text}, ${quoteText(regex)})`)
    }
  }
  return `(${tests.join(' OR ')})`
}

function alternatives(terms: readonly string[]): readonly string[] {
  const found: string[][] = []
  let room = 0
  for (const term of terms) {
    if (term.length > room || found.length === 0) {
      found.push([])
      room = MAX_REGEX
    }
    found.at(-1)?.push(escapeRegex(term))
    room -= term.length
  }
  return found.map((each) => each.join('|'))
}

/** The text as a regular expression that matches exactly it. */
export function escapeRegex(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}/-]/g, (char) => `\\${char}`)
}

import { syntaxError } from '../engine/entity-errors.ts'
import type { TagCondition } from '../engine/extents.ts'
import { Properties } from './command-arguments.ts'
import { Scanner } from './scan.ts'

/** `with (extentCreatedOnFrom=..., extentCreatedOnTo=...)`, and for moves `setNewIngestionTime=true`. */
export type ExtentProperties = Properties<'extentCreatedOnFrom' | 'extentCreatedOnTo' | 'setNewIngestionTime'>

export interface MoveCommand {
  /** Undefined: the query tells. */
  readonly source: string | undefined
  readonly target: string
  /** Undefined: all extents of the source. */
  readonly extentIds: readonly string[] | undefined
  readonly query: string | undefined
  readonly properties: ExtentProperties
}

/**
 * `.move [async] extents all from table A to table B [with (...)]`,
 * `.move [async] extents from table A to table B [with (...)] (guid, ...)`,
 * `.move [async] extents to table B [with (...)] <| query`
 */
export function parseMove(text: string): MoveCommand {
  const scanner = new Scanner(text)
  scanner.expect('.', 'move')
  scanner.accept('async')
  scanner.expect('extents')
  const isAll = scanner.accept('all')
  const source = scanner.accept('from', 'table') ? scanner.name() : undefined
  scanner.expect('to', 'table')
  const target = scanner.name()
  const properties = extentProperties(scanner, true)
  if (source === undefined) {
    if (isAll) throw syntaxError('expected from table')
    return { source, target, extentIds: undefined, query: queryOf(scanner), properties }
  }
  const extentIds = isAll ? undefined : scanner.list(() => scanner.guid())
  scanner.end()
  return { source, target, extentIds, query: undefined, properties }
}

export interface ReplaceCommand {
  readonly target: string
  readonly dropQuery: string
  readonly moveQuery: string
  readonly properties: ExtentProperties
}

/** `.replace [async] extents in table B [with (...)] <| {drop query}, {move query}` */
export function parseReplace(text: string): ReplaceCommand {
  const scanner = new Scanner(text)
  scanner.expect('.', 'replace')
  scanner.accept('async')
  scanner.expect('extents', 'in', 'table')
  const target = scanner.name()
  const properties = extentProperties(scanner, true)
  scanner.expect('<|')
  const dropQuery = braced(text, scanner)
  scanner.expect(',')
  const moveQuery = braced(text, scanner)
  scanner.end()
  return { target, dropQuery, moveQuery, properties }
}

function braced(text: string, scanner: Scanner): string {
  scanner.expect('{')
  const { start } = scanner.next
  for (let depth = 1; ; scanner.take()) {
    const { kind, text: mark, start: end } = scanner.next
    if (kind === 'end') throw syntaxError("expected '}'", end)
    if (kind !== 'mark') continue
    depth += mark === '{' ? 1 : mark === '}' ? -1 : 0
    if (depth > 0) continue
    scanner.take()
    return text.slice(start, end).trim()
  }
}

export interface DropCommand {
  readonly whatIf: boolean
  readonly query: string | undefined
  /** Undefined: every table of the database. */
  readonly table: string | undefined
  readonly extentIds: readonly string[] | undefined
  /** Age in seconds. */
  readonly olderSeconds: number | undefined
}

/**
 * `.drop extents [whatif] <| query`, `.drop extent <id> [from T]`, `.drop extents (id, ...) [from T]`,
 * `.drop[-pretend] extents [older N days|hours] from T | all tables`
 */
export function parseDrop(text: string): DropCommand {
  const scanner = new Scanner(text)
  scanner.expect('.')
  const pretend = scanner.accept('drop-pretend')
  if (!pretend) scanner.expect('drop')
  if (scanner.accept('extent')) {
    const extentIds = [scanner.guid()]
    const table = scanner.accept('from') ? scanner.name() : undefined
    scanner.end()
    return { whatIf: pretend, query: undefined, table, extentIds, olderSeconds: undefined }
  }
  scanner.expect('extents')
  const whatIf = scanner.accept('whatif') || pretend
  if (scanner.next.text === '<|') {
    return { whatIf, query: queryOf(scanner), table: undefined, extentIds: undefined, olderSeconds: undefined }
  }
  if (scanner.next.text === '(') {
    const extentIds = scanner.list(() => scanner.guid())
    const table = scanner.accept('from') ? scanner.name() : undefined
    scanner.end()
    return { whatIf, query: undefined, table, extentIds, olderSeconds: undefined }
  }
  const olderSeconds = scanner.accept('older') ? age(scanner) : undefined
  scanner.expect('from')
  const table = scanner.accept('all', 'tables') ? undefined : scanner.name()
  scanner.end()
  return { whatIf, query: undefined, table, extentIds: undefined, olderSeconds }
}

function age(scanner: Scanner): number {
  const token = scanner.take()
  if (token.kind !== 'number') throw syntaxError('expected a number', token.start)
  if (scanner.accept('days') || scanner.accept('day')) return Number(token.value) * 86_400
  if (scanner.accept('hours') || scanner.accept('hour')) return Number(token.value) * 3600
  throw syntaxError('expected days or hours', scanner.next.start)
}

export interface TagsCommand {
  readonly verb: 'alter' | 'alter-merge' | 'drop'
  readonly table: string
  readonly tags: readonly string[] | undefined
  readonly query: string | undefined
  readonly properties: ExtentProperties
}

/**
 * `.alter|.alter-merge [async] table T extent tags ('a', ...) [with (...)] <| query`,
 * `.drop [async] table T extent tags ('a', ...) [with (...)]`, `.drop [async] table T extent tags [with (...)] <| query`
 */
export function parseTags(text: string): TagsCommand {
  const scanner = new Scanner(text)
  scanner.expect('.')
  const verb = (['alter-merge', 'alter', 'drop'] as const).find((word) => scanner.accept(word))
  if (verb === undefined) throw syntaxError('expected alter, alter-merge or drop')
  scanner.accept('async')
  scanner.expect('table')
  const table = scanner.name()
  scanner.expect('extent', 'tags')
  const tags = scanner.next.text === '(' ? scanner.list(() => scanner.string()) : undefined
  const properties = extentProperties(scanner, false)
  if (verb === 'drop' && tags !== undefined) {
    scanner.end()
    return { verb, table, tags, query: undefined, properties }
  }
  if (verb !== 'drop' && tags === undefined) throw syntaxError("expected '('")
  return { verb, table, tags, query: queryOf(scanner), properties }
}

export interface ShowExtentsCommand {
  readonly extentIds: readonly string[] | undefined
  readonly tags: readonly TagCondition[]
}

/** What follows the table or database of `.show ... extents`: `[(id, ...)] [hot] [where tags has 'x' [and tags ...]]` */
export function parseShowExtents(text: string): ShowExtentsCommand {
  const scanner = new Scanner(text)
  scanner.expect('.', 'show')
  const isDatabase = scanner.accept('database')
  if (isDatabase) {
    if (!scanner.accept('extents')) {
      scanner.name()
      scanner.expect('extents')
    }
  } else {
    if (scanner.accept('tables')) scanner.list(() => scanner.name())
    else {
      scanner.expect('table')
      scanner.name()
    }
    scanner.expect('extents')
  }
  const extentIds = scanner.next.text === '(' ? scanner.list(() => scanner.guid()) : undefined
  scanner.accept('hot')
  const tags: TagCondition[] = []
  if (scanner.accept('where')) {
    do tags.push(tagCondition(scanner))
    while (scanner.accept('and'))
  }
  scanner.end()
  return { extentIds, tags }
}

function tagCondition(scanner: Scanner): TagCondition {
  scanner.expect('tags')
  const negated = scanner.accept('!')
  const operator = (['has', 'contains'] as const).find((word) => scanner.accept(word))
  if (operator === undefined) throw syntaxError('expected has, contains, !has or !contains', scanner.next.start)
  return { operator: negated ? `!${operator}` : operator, tag: scanner.string() }
}

function extentProperties(scanner: Scanner, isMove: boolean): ExtentProperties {
  const known = isMove
    ? (['extentCreatedOnFrom', 'extentCreatedOnTo', 'setNewIngestionTime'] as const)
    : (['extentCreatedOnFrom', 'extentCreatedOnTo'] as const)
  return new Properties('extents', known, scanner.properties())
}

function queryOf(scanner: Scanner): string {
  scanner.expect('<|')
  const query = scanner.rest().trim()
  if (query === '') throw syntaxError('expected a query after <|', scanner.next.start)
  return query
}

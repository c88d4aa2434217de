import { parseDatetime } from '../../base/ticks.ts'
import { badRequest, syntaxError } from '../engine/entity-errors.ts'
import type { Column, CommandAnalysis, ScalarName } from '../lang/syntax.ts'
import { notSupported } from '../server/local-error.ts'
import { findArrow, Scanner } from './scan.ts'

/** The labelled parts of a command as the official grammar names them. */
export class CommandArguments {
  readonly #analysis: CommandAnalysis
  readonly #arrow: number | undefined

  constructor(analysis: CommandAnalysis) {
    this.#analysis = analysis
    this.#arrow = findArrow(analysis.text)
  }

  /** The command's official name. */
  get name(): string {
    return this.#analysis.name ?? ''
  }

  get text(): string {
    return this.#analysis.text
  }

  maybe(label: string): string | undefined {
    return this.all(label)[0]
  }

  /** @throws {LocalError} BadRequest_SyntaxError */
  one(label: string): string {
    const value = this.maybe(label)
    if (value === undefined) throw syntaxError(`expected ${label}`)
    return value
  }

  all(label: string): readonly string[] {
    return this.#analysis.arguments.filter((each) => each.label === label).map(({ value }) => value)
  }

  /** The argument as written, quotes included. */
  source(label: string): string {
    const found = this.#analysis.arguments.find((each) => each.label === label)
    if (found === undefined) throw syntaxError(`expected ${label}`)
    return this.#analysis.text.slice(found.start, found.end)
  }

  /** Whether this keyword is among the unlabelled words. */
  has(word: string): boolean {
    return this.#analysis.words.some((each) => each.toLowerCase() === word)
  }

  /** The text after `<|`, to the end of the command. */
  get query(): string {
    if (this.#arrow === undefined) throw syntaxError('expected <|')
    return this.#analysis.text.slice(this.#arrow).trim()
  }

  /** Labels in source order with their values, for commands where one label belongs to the one before it. */
  get pairs(): readonly (readonly [label: string, value: string])[] {
    return this.#analysis.arguments.map(({ label, value }) => [label, value])
  }

  /** `(name:type, ...)` of the table that is named first. */
  columns(): readonly Column[] {
    const [first] = this.tables()
    return first?.columns ?? []
  }

  /** `A (name:type, ...), B (...)`. */
  tables(): readonly { readonly name: string; readonly columns: readonly Column[] }[] {
    const tables: { name: string; columns: Column[] }[] = []
    let column = ''
    for (const [label, value] of this.pairs) {
      if (label === 'TableName') tables.push({ name: value, columns: [] })
      else if (label === 'ColumnName') column = value
      else if (label === 'ColumnType') tables.at(-1)?.columns.push({ name: column, type: scalarType(value) })
    }
    return tables
  }

  /** `Table.Column`, with bare or bracketed names. */
  qualifiedColumn(): { readonly table: string; readonly column: string } {
    const scanner = new Scanner(this.source('ColumnName'))
    const names = [scanner.name()]
    while (scanner.accept('.')) names.push(scanner.name())
    scanner.end()
    const [table, column] = names
    if (names.length !== 2 || table === undefined || column === undefined) throw syntaxError('expected Table.Column')
    return { table, column }
  }

  /** The `with (...)` properties as written, unquoted. */
  get propertyPairs(): readonly (readonly [string, string])[] {
    const pairs: [string, string][] = []
    for (const [label, value] of this.pairs) {
      if (label === 'PropertyName') pairs.push([value, ''])
      else if (label === 'PropertyValue' || label === 'Value') {
        const last = pairs.at(-1)
        if (last !== undefined) last[1] = value
      }
    }
    return pairs
  }

  /** The `with (...)` properties; every one of them must be known. */
  properties<K extends string>(known: readonly K[]): Properties<K> {
    return new Properties(this.name, known, this.propertyPairs)
  }
}

/** `with (...)` properties of a command, by name without regard to case. */
export class Properties<K extends string> {
  readonly #values = new Map<string, string>()

  /** @throws {LocalError} BadRequest_NotSupportedByEmulator for a property that is not known */
  constructor(command: string, known: readonly K[], pairs: readonly (readonly [string, string])[]) {
    const names = new Set(known.map((name) => name.toLowerCase()))
    for (const [name, value] of pairs) {
      const key = name.toLowerCase()
      if (!names.has(key)) throw notSupported(`property '${name}'`, `of ${command}`)
      if (this.#values.has(key)) throw badRequest(`property '${name}' is given twice`)
      this.#values.set(key, value)
    }
  }

  text(name: K): string | undefined {
    return this.#values.get(name.toLowerCase())
  }

  bool(name: K): boolean | undefined {
    const value = this.text(name)?.toLowerCase()
    if (value === undefined) return undefined
    if (value !== 'true' && value !== 'false') throw badRequest(`property '${name}' must be true or false`)
    return value === 'true'
  }

  /** datetime ticks of an ISO 8601 text or a `datetime(...)` literal. */
  datetime(name: K): bigint | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    try {
      return parseDatetime(value.replace(/^datetime\s*\(\s*["']?(.*?)["']?\s*\)$/i, '$1'))
    } catch {
      throw badRequest(`property '${name}' must be a datetime, found '${value}'`)
    }
  }

  /** A JSON array of texts. */
  texts(name: K): readonly string[] | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    let parsed: unknown
    try {
      parsed = JSON.parse(value)
    } catch {
      throw badRequest(`property '${name}' must be a JSON array of strings`)
    }
    if (!Array.isArray(parsed) || !parsed.every((each) => typeof each === 'string')) {
      throw badRequest(`property '${name}' must be a JSON array of strings`)
    }
    return parsed
  }
}

/** For properties that are accepted and have no effect here. */
export function checkProperties(
  command: string,
  known: readonly string[],
  pairs: readonly (readonly [string, string])[],
): void {
  const unknown = pairs.find(([name]) => !known.some((each) => each.toLowerCase() === name.toLowerCase()))
  if (unknown !== undefined) throw notSupported(`property '${unknown[0]}'`, `of ${command}`)
}

const TYPE_NAMES: ReadonlyMap<string, ScalarName> = new Map<string, ScalarName>([
  ['bool', 'bool'],
  ['boolean', 'bool'],
  ['int', 'int'],
  ['int32', 'int'],
  ['long', 'long'],
  ['int64', 'long'],
  ['real', 'real'],
  ['double', 'real'],
  ['decimal', 'decimal'],
  ['string', 'string'],
  ['datetime', 'datetime'],
  ['date', 'datetime'],
  ['timespan', 'timespan'],
  ['time', 'timespan'],
  ['guid', 'guid'],
  ['uuid', 'guid'],
  ['uniqueid', 'guid'],
  ['dynamic', 'dynamic'],
])

/** @throws {LocalError} for a type that Kusto tables do not have */
export function scalarType(name: string): ScalarName {
  const type = TYPE_NAMES.get(name.toLowerCase().replace(/^system\./, ''))
  if (type === undefined) throw badRequest(`'${name}' is not a column type`)
  return type
}

import { KustoUsageError } from '../errors.ts'
import { ticksFromDate } from '../base/ticks.ts'
import { formatLiteral, type KustoScalarType, type KustoValue } from './literal.ts'
import { escapeText, quoteText } from './quote-text.ts'

/** A value with its Kusto type, made by `kql.long(5n)` and its siblings. */
export class KustoScalar {
  readonly type: KustoScalarType
  readonly value: KustoValue
  /** The literal, `long(5)`: what travels as a query parameter and what a literal slot of a command shows. */
  readonly literal: string

  constructor(value: KustoValue, type: KustoScalarType) {
    this.literal = formatLiteral(value, type)
    this.value = value
    this.type = type
  }
}

/** What a `kql` template takes: text made by this module is spliced, every other value becomes a query parameter. */
export type KqlSlot = Kql | KustoScalar | string | number | bigint | boolean | Date

/** A query parameter as the request carries it. */
export interface KqlParameter {
  readonly type: KustoScalarType
  readonly literal: string
}

/** A query ready to send: the text starts with the declaration of its parameters, if it has any. */
export interface RenderedKql {
  readonly text: string
  readonly parameters: ReadonlyMap<string, KqlParameter>
}

/**
 * KQL text that is safe by construction: it comes from this module's functions or from `kql.raw`. A class with a
 * private field, not a branded string, because a template must tell it from the caller's text at run time too.
 */
export class Kql {
  readonly #parts: readonly (string | KustoScalar)[]

  private constructor(parts: readonly (string | KustoScalar)[]) {
    this.#parts = parts
  }

  /** Takes the text as it is. For text the program wrote or its user typed as a query; never for a value. */
  static raw(text: string): Kql {
    return new Kql([text])
  }

  /** The texts with one slot between each two of them. */
  static splice(texts: readonly string[], slots: readonly KqlSlot[]): Kql {
    const parts: (string | KustoScalar)[] = []
    texts.forEach((text, index) => {
      parts.push(text)
      const slot = slots[index]
      if (slot instanceof Kql) parts.push(...slot.#parts)
      else if (index < slots.length) parts.push(scalarOf(slot))
    })
    return new Kql(parts)
  }

  get hasParameters(): boolean {
    return this.#parts.some((part) => part instanceof KustoScalar)
  }

  /**
   * The text of a piece without parameters: all of a management command.
   * @throws {KustoUsageError} KUSTO_PARAMETER_IN_COMMAND when there are parameters
   */
  get text(): string {
    if (this.hasParameters) {
      throw new KustoUsageError(
        'KUSTO_PARAMETER_IN_COMMAND',
        'expected KQL without parameters, found a value in a slot: a command takes name(), text() or literal() there',
      )
    }
    return this.inlined
  }

  /** The text with every value as a literal in its place: for a command that carries a query, such as an export. */
  get inlined(): string {
    return this.#parts.map((part) => (typeof part === 'string' ? part : part.literal)).join('')
  }

  /** The same, as KQL. */
  inline(): Kql {
    return new Kql([this.inlined])
  }

  /** The text with `_` for every value: what a lexer needs to find its way in it. */
  get skeleton(): string {
    return this.#parts.map((part) => (typeof part === 'string' ? part : '_')).join('')
  }

  /** The piece up to this index of the skeleton. */
  before(end: number): Kql {
    const parts: (string | KustoScalar)[] = []
    let rest = end
    for (const part of this.#parts) {
      if (rest <= 0) break
      parts.push(typeof part === 'string' ? part.slice(0, rest) : part)
      rest -= typeof part === 'string' ? part.length : 1
    }
    return new Kql(parts)
  }

  /** Text and parameters, with parameter names that occur nowhere in the text. */
  render(): RenderedKql {
    if (!this.hasParameters) return { text: this.text, parameters: new Map() }
    const prefix = unusedPrefix(this.#parts.filter((part) => typeof part === 'string').join(' '))
    const parameters = new Map<string, KqlParameter>()
    const body = this.#parts.map((part) => {
      if (typeof part === 'string') return part
      const parameter = `${prefix}${parameters.size}`
      parameters.set(parameter, { type: part.type, literal: part.literal })
      return parameter
    })
    const declared = [...parameters].map(([parameter, { type }]) => `${parameter}:${type}`)
    return { text: `declare query_parameters(${declared.join(', ')});\n${body.join('')}`, parameters }
  }

  /** Shows the text with its values in place; for people, not for sending. */
  toString(): string {
    return this.inlined
  }
}

export interface KqlTag {
  /** KQL with slots: `Kql` is spliced, strings, numbers, bigints, booleans, dates and `kql.long(...)` become parameters. */
  (parts: TemplateStringsArray, ...slots: readonly KqlSlot[]): Kql
  /** Trusted text as it is, for example a query the user typed. Never use it for a value. */
  raw(text: string): Kql
  bool(value: boolean | null): KustoScalar
  int(value: number | null): KustoScalar
  long(value: bigint | number | null): KustoScalar
  real(value: number | null): KustoScalar
  /** Decimals are text, so that no digit is lost. */
  decimal(value: string | null): KustoScalar
  string(value: string): KustoScalar
  /** A date, or ticks (100 ns since 0001-01-01). */
  datetime(value: Date | bigint | null): KustoScalar
  /** Ticks of 100 ns. */
  timespan(ticks: bigint | null): KustoScalar
  guid(value: string | null): KustoScalar
  /** Any JSON value; bigints keep all their digits, a Map is an object. */
  dynamic(value: unknown): KustoScalar
}

function template(parts: TemplateStringsArray, ...slots: readonly KqlSlot[]): Kql {
  // The raw text: in KQL a backslash belongs to KQL.
  return Kql.splice(parts.raw, slots)
}

/** Builds KQL; see `KqlTag`. */
export const kql: KqlTag = Object.assign(template, {
  raw: (text: string) => Kql.raw(text),
  bool: (value: boolean | null) => new KustoScalar(value, 'bool'),
  int: (value: number | null) => new KustoScalar(value, 'int'),
  long: (value: bigint | number | null) => new KustoScalar(value, 'long'),
  real: (value: number | null) => new KustoScalar(value, 'real'),
  decimal: (value: string | null) => new KustoScalar(value, 'decimal'),
  string: (value: string) => new KustoScalar(value, 'string'),
  datetime: (value: Date | bigint | null) =>
    new KustoScalar(value instanceof Date ? ticksFromDate(value) : value, 'datetime'),
  timespan: (ticks: bigint | null) => new KustoScalar(ticks, 'timespan'),
  guid: (value: string | null) => new KustoScalar(value, 'guid'),
  dynamic: (value: unknown) => new KustoScalar(jsonText(value), 'dynamic'),
})

/**
 * A quoted identifier, always `['name']`: bare names clash with keywords, blanks and literals.
 * @throws {KustoUsageError} KUSTO_BAD_NAME when it is empty or longer than 1024 characters
 */
export function name(identifier: string): Kql {
  if (identifier.length === 0 || identifier.length > 1024) {
    throw new KustoUsageError('KUSTO_BAD_NAME', `expected a name of 1 to 1024 characters, found ${identifier.length}`)
  }
  return Kql.raw(`['${escapeText(identifier)}']`)
}

/** A string literal. */
export function text(value: string): Kql {
  return Kql.raw(quoteText(value))
}

/** A string literal that the service masks in its logs: `h"..."`. */
export function secret(value: string): Kql {
  return Kql.raw(`h${quoteText(value)}`)
}

/**
 * A literal of the given type, or of the type a `kql` slot would have: `literal(5n)` is `long(5)`.
 * @throws {KustoUsageError} KUSTO_BAD_LITERAL when the value is not of the type
 */
export function literal(value: Exclude<KqlSlot, Kql>): Kql {
  return Kql.raw(scalarOf(value).literal)
}

/** Pieces with a separator between them. */
export function join(pieces: readonly Kql[], separator: string): Kql {
  if (pieces.length === 0) return Kql.raw('')
  return Kql.splice(['', ...pieces.slice(1).map(() => separator), ''], pieces)
}

/** The typed value of a plain one: whole safe numbers are long, other numbers real. */
export function scalarOf(value: unknown): KustoScalar {
  if (value instanceof KustoScalar) return value
  if (value instanceof Date) return new KustoScalar(ticksFromDate(value), 'datetime')
  if (typeof value === 'string') return new KustoScalar(value, 'string')
  if (typeof value === 'bigint') return new KustoScalar(value, 'long')
  if (typeof value === 'boolean') return new KustoScalar(value, 'bool')
  if (typeof value === 'number') {
    return new KustoScalar(value, Number.isSafeInteger(value) && !Object.is(value, -0) ? 'long' : 'real')
  }
  throw new KustoUsageError(
    'KUSTO_BAD_LITERAL',
    `expected a string, number, bigint, boolean, Date or typed value, found ${value === null ? 'null' : typeof value}: ` +
      'a null needs its type, as in kql.long(null), and lists are kql.dynamic([...])',
  )
}

/** Parameter names must not be captured by a name of the query, so the prefix is one that the text does not hold. */
function unusedPrefix(text: string): string {
  let prefix = '_kql'
  while (text.includes(prefix)) prefix = `_${prefix}`
  return prefix
}

function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    if ('toJSON' in value && typeof value.toJSON === 'function') return jsonText(value.toJSON())
    if (value instanceof Set) throw notJson('a Set')
    const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value)
    const members = entries.filter(([, item]) => item !== undefined)
    return `{${members.map(([key, item]) => `${JSON.stringify(String(key))}:${jsonText(item)}`).join(',')}}`
  }
  // JSON.stringify would turn NaN and infinities into null.
  const json: string | undefined =
    typeof value === 'number' && !Number.isFinite(value) ? undefined : JSON.stringify(value)
  if (json !== undefined) return json
  throw notJson(String(value))
}

function notJson(found: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_LITERAL', `expected a JSON value for dynamic, found ${found}`)
}

import { syntaxError } from '../engine/entity-errors.ts'

export interface ScanToken {
  readonly kind: 'word' | 'string' | 'name' | 'literal' | 'number' | 'guid' | 'mark' | 'end'
  /** Source text. */
  readonly text: string
  /** Unquoted text of a string or bracketed name, inside of `datetime(...)`; else the source text. */
  readonly value: string
  readonly start: number
  readonly end: number
}

const RULES: readonly (readonly [ScanToken['kind'], RegExp])[] = [
  ['guid', /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])/iy],
  [
    'string',
    /[hH]?(?:@"(?:[^"]|"")*"|@'(?:[^']|'')*'|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|```[^]*?```|~~~[^]*?~~~)/y,
  ],
  ['name', /\[\s*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*\]/y],
  ['literal', /datetime\s*\([^)]*\)/iy],
  ['word', /[\p{L}_][\p{L}\p{Nd}_]*(?:-[\p{L}][\p{L}\p{Nd}_]*)*/uy],
  ['number', /\d+(?:\.\d+)?/y],
  ['mark', /<\||\.\.|==|!=|[^\s\w]/y],
]
const BLANK = /(?:\s|\/\/[^\n]*)+/y

/** Reads a command left to right, for the few forms whose parts the official grammar does not label or does not know. */
export class Scanner {
  readonly #text: string
  #token: ScanToken

  constructor(text: string, start = 0) {
    this.#text = text
    this.#token = read(text, start)
  }

  get next(): ScanToken {
    return this.#token
  }

  take(): ScanToken {
    const taken = this.#token
    this.#token = read(this.#text, taken.end)
    return taken
  }

  /** Takes these words or marks when all of them follow (`case-insensitive` for words). */
  accept(...texts: readonly string[]): boolean {
    const before = this.#token
    for (const text of texts) {
      if (!isText(this.#token, text)) {
        this.#token = before
        return false
      }
      this.take()
    }
    return true
  }

  expect(...texts: readonly string[]): void {
    for (const text of texts) {
      if (!this.accept(text)) throw this.#expected(text)
    }
  }

  /** An entity name, bare or bracketed. */
  name(): string {
    if (this.#token.kind === 'word' || this.#token.kind === 'name') return this.take().value
    throw this.#expected('a name')
  }

  string(): string {
    if (this.#token.kind !== 'string') throw this.#expected('a string')
    return this.take().value
  }

  guid(): string {
    if (this.#token.kind === 'guid') return this.take().value.toLowerCase()
    if (this.#token.kind === 'string' && GUID.test(this.#token.value)) return this.take().value.toLowerCase()
    throw this.#expected('a guid')
  }

  /** `(item, item, ...)`, at least one. */
  list<R>(item: () => R): readonly R[] {
    this.expect('(')
    const items = [item()]
    while (this.accept(',')) items.push(item())
    this.expect(')')
    return items
  }

  /** `[with (name = value, ...)]` as pairs of name and value. */
  properties(): readonly (readonly [string, string])[] {
    if (!this.accept('with')) return []
    return this.list(() => {
      const name = this.name()
      this.expect('=')
      return [name, this.#value()] as const
    })
  }

  /** Everything after this point. */
  rest(): string {
    return this.#text.slice(this.#token.start)
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#expected('the end of the command')
  }

  #value(): string {
    if (this.#token.kind === 'end' || this.#token.kind === 'mark') throw this.#expected('a value')
    return this.take().value
  }

  #expected(what: string): Error {
    const found = this.#token.kind === 'end' ? 'the end' : `'${this.#token.text.slice(0, 40)}'`
    return syntaxError(`expected ${what}, found ${found}`, this.#token.start)
  }
}

export const GUID: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Offset just after the first `<|` outside of strings, or undefined. */
export function findArrow(text: string): number | undefined {
  for (let token = read(text, 0); token.kind !== 'end'; token = read(text, token.end)) {
    if (token.kind === 'mark' && token.text === '<|') return token.end
  }
  return undefined
}

function isText(token: ScanToken, text: string): boolean {
  if (token.kind === 'string' || token.kind === 'name') return false
  return token.text.toLowerCase() === text.toLowerCase()
}

function read(text: string, from: number): ScanToken {
  const start = match(BLANK, text, from)?.end ?? from
  if (start >= text.length) return { kind: 'end', text: '', value: '', start: text.length, end: text.length }
  for (const [kind, rule] of RULES) {
    const found = match(rule, text, start)
    if (found !== undefined) return { kind, text: found.text, value: valueOf(kind, found.text), start, end: found.end }
  }
  throw syntaxError('unexpected character', start)
}

function match(rule: RegExp, text: string, from: number): { text: string; end: number } | undefined {
  rule.lastIndex = from
  const found = rule.exec(text)?.[0]
  return found === undefined ? undefined : { text: found, end: from + found.length }
}

function valueOf(kind: ScanToken['kind'], text: string): string {
  if (kind === 'string') return unquote(text.replace(/^[hH]/, ''))
  if (kind === 'name') return unquote(text.slice(1, -1).trim())
  if (kind === 'literal') return unquote(text.slice(text.indexOf('(') + 1, -1).trim())
  return text
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['0', '\0'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
])

function unquote(text: string): string {
  if (text.startsWith('```') || text.startsWith('~~~')) return text.slice(3, -3)
  if (text.startsWith('@')) {
    const quote = text.charAt(1)
    return text.slice(2, -1).replaceAll(quote + quote, quote)
  }
  if (!/^["']/.test(text)) return text
  return text
    .slice(1, -1)
    .replaceAll(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/g, (_, u?: string, x?: string, c = '') => {
      const hex = u ?? x
      return hex === undefined ? (ESCAPES.get(String(c)) ?? String(c)) : String.fromCharCode(Number.parseInt(hex, 16))
    })
}

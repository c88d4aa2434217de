/** A JSON number as it was written: longs and decimals beyond a double's precision stay exact. */
export class Num {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** Whether the number is written as an integer. */
  get integral(): boolean {
    return /^-?\d+$/.test(this.text)
  }
}

/** A dynamic value; a bag keeps the order of its keys. */
export type Json = null | boolean | string | Num | readonly Json[] | ReadonlyMap<string, Json>

/** Nesting allowed in a dynamic value; deeper text is not JSON to us. */
const MAX_DEPTH = 512

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// oxlint-disable-next-line eslint/no-control-regex -- JSON forbids control characters inside strings
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** Reads JSON text, keeping the text of numbers; `undefined` when it is not JSON. The last of equal keys wins. */
export function parseJson(text: string): Json | undefined {
  const reader = new Reader(text)
  try {
    return reader.document()
  } catch (error) {
    if (error instanceof NotJson) return undefined
    throw error
  }
}

/** Compact JSON text of a value. */
export function formatJson(value: Json): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Num) return value.text
  if (isBag(value))
    return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${formatJson(item)}`).join(',')}}`
  return `[${value.map(formatJson).join(',')}]`
}

/** Text that is equal exactly when two values are equal: keys sorted, numbers by value. */
export function canonicalJson(value: Json): string {
  if (value instanceof Num) return canonicalNumber(value)
  if (isBag(value)) {
    const entries = [...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
  }
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  return formatJson(value)
}

function canonicalNumber(value: Num): string {
  if (value.integral) return BigInt(value.text).toString()
  const number = Number(value.text)
  return Number.isSafeInteger(number) ? BigInt(number).toString() : String(number)
}

/** Adds an item to the list of a key. */
export function append(lists: Map<string, Json[]>, key: string, item: Json): void {
  const list = lists.get(key)
  if (list) list.push(item)
  else lists.set(key, [item])
}

export function isBag(value: Json | undefined): value is ReadonlyMap<string, Json> {
  return value instanceof Map
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

class NotJson extends Error {}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Json {
    const value = this.#value(0)
    this.#blanks()
    if (this.#at !== this.#text.length) throw new NotJson()
    return value
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new NotJson()
    this.#blanks()
    const first = this.#text[this.#at]
    if (first === '{') return this.#bag(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    if (first === 't') return this.#word('true', true)
    if (first === 'f') return this.#word('false', false)
    if (first === 'n') return this.#word('null', null)
    return new Num(this.#match(NUMBER, 1))
  }

  #word(word: string, value: Json): Json {
    if (!this.#text.startsWith(word, this.#at)) throw new NotJson()
    this.#at += word.length
    return value
  }

  #bag(depth: number): Json {
    const bag = new Map<string, Json>()
    this.#at++
    if (this.#next('}')) return bag
    for (;;) {
      this.#blanks()
      if (this.#text[this.#at] !== '"') throw new NotJson()
      const key = this.#string()
      if (!this.#next(':')) throw new NotJson()
      bag.set(key, this.#value(depth + 1))
      if (this.#next('}')) return bag
      if (!this.#next(',')) throw new NotJson()
    }
  }

  #array(depth: number): Json {
    const items: Json[] = []
    this.#at++
    if (this.#next(']')) return items
    for (;;) {
      items.push(this.#value(depth + 1))
      if (this.#next(']')) return items
      if (!this.#next(',')) throw new NotJson()
    }
  }

  #string(): string {
    this.#at++
    let out = this.#match(PLAIN, 0)
    while (this.#text[this.#at] === '\\') {
      const escape = this.#text[this.#at + 1] ?? ''
      if (escape === 'u') {
        const hex = this.#text.slice(this.#at + 2, this.#at + 6)
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw new NotJson()
        out += String.fromCharCode(Number.parseInt(hex, 16))
        this.#at += 6
      } else {
        const plain = ESCAPES.get(escape)
        if (plain === undefined) throw new NotJson()
        out += plain
        this.#at += 2
      }
      out += this.#match(PLAIN, 0)
    }
    if (this.#text[this.#at] !== '"') throw new NotJson()
    this.#at++
    return out
  }

  #next(char: string): boolean {
    this.#blanks()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #blanks(): void {
    let code = this.#text.charCodeAt(this.#at)
    while (code === 32 || code === 10 || code === 13 || code === 9) code = this.#text.charCodeAt(++this.#at)
  }

  #match(pattern: RegExp, atLeast: number): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    if (found.length < atLeast) throw new NotJson()
    this.#at += found.length
    return found
  }
}

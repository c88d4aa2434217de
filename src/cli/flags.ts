import { usageError } from './usage-error.ts'

interface FlagBase {
  /** Without the dashes. */
  readonly name: string
  /** One line of help. */
  readonly help: string
  /** What happens without the flag, as help and docs show it. */
  readonly default?: string
  /** The heading it stands under in help; default `Options`. */
  readonly group?: string
}

/** A flag of a command, as data. */
export type Flag =
  /** There or not. */
  | (FlagBase & { readonly kind: 'switch' })
  | (FlagBase & {
      readonly kind: 'text'
      readonly value: string
      /** May stand without a value, which then is an empty text. */
      readonly isOptional?: true
    })
  /** One of some words. */
  | (FlagBase & { readonly kind: 'choice'; readonly choices: readonly string[] })
  /** May be given several times; `split` also takes several values in one, between commas. */
  | (FlagBase & { readonly kind: 'list'; readonly value: string; readonly split?: true })
  /** A whole number. */
  | (FlagBase & { readonly kind: 'number'; readonly value: string; readonly min: number; readonly max: number })
  /** A number of bytes: `500000`, `64MB`, `1GiB`. */
  | (FlagBase & { readonly kind: 'bytes' })
  /** A span of time: `90s`, `15m`, `2h`, `7d`. */
  | (FlagBase & { readonly kind: 'duration' })

/** What stands for the value in help: `--mode single|auto`. */
export function valueName(flag: Flag): string | undefined {
  switch (flag.kind) {
    case 'switch':
      return undefined
    case 'choice':
      return flag.choices.join('|')
    case 'bytes':
      return 'SIZE'
    case 'duration':
      return 'TIME'
    case 'text':
      return flag.isOptional === true ? `[${flag.value}]` : flag.value
    case 'list':
    case 'number':
      return flag.value
  }
}

/** The flags that were given, read by name and kind. To ask for one that the command does not have is a mistake of the program. */
export class FlagValues {
  readonly #flags: ReadonlyMap<string, Flag>
  readonly #given: ReadonlyMap<string, readonly string[]>

  /** `given` has the texts of each flag in order; an empty text for a switch. */
  constructor(flags: readonly Flag[], given: ReadonlyMap<string, readonly string[]>) {
    this.#flags = new Map(flags.map((flag) => [flag.name, flag]))
    this.#given = given
    for (const flag of flags) check(flag, given.get(flag.name) ?? [])
  }

  /** Whether the command has such a flag. */
  knows(name: string): boolean {
    return this.#flags.has(name)
  }

  isGiven(name: string): boolean {
    return this.#texts(name).length > 0
  }

  /** A switch. */
  on(name: string): boolean {
    return this.isGiven(name)
  }

  text(name: string): string | undefined {
    return this.#texts(name).at(-1)
  }

  /** A choice, as one of the words it was declared with. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name)
    return choices.find((choice) => choice === text)
  }

  list(name: string): readonly string[] {
    const flag = this.#flags.get(name)
    const texts = this.#texts(name)
    if (flag?.kind !== 'list' || flag.split !== true) return texts
    return texts.flatMap((text) => text.split(',').map((part) => part.trim()))
  }

  number(name: string): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : Number(text)
  }

  bytes(name: string): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : parseBytes(text)
  }

  /** Milliseconds. */
  durationMs(name: string): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : parseDuration(text)
  }

  #texts(name: string): readonly string[] {
    if (!this.#flags.has(name)) throw new TypeError(`the command has no flag --${name}`)
    return this.#given.get(name) ?? []
  }
}

function check(flag: Flag, texts: readonly string[]): void {
  for (const text of texts) {
    const expected = expectation(flag, text)
    if (expected !== undefined)
      throw usageError(`expected --${flag.name} to be ${expected}, found ${text || 'nothing'}`)
  }
  if (texts.length > 1 && flag.kind !== 'list' && flag.kind !== 'switch') {
    throw usageError(`expected --${flag.name} once, found it ${texts.length} times`)
  }
}

/** What the flag takes, when the text is something else. */
function expectation(flag: Flag, text: string): string | undefined {
  switch (flag.kind) {
    case 'switch':
      return undefined
    case 'text':
      return text === '' && flag.isOptional !== true ? 'something' : undefined
    case 'list':
      return text === '' ? 'something' : undefined
    case 'choice':
      return flag.choices.includes(text) ? undefined : `one of ${flag.choices.join(', ')}`
    case 'number': {
      const isFit = /^-?\d+$/.test(text) && Number(text) >= flag.min && Number(text) <= flag.max
      return isFit ? undefined : `a whole number from ${flag.min} to ${flag.max}`
    }
    case 'bytes':
      return parseBytes(text) === undefined ? 'a size such as 500000, 64MB or 1GiB' : undefined
    case 'duration':
      return parseDuration(text) === undefined ? 'a time such as 90s, 15m, 2h or 7d' : undefined
  }
}

const BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KIB', 2 ** 10],
  ['MIB', 2 ** 20],
  ['GIB', 2 ** 30],
])
const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** Bytes of a text such as `64MB`; undefined when it is no size. */
export function parseBytes(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? []
  const factor = BYTES.get(unit.toUpperCase())
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor)
}

function parseDuration(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = MILLISECONDS.get(unit)
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor)
}

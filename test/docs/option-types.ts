/** Reads options from source text: TypeScript 7 has no compiler API. Enough for interfaces whose members stand two blanks in. */

export interface OptionMember {
  readonly name: string
  readonly isOptional: boolean
  /** As in the source, on one line, unions of texts written out. */
  readonly type: string
  /** The doc comment on one line, without the default. */
  readonly description: string
  /** What the doc comment says after the word Default; empty when it says nothing. */
  readonly defaultText: string
  /** The interface that declares it. */
  readonly declaredBy: string
}

export interface OptionInterface {
  readonly name: string
  readonly description: string
  /** What stands between `extends` and the brace. */
  readonly bases: string
  readonly own: readonly OptionMember[]
}

/** Interfaces by name, of all sources. A name that two files declare is an error when it is asked for. */
export class OptionTypes {
  readonly #interfaces = new Map<string, OptionInterface[]>()
  readonly #aliases = new Map<string, string>()

  constructor(sources: readonly string[]) {
    for (const text of sources) {
      for (const [, name = '', value = ''] of text.matchAll(/^export type (\w+) =((?:\s*\|?\s*'[^'\n]*')+)$/gm)) {
        this.#aliases.set(name, value.replaceAll(/\s+/g, ' ').replace(/^ \| /, '').trim())
      }
    }
    for (const text of sources) {
      for (const one of interfacesOf(text, (type) => this.#aliases.get(type) ?? type)) {
        this.#interfaces.set(one.name, [...(this.#interfaces.get(one.name) ?? []), one])
      }
    }
  }

  get(name: string): OptionInterface {
    const [found, ...more] = this.#interfaces.get(name) ?? []
    if (found === undefined || more.length > 0) throw new Error(`expected one interface ${name}`)
    return found
  }

  /** All members: own ones first, then those of the bases that are not declared again. */
  membersOf(name: string): readonly OptionMember[] {
    const { own, bases } = this.get(name)
    const members = new Map(own.map((member) => [member.name, member]))
    for (const base of splitTop(bases)) {
      for (const member of this.#evaluate(base)) {
        if (!members.has(member.name)) members.set(member.name, member)
      }
    }
    return [...members.values()]
  }

  /** `Name`, `Omit<T, K>` and `Pick<T, K>`. */
  #evaluate(type: string): readonly OptionMember[] {
    const [, kind, inside = ''] = /^(Omit|Pick)<(.*)>$/s.exec(type) ?? []
    if (kind === undefined) return this.membersOf(type)
    const [of = '', keys = ''] = splitTop(inside)
    const names = this.#keys(keys)
    return this.#evaluate(of).filter(({ name }) => names.has(name) === (kind === 'Pick'))
  }

  /** A union of texts and of `keyof Name`. */
  #keys(union: string): ReadonlySet<string> {
    const names = union.split('|').flatMap((part) => {
      const text = part.trim()
      if (text === '') return []
      const name = /^keyof (\w+)$/.exec(text)?.[1]
      if (name !== undefined) return this.membersOf(name).map((member) => member.name)
      const literal = /^'(.*)'$/.exec(text)?.[1]
      if (literal === undefined) throw new Error(`expected a text or keyof, found ${text}`)
      return literal
    })
    return new Set(names)
  }
}

function interfacesOf(text: string, resolve: (type: string) => string): readonly OptionInterface[] {
  const blocks = text.matchAll(
    /(?:^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^export interface (\w+)(?:<[^>]*>)?([^{]*)\{(?:\n([\s\S]*?)^)?\}$/gm,
  )
  return [...blocks].map(([, doc = '', name = '', bases = '', body = '']) => ({
    name,
    description: sentences(doc),
    bases: bases
      .replaceAll(/\s+/g, ' ')
      .trim()
      .replace(/^extends /, ''),
    own: membersIn(body, name, resolve),
  }))
}

function membersIn(body: string, declaredBy: string, resolve: (type: string) => string): readonly OptionMember[] {
  const members = body.matchAll(
    /(?: {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {2}readonly (\w+)(\?)?:((?:.*\n)(?: {4,}.*\n| {2}[})].*\n)*)/gm,
  )
  return [...members].map(([, doc = '', name = '', mark, rawType = '']) => {
    const type = rawType.replaceAll(/\s+/g, ' ').trim().replace(/^\| /, '')
    const { description, defaultText } = withoutDefault(sentences(doc))
    const isOptional = mark === '?'
    return { name, isOptional, type: resolve(type).replaceAll('readonly ', ''), description, defaultText, declaredBy }
  })
}

const sentences = (doc: string): string =>
  doc
    .replaceAll(/^\s*\* ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .trim()

/** The sentence that begins with Default apart from the others; or the word that `(default)` follows. */
function withoutDefault(text: string): { readonly description: string; readonly defaultText: string } {
  const said = /(?:^|\s)Default:? (.+?)\.(?=\s|$)/.exec(text)
  if (said !== null) {
    return { description: text.replace(said[0], '').trim(), defaultText: (said[1] ?? '').trim() }
  }
  return { description: text, defaultText: /(`[^`]+`) \(default\)/.exec(text)?.[1] ?? '' }
}

/** Parts between the commas that stand in no brackets. */
function splitTop(text: string): readonly string[] {
  const parts: string[] = []
  let [depth, from] = [0, 0]
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at]
    if (sign === '<') depth++
    if (sign === '>') depth--
    if (at === text.length || (sign === ',' && depth === 0)) {
      parts.push(text.slice(from, at).trim())
      from = at + 1
    }
  }
  return parts.filter((part) => part !== '')
}

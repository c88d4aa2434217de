import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { OptionTypes } from './docs/option-types.ts'
import { optionsPage, untold } from './docs/options-page.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('local') && !file.startsWith('cli'))
  .map((file) => readFileSync(path.join(ROOT, 'src', file), 'utf8'))
const types = new OptionTypes(sources)

/** The names that a file gives to `checkNames` as its list. */
function checkedNames(file: string): readonly string[] {
  const list = /^const NAMES[^=]*= \[([\s\S]*?)^\]/m.exec(readFileSync(path.join(ROOT, 'src', file), 'utf8'))?.[1] ?? ''
  return [...list.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '')
}

describe('docs/options.md', () => {
  it('is what the types say; -u writes it', async () => {
    await expect(optionsPage(types)).toMatchFileSnapshot('../docs/options.md')
  })

  it('says of every option what it does', () => {
    expect(untold(types)).toEqual([])
  })

  it.each([
    ['KustoConnectorOptions', 'connect-settings.ts'],
    ['ReadOptions', 'source/read-settings.ts'],
    ['WriteOptions', 'sink/write-settings.ts'],
  ])('has every name that the code takes as one of %s', (name, file) => {
    const names = types.membersOf(name).map((member) => member.name)
    expect(names.length).toBeGreaterThan(5)
    expect(names.toSorted()).toEqual(checkedNames(file).toSorted())
  })
})

describe('reading option types', () => {
  const sample = new OptionTypes([
    `export type Mode =\n  | 'a'\n  | 'b'\n
/** Of a thing. */
export interface Base {
  /** One. Default \`a\`: the first. */
  readonly mode?: Mode
  /**
   * Two lines
   * of text.
   */
  readonly list: readonly string[]
  readonly more?:
    | { readonly kind: 'x' }
    | undefined
}
export interface Derived extends Omit<Base, 'list' | 'more'>, Pick<Other, keyof Base | 'size'> {
  readonly own?: () => void
}
export interface Other {
  /** How large, \`1\` (default) or 2. */
  readonly size?: number
  readonly left?: boolean
}
`,
  ])

  it('takes comments, defaults and unions of texts', () => {
    expect(sample.get('Base').description).toBe('Of a thing.')
    expect(
      sample.membersOf('Base').map(({ type, description, defaultText }) => [type, description, defaultText]),
    ).toEqual([
      ["'a' | 'b'", 'One.', '`a`: the first'],
      ['string[]', 'Two lines of text.', ''],
      ["{ kind: 'x' } | undefined", '', ''],
    ])
  })

  it('follows extends, Omit, Pick and keyof', () => {
    expect(sample.membersOf('Derived').map(({ name, declaredBy }) => `${declaredBy}.${name}`)).toEqual([
      'Derived.own',
      'Base.mode',
      'Other.size',
    ])
    expect(sample.membersOf('Derived').at(-1)?.defaultText).toBe('`1`')
  })
})

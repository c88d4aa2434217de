import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')
const CODE = '(?:KUSTO|LOCAL)_[A-Z][A-Z0-9_]*[A-Z0-9]'

const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(path.join(ROOT, 'src', file), 'utf8'))

/** Codes are string literals; a name in a comment is none, and neither is an environment variable. */
const inSource = new Set(
  sources.flatMap((text) =>
    [...text.matchAll(new RegExp(`(?<!env\\[)'(${CODE})'`, 'g'))].map((match) => match[1] ?? ''),
  ),
)

/** The classes of each code, where the source makes the error and names the code in one place. */
const classesOf = new Map<string, Set<string>>()
for (const text of sources) {
  for (const [, kind = '', code = ''] of text.matchAll(new RegExp(`new (Kusto\\w*Error)\\(\\s*'(${CODE})'`, 'g'))) {
    classesOf.set(code, (classesOf.get(code) ?? new Set()).add(kind))
  }
}

const page = readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8')
const onPage = new Set(page.match(new RegExp(`\\b${CODE}\\b`, 'g')))
const rows = new Map(
  page.split('\n').flatMap((line) => {
    const [, first = '', kinds = ''] = line.split('|').map((cell) => cell.trim())
    const code = new RegExp(`^\`(${CODE})\`$`).exec(first)?.[1]
    return code === undefined ? [] : [[code, new Set(kinds.match(/Kusto\w*Error/g))] as const]
  }),
)

describe('docs/errors.md', () => {
  it('has a row for every code that the source can throw', () => {
    expect([...inSource].filter((code) => !rows.has(code))).toEqual([])
  })

  it('lists no code that the source cannot throw', () => {
    expect([...onPage].filter((code) => !inSource.has(code))).toEqual([])
  })

  it('names the class that the source throws', () => {
    const wrong = [...classesOf].flatMap(([code, kinds]) => {
      const listed = rows.get(code) ?? new Set()
      return [...kinds].filter((kind) => !listed.has(kind)).map((kind) => `${code}: ${kind}`)
    })
    expect(wrong).toEqual([])
  })

  it('has each code once', () => {
    const codes = [...page.matchAll(new RegExp(`^\\| \`(${CODE})\` \\|`, 'gm'))].map((match) => match[1])
    expect(codes).toEqual([...new Set(codes)])
    expect(codes.length).toBe(rows.size)
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')

const codesIn = (text: string): readonly string[] => text.match(/\b(?:KUSTO|LOCAL)_[A-Z][A-Z_]*[A-Z]\b/g) ?? []

const inSource = new Set(
  readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(path.join(ROOT, 'src', file), 'utf8')
      // Codes are string literals; a name in a comment or an environment variable is not a code.
      return [...text.matchAll(/'((?:KUSTO|LOCAL)_[A-Z][A-Z_]*[A-Z])'/g)].map((match) => match[1] ?? '')
    }),
)
const onPage = new Set(codesIn(readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8')))

describe('docs/errors.md', () => {
  it('lists every code that the source can throw', () => {
    expect([...inSource].filter((code) => !onPage.has(code))).toEqual([])
  })

  it('lists no code that the source cannot throw', () => {
    expect([...onPage].filter((code) => !inSource.has(code))).toEqual([])
  })
})

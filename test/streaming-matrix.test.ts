import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const TESTS = import.meta.dirname
const page = readFileSync(path.join(TESTS, '../docs/streaming-matrix.md'), 'utf8')

/** Files by the ids in the titles of their tests. */
const titled = new Map<string, Set<string>>()
for (const entry of readdirSync(TESTS, { recursive: true, encoding: 'utf8' })) {
  if (!entry.endsWith('.test.ts') || entry === path.basename(import.meta.filename)) continue
  for (const [, id = ''] of readFileSync(path.join(TESTS, entry), 'utf8').matchAll(/streaming:([TC]\d+)\b/g)) {
    titled.set(id, (titled.get(id) ?? new Set()).add(entry))
  }
}

const rows = new Map(
  [...page.matchAll(/^\| ([TC]\d+) \| .* \| (.*) \|$/gm)].map(([, id = '', shown = '']) => [id, shown]),
)
const ids = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)
const ALL = [...ids('T', 42), ...ids('C', 56)]

describe('docs/streaming-matrix.md', () => {
  it('has a row for every fault and capability, and the tests know no other', () => {
    expect([...rows.keys()]).toEqual(ALL)
    expect([...titled.keys()].filter((id) => !ALL.includes(id))).toEqual([])
  })

  it.each(ALL)('%s names the files of its tests, or a reason', (id) => {
    const shown = rows.get(id) ?? ''
    const named = new Set([...shown.matchAll(/`([\w/-]+\.test\.ts)`/g)].map(([, file = '']) => file))
    for (const file of titled.get(id) ?? []) expect(named).toContain(file)
    if (titled.has(id)) return
    expect(shown.length).toBeGreaterThan(60)
    const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    for (const file of named) expect(files).toContain(file)
  })
})

import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadMicrosoftParser } from './kql/microsoft-parser.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const page = read('docs/troubleshooting.md')
const errors = read('docs/errors.md')
const CODE = /\b(?:KUSTO|LOCAL)_[A-Z][A-Z0-9_]*[A-Z0-9]\b/g

/** The service's codes that are no codes of this package. */
const OF_SERVICE = ['E_QUERY_RESULT_SET_TOO_LARGE', 'E_RUNAWAY_QUERY', 'BadRequest_NotSupportedByEmulator']

/** First cells of the tables whose first column is headed `code`. */
const rows = page
  .split(/^## /m)
  .filter((section) => section.includes('| code | symptom | cause | fix |'))
  .flatMap((section) => section.split('\n').filter((line) => line.startsWith('| `')))

describe('docs/troubleshooting.md', () => {
  it('names only codes that the page of errors has', () => {
    const codes = [...new Set(page.match(CODE))]
    expect(codes.length).toBeGreaterThan(40)
    expect(codes.filter((code) => !errors.includes(`| \`${code}\` |`))).toEqual([])
    expect(OF_SERVICE.filter((code) => page.includes(code) && !errors.includes(code))).toEqual([])
  })

  it('has code, symptom, cause and fix in every row', () => {
    const cells = rows.map((row) => row.split(/(?<!\\)\|/).slice(1, -1))
    expect(cells.length).toBeGreaterThan(40)
    expect(cells.filter((row) => row.length !== 4 && row.length !== 3)).toEqual([])
    expect(cells.flat().filter((cell) => cell.trim() === '')).toEqual([])
  })

  it('names options that there are', () => {
    const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(`src/${file}`))
      .join('\n')
    const options = [...page.matchAll(/`([a-z]\w+): [^`]*`/g)].map((match) => match[1] ?? '')
    expect(options.length).toBeGreaterThan(15)
    expect(options.filter((name) => !new RegExp(`readonly ${name}\\??:`).test(sources))).toEqual([])
  })

  it("shows commands that Microsoft's parser takes", { timeout: 180_000 }, () => {
    const parser = loadMicrosoftParser()
    const tables = [{ name: 'Flights', columns: [{ name: 'origin', type: 'string' }] }]
    const commands = [...page.matchAll(/`(\.show [^`]*)`/g)].map((match) => (match[1] ?? '').replaceAll('\\|', '|'))
    expect(commands.length).toBeGreaterThan(8)
    expect(
      commands.flatMap((text) => parser.parse(text, tables).diagnostics.map((each) => `${text}: ${each}`)),
    ).toEqual([])
  })
})

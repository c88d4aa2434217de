import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { FIGURES } from '../../bench/performance-figures.ts'
import { exportPicture, withTables } from '../../bench/performance-tables.ts'
import { readRecorded } from '../../bench/write-performance.ts'
import { around, resultOf } from './made-up-result.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const PICTURE = path.join(ROOT, 'docs/images/bench-export.svg')
const page = readFileSync(path.join(ROOT, 'docs/performance.md'), 'utf8')

const EMPTY = ['figures', 'export']
  .map((name) => `<!-- begin ${name}: made by npm run bench -->\n<!-- end ${name} -->`)
  .join('\ntext between\n')

describe('docs/performance.md', () => {
  it('has the tables that are made of the recorded results; `npm run bench -- tables` makes them', async () => {
    expect(withTables(page, await readRecorded(ROOT))).toBe(page)
  })

  it('has a figure of every suite that compares', async () => {
    const recorded = await readRecorded(ROOT)
    const compared = [...recorded].filter(([, json]) => Object.keys(json ?? {}).some((key) => key.startsWith('must')))
    const figures = new Set(FIGURES.map(({ suite }) => suite))
    expect(compared.map(([suite]) => suite).filter((suite) => !figures.has(suite))).toEqual([])
    expect(compared.length).toBeGreaterThan(3)
  })

  it('shows the picture that is made of the recorded result', async () => {
    const picture = await exportPicture(await readRecorded(ROOT))
    expect(existsSync(PICTURE) ? readFileSync(PICTURE, 'utf8') : undefined).toBe(picture)
  })
})

describe('the tables', () => {
  it('marks what is below its bar, and leaves the text around them', () => {
    const latency = {
      load: 1.5,
      ratioToAzureKustoDataRows: { median: 0.9, cpu: 1.2 },
      ratioToAzureKustoDataTable: { median: 12.34, cpu: 10 },
    }
    const memory = { load: 1, highestPeakMb: 97 }
    const made = withTables(
      EMPTY,
      new Map<string, unknown>([
        ['latency', latency],
        ['stream-memory', memory],
      ]),
    )
    expect(made).toContain(
      '| >= 1x | **0.90x wall, 1.20x processor** | [latency](../bench/results/latency.json) | 1.5 |',
    )
    expect(made).toContain('|  | 12.3x wall, 10.0x processor |')
    expect(made).toContain('| <= 96 MB | **97 MB at most** |')
    expect(made).toContain('\ntext between\n')
    expect(withTables(made, new Map())).not.toContain('latency')
  })

  it('lists the configurations of an export, the fastest first', () => {
    const made = withTables(EMPTY, new Map([['export', resultOf([2, 1].map(around))]]))
    const rows = made.split('\n').filter((line) => /^\| (single|1 part)/.test(line))
    expect(rows.map((row) => row.split(' | ')[0])).toEqual(['| 1 partition, 1 worker, snappy', '| single query'])
    expect(made).toContain('Take "1 partition, 1 worker, snappy"')
  })

  it('names the place where a result is not as expected, and a page without markers', () => {
    expect(() => withTables(EMPTY, new Map([['parquet', { load: 1 }]]))).toThrow(/"ratioToParquetWasm".* of parquet/)
    expect(() => withTables('no markers', new Map())).toThrow(/begin figures/)
  })

  it('draws the picture on white, with ink of its own', async () => {
    const svg = (await exportPicture(new Map([['export', resultOf([2, 1].map(around))]]))) ?? ''
    expect(svg).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\n$/)
    expect(svg).toContain('fill="white"')
    expect(svg).not.toContain('currentColor')
  })
})

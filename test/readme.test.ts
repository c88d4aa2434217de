import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { snippetsOf } from './docs/page-snippets.ts'
import { PAGES, pagesIn, read, ROOT } from './docs/pages.ts'

const readme = read('README.md')

/** The optional peers that the embedded Kusto and charts are made of; others are named where their feature is. */
const EMBEDDED = ['@duckdb/node-api', '@kusto/language-service-next', 'azurite']
const CHARTS = ['vega', 'vega-lite']

/** The pages and the decisions behind them. */
const ALL = [...PAGES, ...pagesIn('docs/adr')]

const codeLines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '')

describe('README.md and docs/', () => {
  it('shows the quickstart line by line on the first screen', () => {
    const [shown] = snippetsOf('README.md', readme)
    const quickstart = codeLines(read('docs/examples/quickstart.ts')).filter((line) => !line.startsWith('/**'))
    expect(codeLines(shown?.code ?? '')).toEqual(quickstart)
    expect(readme.slice(0, readme.indexOf(shown?.code ?? '')).split('\n').length).toBeLessThan(25)
  })

  it('names the two commands of the first screen as package.json has them', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
    expect(readme).toContain('npm ci && npm run demo')
    expect(readme).toContain('npm ci && npm test')
    for (const [, script = ''] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts[script], script).toBeDefined()
  })

  it('installs the versions that are tested', () => {
    const manifest = JSON.parse(read('package.json')) as {
      readonly dependencies: Readonly<Record<string, string>>
      readonly devDependencies: Readonly<Record<string, string>>
    }
    const tested = (names: readonly string[]): readonly string[] =>
      names.map((name) => `${name}@${manifest.devDependencies[name] ?? ''}`).toSorted()
    const wanted = {
      'README.md': [...EMBEDDED, ...CHARTS],
      'docs/embedded-kusto.md': EMBEDDED,
      'docs/benchmark.md': CHARTS,
    }
    for (const [page, names] of Object.entries(wanted)) {
      const installed = [...read(page).matchAll(/npm install --save-dev ([^`\n]*)/g)].flatMap((match) =>
        (match[1] ?? '').split(' '),
      )
      expect(installed.toSorted(), page).toEqual(tested(names))
    }
    expect(readme).toContain(`npm install kusto-arrow apache-arrow@${manifest.dependencies['apache-arrow'] ?? ''}\n`)
    expect(read('docs/streaming.md')).toContain(
      `@azure/arm-kusto@${manifest.devDependencies['@azure/arm-kusto'] ?? ''}`,
    )
  })

  it('links to files and headings that exist', () => {
    const broken = ALL.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        if (/^https?:/.test(target)) return []
        const [file = '', heading] = target.split('#')
        const found = file === '' ? path.join(ROOT, page) : path.join(ROOT, path.dirname(page), file)
        if (!existsSync(found)) return [`${page}: ${target}`]
        return heading === undefined || headingsOf(found).includes(heading) ? [] : [`${page}: ${target}`]
      }),
    )
    expect(broken).toEqual([])
  })

  it('links from the README to what is in the package only', () => {
    const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] }
    const shipped = (file: string): boolean => files.some((each) => file === each || file.startsWith(`${each}/`))
    const targets = [...readme.matchAll(/\]\(([^)#\s]+)/g)].flatMap(([, target = '']) =>
      target.startsWith('http') ? [] : target,
    )
    expect(targets.length).toBeGreaterThan(20)
    expect(targets.filter((target) => !shipped(target))).toEqual([])
  })

  it('leads to every page from the README, page by page', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+\.md)[^)]*\)/g)) {
        const file = path.posix.join(path.posix.dirname(page), target)
        if (!target.startsWith('http') && existsSync(path.join(ROOT, file))) reached.add(file)
      }
    }
    expect(ALL.filter((page) => !reached.has(page))).toEqual([])
  })

  it('shows one picture, which is there', () => {
    const pictures = [...readme.matchAll(/!\[([^\]]+)\]\(([^)]+)\)/g)]
    expect(pictures).toHaveLength(1)
    expect(read(pictures[0]?.[2] ?? '')).toMatch(/^<svg [^>]*viewBox/)
  })

  it('shows the rooms and files that there are', () => {
    const page = read('docs/architecture.md')
    const rooms = [...page.matchAll(/^\| (?:\d|apart) \| ([^|]*) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`src\/([\w.-]+)\/?`/g)].map((match) => match[1] ?? ''),
    )
    const there = readdirSync(path.join(ROOT, 'src')).filter((name) => name !== 'tsconfig.json')
    expect(rooms.toSorted()).toEqual(there.toSorted())
    const files = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((file) =>
      path.basename(file),
    )
    const named = [...page.matchAll(/`(?:src\/[\w/]+\/)?([\w-]+\.ts)`/g)].map((match) => match[1] ?? '')
    expect(named.length).toBeGreaterThan(25)
    expect(named.filter((file) => !files.includes(file))).toEqual([])
  })

  it('says plainly what the embedded Kusto is not', () => {
    for (const page of ['README.md', 'docs/embedded-kusto.md']) {
      const text = read(page).replaceAll(/\s+/g, ' ').replaceAll('*', '')
      expect(text, page).toMatch(/is not Kusto/i)
      expect(text, page).toMatch(/not for production/)
      expect(text, page).toMatch(/no time measured on it says anything about Kusto's speed/i)
    }
  })
})

/** Headings in the form in which links name them. */
function headingsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  )
}

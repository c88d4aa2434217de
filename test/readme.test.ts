import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')
const PAGES = [
  'README.md',
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const readme = read('README.md')

/** The optional peers that the embedded Kusto is made of; others are named where their feature is. */
const EMBEDDED = ['@duckdb/node-api', '@kusto/language-service-next', 'azurite']

/** What the pages take as given: a snippet that declares one of these names itself shadows it. */
const GIVEN = `
import type { RecordBatch, Table } from 'apache-arrow'
import type * as connector from 'kusto-arrow'
declare global {
  const KustoConnector: typeof connector.KustoConnector
  const kusto: connector.KustoConnector
  const table: Table
  const batches: AsyncIterable<RecordBatch>
}
`

const CONFIG = {
  extends: '../../tsconfig.json',
  compilerOptions: { noUnusedLocals: false, allowImportingTsExtensions: false, rewriteRelativeImportExtensions: false },
  include: ['*.ts'],
}

interface Snippet {
  readonly page: string
  readonly line: number
  readonly code: string
}

/** The code blocks marked `ts`. */
function snippetsOf(page: string): readonly Snippet[] {
  const text = read(page)
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1] ?? '',
  }))
}

async function compile(snippets: readonly Snippet[]): Promise<string> {
  // Inside the repository, where the package's own name resolves as it does for its users.
  mkdirSync(path.join(ROOT, 'build'), { recursive: true })
  const folder = mkdtempSync(path.join(ROOT, 'build/snippets-'))
  try {
    writeFileSync(path.join(folder, 'given.d.ts'), GIVEN)
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(CONFIG))
    for (const { page, line, code } of snippets) {
      const name = `${page.replaceAll(/\W/g, '-')}-line-${line}.ts`
      writeFileSync(path.join(folder, name), `${code}\nexport {}\n`)
    }
    const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc')
    await promisify(execFile)(process.execPath, [tsc, '-p', folder], { cwd: folder })
    return ''
  } catch (error) {
    return (error as { stdout?: string }).stdout ?? String(error)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const codeLines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '')

describe('README.md and docs/', () => {
  it('has code that compiles against the built package', async () => {
    const snippets = PAGES.flatMap(snippetsOf)
    expect(snippets.length).toBeGreaterThan(15)
    expect(await compile(snippets)).toBe('')
  })

  it('shows the quickstart line by line on the first screen', () => {
    const [shown] = snippetsOf('README.md')
    const quickstart = read('docs/examples/quickstart.ts')
    const afterRows = quickstart.slice(quickstart.indexOf('await using local'))
    const imports = codeLines(quickstart).filter((line) => line.startsWith('import') && line.includes("'kusto-arrow"))
    expect(codeLines(shown?.code ?? '')).toEqual([...imports, ...codeLines(afterRows)])
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
      readonly devDependencies: Readonly<Record<string, string>>
    }
    for (const page of ['README.md', 'docs/embedded-kusto.md']) {
      const installed = [...read(page).matchAll(/^npm install --save-dev (.*)$/gm)].flatMap((match) =>
        (match[1] ?? '').split(' '),
      )
      const tested = EMBEDDED.map((name) => `${name}@${manifest.devDependencies[name] ?? ''}`)
      expect(installed.toSorted(), page).toEqual(tested.toSorted())
    }
    expect(read('docs/streaming.md')).toContain(
      `@azure/arm-kusto@${manifest.devDependencies['@azure/arm-kusto'] ?? ''}`,
    )
  })

  it('links to files and headings that exist', () => {
    const broken = PAGES.flatMap((page) =>
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

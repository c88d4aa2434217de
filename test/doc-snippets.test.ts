import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportsOf, moduleName, moduleText, snippetsOf, strayMarkers } from './docs/page-snippets.ts'
import { PAGES, pagesIn, read, ROOT } from './docs/pages.ts'

const run = promisify(execFile)

const SHOWN = [...PAGES, ...pagesIn('docs/adr')]
const snippets = SHOWN.flatMap((page) => snippetsOf(page, read(page)))
const runnable = snippets.filter(({ compiledOnly }) => compiledOnly === undefined)

const CONFIG = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    noEmit: false,
    rootDir: '.',
    outDir: './out',
    noUnusedLocals: false,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: false,
  },
  include: ['*.ts'],
}

/** What the embedded Kusto reads as standard input: rows that a snippet streams. */
const STDIN = '{"origin":"ATL","delay":75}\n{"origin":"LAX","delay":12}\n'
/** A module that a snippet runs in worker threads. */
const SUM =
  'export default async function (batches) { let rows = 0; for await (const batch of batches) rows += batch.numRows; return rows }'

let folder = ''
let compiled = ''

// Inside the repository, where the package's own name resolves as it does for its users.
beforeAll(async () => {
  mkdirSync(path.join(ROOT, 'build'), { recursive: true })
  folder = mkdtempSync(path.join(ROOT, 'build/snippets-'))
  for (const file of ['prelude.ts', 'run-snippets.ts']) {
    copyFileSync(path.join(ROOT, 'test/docs', file), path.join(folder, file))
  }
  const given = exportsOf(read('test/docs/prelude.ts'))
  // Folders of a server are not there on the machine that tests.
  const atHome = (text: string): string => text.replaceAll('/var/lib/app/', `${folder}/`)
  for (const snippet of snippets) {
    writeFileSync(path.join(folder, `${moduleName(snippet)}.ts`), atHome(moduleText(snippet, given)))
  }
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(CONFIG))
  compiled = await compile()
}, 300_000)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function compile(): Promise<string> {
  try {
    await run(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { cwd: folder })
    return ''
  } catch (error) {
    return (error as { stdout?: string }).stdout ?? String(error)
  }
}

describe('the code of README.md and docs/', () => {
  it('compiles against the built package', () => {
    expect(snippets.length).toBeGreaterThan(50)
    expect(compiled).toBe('')
  })

  it('runs against an embedded Kusto, but for what is marked', { timeout: 600_000 }, async () => {
    const out = path.join(folder, 'out')
    writeFileSync(path.join(out, 'sum.mjs'), SUM)
    const modules = runnable.map((snippet) => ({
      page: snippet.page,
      line: snippet.line,
      file: path.join(out, `${moduleName(snippet)}.js`),
    }))
    const [list, answer] = [path.join(folder, 'modules.json'), path.join(folder, 'failures.json')]
    writeFileSync(list, JSON.stringify(modules))
    const running = run(process.execPath, [path.join(out, 'run-snippets.js'), list, answer], { cwd: folder })
    running.child.stdin?.end(STDIN)
    const { stderr } = await running
    if (process.env['SNIPPET_TIMES'] !== undefined) console.log(stderr)
    expect(JSON.parse(readFileSync(answer, 'utf8'))).toEqual({ ran: runnable.length, failures: [] })
  })

  it('says of each block that is only compiled what it needs', () => {
    expect(SHOWN.flatMap((page) => strayMarkers(page, read(page)))).toEqual([])
    expect(runnable.length / snippets.length).toBeGreaterThan(0.7)
  })
})

/** Runs compiled snippets one after the other against one embedded Kusto, and writes what failed into a file: `node run-snippets.js <modules.json> <failures.json>`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { closeAll, resetTables, writeFiles } from './prelude.js'

interface SnippetModule {
  readonly page: string
  readonly line: number
  readonly file: string
}

const LIMIT_MS = 120_000
const [list = '', answer = ''] = process.argv.slice(2)
const modules = JSON.parse(readFileSync(list, 'utf8')) as readonly SnippetModule[]
const failures: string[] = []
let ran = 0
let under = 'before the first'

process.on('unhandledRejection', (error) => failures.push(`${under}: not handled: ${textOf(error)}`))
console.log = console.warn = console.error = console.table = () => undefined

await writeFiles()
let page = ''
for (const snippet of modules) {
  under = `${snippet.page}:${snippet.line}`
  const began = Date.now()
  try {
    if (page !== snippet.page) await resetTables()
    page = snippet.page
    await Promise.race([import(pathToFileURL(snippet.file).href), late()])
    ran++
  } catch (error) {
    failures.push(`${under}: ${textOf(error)}`)
  }
  process.stderr.write(`${under} ${Date.now() - began} ms\n`)
}
await closeAll()
writeFileSync(answer, JSON.stringify({ ran, failures }))
process.exit(0)

function late(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS).unref()
  })
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

import { spawn } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { writePerformance } from './write-performance.ts'

/**
 * `npm run bench` runs every suite, `npm run bench -- decode csv` those; each in a process of its own. Then the tables of
 * docs/performance.md are made of what is recorded; `npm run bench -- tables` does that alone.
 */
const here = path.dirname(fileURLToPath(import.meta.url))
const results = path.resolve('bench/results')

async function suites(): Promise<readonly string[]> {
  const files = await readdir(here)
  return files.filter((file) => file.endsWith('.bench.js')).map((file) => file.slice(0, -'.bench.js'.length))
}

/** The suite's last line is its result, one JSON document, which is kept. */
async function run(suite: string): Promise<number> {
  const module = path.join(here, `${suite}.bench.js`)
  const code = `import(${JSON.stringify(module)}).then((bench) => bench.main())`
  const child = spawn(process.execPath, ['--expose-gc', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout) {
    text += String(chunk)
    process.stdout.write(String(chunk))
  }
  const status =
    child.exitCode ?? (await new Promise<number>((resolve) => void child.once('close', (exit) => resolve(exit ?? 1))))
  const result = text.trimEnd().split('\n').at(-1) ?? ''
  if (status === 0 && result.startsWith('{')) {
    await mkdir(results, { recursive: true })
    await writeFile(path.join(results, `${suite}.json`), `${JSON.stringify(JSON.parse(result), null, 2)}\n`)
  }
  return status
}

const known = await suites()
const words = process.argv.slice(2)
const asked = words.filter((word) => word !== 'tables')
const unknown = asked.filter((suite) => !known.includes(suite))
if (unknown.length > 0) {
  console.error(`expected suites among ${known.join(', ')}, found ${unknown.join(', ')}`)
  process.exitCode = 2
} else {
  for (const suite of words.length > 0 ? asked : known) {
    const status = await run(suite)
    if (status !== 0) process.exitCode = 1
  }
  await writePerformance('.')
}

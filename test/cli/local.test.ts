import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/run-command-line.ts'
import { memoryIo } from './memory-io.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

interface Finished {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const children: ChildProcess[] = []

interface Started {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
}

const start = (...args: readonly string[]): Started => startScript(MAIN, ...args)

function startScript(script: string, ...args: readonly string[]): Started {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (part: Buffer) => (out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  const finished = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  return { child, finished }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no standard output')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return line
}

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  }
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  'prints the cluster URL first, serves, and stops cleanly on %s',
  async (signal) => {
    const { child, finished } = start('local', '--no-storage', '--database', 'shop')
    const cluster = await firstLine(child)
    expect(cluster).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const answer = await fetch(`${cluster}/v2/rest/query`, {
      method: 'POST',
      body: JSON.stringify({ db: 'shop', csl: 'print answer = 6 * 7' }),
    })
    expect(await answer.text()).toContain('[[42]]')
    child.kill(signal)
    const { code, out } = await finished
    expect(code).toBe(0)
    expect(out).toBe(`${cluster}\n`)
    await expect(fetch(cluster)).rejects.toThrow()
  },
)

test('stops with storage and leaves no child process', async () => {
  const { child, finished } = start('local')
  await firstLine(child)
  const pid = String(child.pid)
  const childrenOf = (): string => {
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    } catch {
      return ''
    }
  }
  const storage = childrenOf().split(' ').filter(Boolean).map(Number)
  child.kill('SIGTERM')
  expect((await finished).code).toBe(0)
  for (const id of storage) expect(() => process.kill(id, 0)).toThrow()
})

test('exits at once at the second signal', async () => {
  const signals = new EventEmitter()
  const codes: number[] = []
  const { io } = memoryIo({ signals, exit: (code) => codes.push(code) })
  const running = runCommandLine(['local', '--no-storage'], io)
  signals.emit('SIGINT')
  expect(codes).toEqual([])
  signals.emit('SIGTERM')
  expect(codes).toEqual([143])
  // The exit is only noted here, so the first signal goes on to stop what was being started.
  expect(await running).toBe(0)
})

test('says what is wrong with a flag and suggests the right one', async () => {
  const { code, out, err } = await start('local', '--prot', '1').finished
  expect(code).toBe(2)
  expect(out).toBe('')
  expect(err).toContain('unknown option --prot (did you mean --port?)')
})

test.each([
  [
    'a port that is none',
    ['local', '--port', 'abc'],
    'expected --port to be a whole number from 0 to 65535, found abc',
  ],
  ['a word too many', ['local', 'now'], 'now'],
  ['an unknown command', ['locla'], 'unknown command locla (did you mean local?)'],
])('exits with 2 for %s', async (_what, args, message) => {
  const { code, err } = await start(...args).finished
  expect(code).toBe(2)
  expect(err).toContain(message)
})

test('exits with 1 when the port is taken, and says so', async () => {
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  try {
    const { code, out, err } = await start('local', '--no-storage', '--port', String(port)).finished
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(`port ${port} on 127.0.0.1 is already in use`)
  } finally {
    taken.close()
  }
})

test('names every package that is missing, with the command that installs them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-test-'))
  try {
    const root = fileURLToPath(new URL('../../', import.meta.url))
    cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    mkdirSync(join(folder, 'node_modules'))
    for (const name of readdirSync(join(root, 'node_modules'))) {
      if (name === '@kusto' || name === '@duckdb' || name === 'azurite') continue
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
    }
    const main = join(folder, 'dist/cli/main.js')
    const { code, out, err } = await startScript(main, 'local').finished
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(
      'npm install --save-dev @kusto/language-service-next@12.4.1 @duckdb/node-api@1.5.5-r.5 azurite@',
    )
    expect((await startScript(main, 'local', '--no-storage').finished).err).not.toContain('azurite')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('begins its help with an example', async () => {
  const { code, out } = await start('local', '--help').finished
  expect(code).toBe(0)
  expect(out).toMatch(/^kusto-arrow local: [^\n]+\n\nExamples:\n {2}kusto-arrow local --port 8080/)
})

test('prints the version of the package', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect((await start('--version').finished).out).toBe(`${manifest.version}\n`)
})

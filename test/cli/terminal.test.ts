import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-cli-'))

/** Takes the line of the cursor away. */
const ERASE = '\u001B[2K'

let local: LocalKusto
const env = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  KUSTO_CLUSTER: local.cluster,
  KUSTO_DATABASE: local.database,
  TERM: 'xterm',
  ...more,
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function collect(child: ChildProcess): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (part: Buffer) => (out += part.toString()))
  child.stderr?.on('data', (part: Buffer) => (err += part.toString()))
  return once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
}

/** Runs a command line in a pseudo-terminal; what both streams show is in `out`. */
function inTerminal(command: string, columns: number, more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const line = `stty cols ${columns}; ${process.execPath} ${MAIN} ${command}`
  return collect(spawn('script', ['-qec', line, '/dev/null'], { env: env(more), stdio: ['ignore', 'pipe', 'pipe'] }))
}

beforeAll(async () => {
  local = await startLocalKusto()
})

afterAll(async () => {
  await local.close()
  rmSync(folder, { recursive: true })
})

const hasScript = existsSync('/usr/bin/script')

test.runIf(hasScript)('draws one line of progress on a terminal and takes it away again', async () => {
  const { code, out } = await inTerminal(`write Progress ${path.join(folder, 'big.csv')} --create --flush`, 100)
  expect(code).toBe(0)
  const drawn = out.split(`\r${ERASE}`)
  expect(drawn.some((text) => /^writing .*big\.csv: [\d,]+ rows/.test(text))).toBe(true)
  const shown = out.split('\n').map((line) => line.slice(line.lastIndexOf('\u001B[2K') + 1))
  expect(shown.join('\n')).not.toMatch(/rows\/s/)
  for (const text of drawn) expect(stripVTControlCharacters(text.split(/\r?\n/)[0] ?? '').length).toBeLessThan(101)
})

test.runIf(hasScript)('fits a table into the terminal, in colour unless NO_COLOR is set', async () => {
  const query =
    'read \'print Text = strcat_array(repeat("東京 ", 40), ""), N = 123456789012, When = datetime(2026-01-01T00:00:00.5)\''
  const colored = await inTerminal(query, 60)
  expect(colored.out).toContain('\u001B[1m')
  const { out } = await inTerminal(query, 60, { NO_COLOR: '1' })
  const lines = out
    .split('\r\n')
    .map((line) => line.slice(line.lastIndexOf('\u001B[2K') < 0 ? 0 : line.lastIndexOf('\u001B[2K') + 4))
  expect(lines.join('\n')).toContain('123456789012  2026-01-01T00:00:00.5Z')
  expect(lines.join('\n')).toContain('…')
  expect(out).not.toContain('\u001B[1m')
})

test('draws nothing where standard error is no terminal', async () => {
  const child = spawn(process.execPath, [MAIN, 'read', 'print a = 1'], {
    env: env(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { code, out, err } = await collect(child)
  expect([code, out]).toEqual([0, 'a\n1\n'])
  expect(err).not.toContain('\u001B')
  expect(err).not.toContain('\r')
})

test('the first Ctrl-C cancels, leaves no file, and says so', async () => {
  local.faults.add({ match: { path: '/v2/rest/query' }, action: { delayMs: 60_000 } })
  try {
    const file = path.join(folder, 'stopped.parquet')
    const child = spawn(process.execPath, [MAIN, 'read', 'print a = 1', '--out', file, '--verbose'], {
      env: env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = collect(child)
    await once(child.stderr, 'data')
    child.kill('SIGINT')
    const { code, out, err } = await ended
    expect([code, out]).toEqual([130, ''])
    expect(err).toContain('stopping; once more to stop at once\n')
    expect(err).toContain('stopped, and cleaned up\n')
    expect(readdirSync(folder).filter((name) => name.startsWith('stopped'))).toEqual([])
  } finally {
    local.faults.clear()
  }
})

test('ends quietly when the reader of its output goes away', async () => {
  const line = `${process.execPath} ${MAIN} read 'range a from 1 to 400000 step 1' --output ndjson | head -n 2; echo "code \${PIPESTATUS[0]}"`
  const { out, err } = await collect(spawn('bash', ['-c', line], { env: env(), stdio: ['ignore', 'pipe', 'pipe'] }))
  expect(out).toBe('{"a":1}\n{"a":2}\ncode 0\n')
  expect(err).not.toMatch(/EPIPE|Error/)
})

test('runs on an embedded Kusto of its own, with a file loaded, and keeps it where told to', async () => {
  const data = path.join(folder, 'data')
  writeFileSync(path.join(folder, 'three.csv'), 'Id,City\n1,東京\n2,Zürich\n3,Reykjavík\n')
  const local = ['--local', '--data-dir', data, '--quiet']
  const run = (...args: readonly string[]): Promise<Ended> =>
    collect(
      spawn(process.execPath, [MAIN, ...args, ...local], {
        env: { PATH: process.env['PATH'] ?? '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
  const first = await run(
    'read',
    'Cities | join kind=inner (Samples | project Id, Level) on Id | project City, Level | order by City asc',
    '--load',
    `Cities=${path.join(folder, 'three.csv')}`,
  )
  expect(first).toEqual({ code: 0, out: 'City,Level\nReykjavík,warning\nZürich,info\n東京,info\n', err: '' })
  expect(await run('read', 'Cities | count')).toEqual({ code: 0, out: 'Count\n3\n', err: '' })
})

beforeAll(() => {
  const lines = Array.from({ length: 200_000 }, (_, index) => `${index},text ${index % 97}`)
  writeFileSync(path.join(folder, 'big.csv'), `Id,Text\n${lines.join('\n')}\n`)
})

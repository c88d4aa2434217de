import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { benchExportCommand } from '../../src/cli/bench-export.ts'
import { finishBench } from '../../src/cli/bench-run.ts'
import { CliScreen } from '../../src/cli/cli-screen.ts'
import { FlagValues } from '../../src/cli/flags.ts'
import { runCommandLine } from '../../src/cli/run-command-line.ts'
import type { BenchmarkComparison, BenchmarkResult } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { around, resultOf } from '../benchmark/made-up-result.ts'
import { memoryIo, run } from './memory-io.ts'

vi.setConfig({ testTimeout: 180_000 })

let folder = ''
const file = (name: string): string => path.join(folder, name)

beforeAll(async () => {
  local = await startLocalKusto()
  short = ['--cluster', `${local.cluster}/${local.database}`, '--repetitions', '3', '--warmups', '0']
  folder = mkdtempSync(path.join(os.tmpdir(), 'kusto-arrow-bench-'))
  const write = (name: string, json: unknown): void => writeFileSync(file(name), JSON.stringify(json))
  write('before.json', resultOf([around(1), around(1)]))
  write('slower.json', resultOf([around(1.2), around(1)]))
  write('sweep.json', [{ mode: 'single' }, { partitions: 2, workers: 1 }])
  write('number.json', 7)
})

afterAll(async () => {
  await local.close()
  rmSync(folder, { recursive: true, force: true })
})

const QUERY = 'range n from 1 to 2000 step 1 | extend s = strcat("s", n % 9)'
/** Flags of a short benchmark on the embedded Kusto that all tests share. */
let short: readonly string[] = []
let local: LocalKusto

describe('kusto-arrow bench compare', () => {
  it('gives exit code 0 when nothing is slower, and shows what changed', async () => {
    const { code, out, err } = await run(['bench', 'compare', file('before.json'), file('before.json')])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^single query +1\.00 s|^single query +1 s/m)
    expect(out).toContain('No configuration is slower by more than 10 % beyond chance.')
  })

  it('gives exit code 1 on a regression beyond the percentage, and only then', async () => {
    const args = ['bench', 'compare', file('before.json'), file('slower.json')]
    const { code, out } = await run(args)
    expect(code).toBe(1)
    expect(out).toMatch(/single query.*slower: REGRESSION/)
    expect((await run([...args, '--regression', '30'])).code).toBe(0)
    const json = await run([...args, '--json'])
    expect(json.code).toBe(1)
    const comparison = JSON.parse(json.out) as BenchmarkComparison
    expect(comparison.changes.map(({ isRegression }) => isRegression)).toEqual([true, false])
  })

  it.each([
    [['before.json'], 2, /after/],
    [['before.json', 'sweep.json'], 2, /result of a benchmark/],
    [['before.json', 'absent.json'], 4, /absent\.json/],
  ])('tells a wrong command line: %j', async (names, expected, message) => {
    const { code, out, err } = await run(['bench', 'compare', ...names.map(file)])
    expect({ code, out }).toEqual({ code: expected, out: '' })
    expect(err).toMatch(message)
  })
})

describe('kusto-arrow bench export', () => {
  it('measures what flags say, and writes result and report', async () => {
    const flags = [
      '--mode',
      'single,distributed',
      '--partitions',
      '1,2',
      '--workers',
      '1',
      '--partition-by',
      'service,hash:s',
    ]
    const outputs = ['--out', file('out.json'), '--html', file('out.html')]
    const { code, out, err } = await run(['bench', 'export', QUERY, ...short, ...flags, ...outputs])
    expect({ code, err: err.match(/error/i) }).toEqual({ code: 0, err: null })
    const lines = out.split('\n')
    expect(
      lines.filter((line) => /^(single query|[12] partitions?, (by hash\(s\), )?1 worker, snappy) +3 /.test(line))
        .length,
    ).toBe(5)
    expect(out).toContain('it measures the client and this machine, not Kusto')
    const result = JSON.parse(await readFile(file('out.json'), 'utf8')) as BenchmarkResult
    expect([result.kind, result.runs.length, result.answers.length]).toEqual(['kusto-arrow/benchmark', 15, 1])
    expect(await readFile(file('out.html'), 'utf8')).toContain('<title>Benchmark of partitioned export</title>')
    expect(err).toContain(`wrote ${file('out.html')}`)
    expect((await run(['bench', 'compare', file('out.json'), file('out.json')])).code).toBe(0)
  })

  it('takes the sweep from a file, and gives events and result as JSON', async () => {
    const { code, out, err } = await run([
      'bench',
      'export',
      QUERY,
      ...short,
      '--sweep',
      file('sweep.json'),
      '--ndjson',
    ])
    expect(code).toBe(0)
    const result = JSON.parse(out) as BenchmarkResult
    expect(result.configurations.map(({ label }) => label)).toEqual(['single query', '2 partitions, 1 worker, snappy'])
    const events = err
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind)
    expect(events.filter((kind) => kind === 'run-finished').length).toBe(6)
    expect(events.at(-1)).toBe('benchmark-ended')
  })

  it('gives exit code 6 when runs give different rows', async () => {
    const query = 'range n from 1 to 5 step 1 | extend r = rand()'
    const { code, out } = await run(['bench', 'export', query, ...short, '--mode', 'single'])
    expect(code).toBe(6)
    expect(out).toContain('ERROR: the runs did not all give the same rows.')
  })

  it('ends with what was measured at Ctrl-C', async () => {
    const signals = new EventEmitter()
    const { io, out, err } = memoryIo({ signals })
    let finished = 0
    const write = io.stderr.write.bind(io.stderr)
    Object.assign(io.stderr, {
      write: (text: string) => {
        if (text.includes('"run-finished"') && ++finished === 3) signals.emit('SIGINT')
        return write(text)
      },
    })
    const cluster = `${local.cluster}/${local.database}`
    const args = ['bench', 'export', QUERY, '--cluster', cluster, '--repetitions', '90', '--mode', 'single', '--ndjson']
    expect(await runCommandLine(args, io)).toBe(130)
    expect((JSON.parse(out()) as BenchmarkResult).runs.length).toBe(3)
    expect(err()).toContain('"end":"aborted"')
  })

  it.each([
    [['Samples', '--local', '--partition-by', 'column:n'], /--partition-by/],
    [['Samples', '--local', '--workers', 'two'], /--workers to be whole numbers/],
    [['Samples', '--local', '--sweep', 'SWEEP', '--workers', '2'], /--sweep or with --workers/],
    [['Samples', '--local', '--sweep', 'NUMBER'], /object or a list/],
    [['Samples', '--cluster', 'http://127.0.0.1:9/db', '--compression', 'lzma'], /compression/],
    [['Samples', '--cluster', 'http://127.0.0.1:9/db', '--repetitions', '0'], /--repetitions/],
    [['--cluster', 'http://127.0.0.1:9/db'], /needs a query/],
  ])('tells a wrong command line: %j', async (args, message) => {
    const words = args.map((word) =>
      word === 'SWEEP' ? file('sweep.json') : word === 'NUMBER' ? file('number.json') : word,
    )
    const { code, out, err } = await run(['bench', 'export', ...words])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
  })
})

describe('what was measured', () => {
  const flags = benchExportCommand.flags
  const finish = async (given: Readonly<Record<string, string>>): Promise<{ out: string; failure: unknown }> => {
    const { io, out } = memoryIo()
    const values = new FlagValues(flags, new Map(Object.entries(given).map(([name, text]) => [name, [text]])))
    const call = { operands: [], flags: values, io, screen: new CliScreen(io), signal: new AbortController().signal }
    const failure: unknown = await finishBench(call, resultOf([around(1), around(1)])).then(
      () => undefined,
      (error: unknown) => error,
    )
    return { out: out(), failure }
  }

  it('is printed and saved when the report cannot be written', async () => {
    const saved = file('kept.json')
    const { out, failure } = await finish({ out: saved, html: folder })
    expect(failure).toMatchObject({ code: 'EISDIR' })
    expect(out).toContain('single query')
    expect((JSON.parse(await readFile(saved, 'utf8')) as BenchmarkResult).kind).toBe('kusto-arrow/benchmark')
  })

  it('is printed and saved when the packages that draw are not there', async () => {
    vi.doMock('vega', () => {
      throw new Error('no such package')
    })
    try {
      const saved = file('undrawn.json')
      const { out, failure } = await finish({ out: saved, html: file('undrawn.html') })
      expect(failure).toMatchObject({ code: 'KUSTO_PEER_MISSING' })
      expect(out).toContain('single query')
      expect((JSON.parse(await readFile(saved, 'utf8')) as BenchmarkResult).kind).toBe('kusto-arrow/benchmark')
      expect(existsSync(file('undrawn.html'))).toBe(false)
    } finally {
      vi.doUnmock('vega')
    }
  })

  it.each([
    ['export', QUERY],
    ['write', 'absent.parquet'],
  ])('does not begin where the packages that draw are not there: bench %s', async (name, operand) => {
    vi.doMock('vega', () => {
      throw new Error('no such package')
    })
    try {
      const { code, out, err } = await run(['bench', name, operand, ...short, '--html', file('undrawn.html')])
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toContain('npm install --save-dev vega@')
      expect(err).not.toContain('run 1 of')
    } finally {
      vi.doUnmock('vega')
    }
  })

  it('is printed when it cannot be saved', async () => {
    const { out, failure } = await finish({ out: folder, html: file('drawn.html') })
    expect(failure).toMatchObject({ code: 'EISDIR' })
    expect(out).toContain('single query')
    expect(existsSync(file('drawn.html'))).toBe(true)
  })
})

describe('kusto-arrow bench write', () => {
  it('measures files', async () => {
    const rows = Array.from({ length: 500 }, (_, n) => `${n},name ${n % 7}`)
    writeFileSync(file('rows.csv'), `n,s\n${rows.join('\n')}\n`)
    const flags = ['--format', 'parquet,csv', '--uploads', '1', '--encode-workers', '0', '--blob-size', '1048576']
    const { code, out } = await run(['bench', 'write', file('rows.csv'), ...short, ...flags])
    expect(code).toBe(0)
    expect(out).toMatch(/^Parquet zstd, blobs of 1 MiB, 1 upload, 0 threads +3 /m)
    expect(out).toMatch(/^CSV, blobs of 1 MiB, 1 upload, 0 threads +3 /m)
  })

  it('needs files, or --local', async () => {
    const { code, err } = await run(['bench', 'write', '--cluster', 'http://127.0.0.1:9/db'])
    expect(code).toBe(2)
    expect(err).toMatch(/needs files to write, or --local/)
  })
})

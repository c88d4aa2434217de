import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fileOutput } from '../../src/cli/output-target.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { run } from './memory-io.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-output-'))
const file = (name: string): string => path.join(folder, name)
const hasFullDevice = existsSync('/dev/full')

afterEach(() => {
  for (const name of readdirSync(folder)) rmSync(file(name))
})

afterAll(() => rmSync(folder, { recursive: true }))

describe('a file that is written', () => {
  it.each(['x.csv', 'x.csv.gz'])('has its name when it is whole, and not before: %s', async (name) => {
    const target = await fileOutput(file(name))
    await target.write(Buffer.from('a\n'))
    expect(readdirSync(folder)).toEqual([`${name}.partial`])
    await target.write(Buffer.from('1\n'))
    const { bytes } = await target.finish()
    const written = readFileSync(file(name))
    expect([readdirSync(folder), bytes]).toEqual([[name], written.length])
    expect((name.endsWith('.gz') ? gunzipSync(written) : written).toString()).toBe('a\n1\n')
  })

  it.each(['x.csv', 'x.csv.gz'])('is gone when it is given up, and one of its name is as it was: %s', async (name) => {
    writeFileSync(file(name), 'before')
    const target = await fileOutput(file(name))
    await target.write(Buffer.from('a\n'))
    await target.abandon()
    expect([readdirSync(folder), readFileSync(file(name), 'utf8')]).toEqual([[name], 'before'])
  })
})

describe.runIf(hasFullDevice)('a disk that is full', () => {
  let local: LocalKusto
  let cluster = ''
  beforeAll(async () => {
    local = await startLocalKusto({ storage: false })
    cluster = `${local.cluster}/${local.database}`
  })
  afterAll(() => local.close())

  it.each(['csv', 'csv.gz', 'parquet', 'json', 'json.gz', 'arrow'])(
    'ends a read to .%s with an error',
    async (format) => {
      // Rows that do not compress, more of them than all buffers on the way hold.
      const query = 'range i from 1 to 60000 step 1 | extend s = hash_sha256(i), t = hash_sha256(-i)'
      const name = file(`x.${format}`)
      symlinkSync('/dev/full', `${name}.partial`)
      const { code, err } = await run(['read', query, '--cluster', cluster, '--out', name])
      expect({ code, files: readdirSync(folder) }).toEqual({ code: 1, files: [] })
      expect(err).toContain(`kusto-arrow: ${name}: the disk is full (ENOSPC)`)
    },
  )

  it.each(['csv', 'csv.gz', 'parquet'])('is found with one row of .%s too', async (format) => {
    const name = file(`x.${format}`)
    symlinkSync('/dev/full', `${name}.partial`)
    const { code, err } = await run(['read', 'print a = 1', '--cluster', cluster, '--out', name])
    expect({ code, files: readdirSync(folder) }).toEqual({ code: 1, files: [] })
    expect(err).toContain('ENOSPC')
  })
})

describe('a file that cannot be made', () => {
  // Nothing listens there: a command that begins with its work fails with the network.
  const nowhere = ['--cluster', 'http://127.0.0.1:1/db']
  const plan = file('plan.json')

  it.each([
    [['read', 'T', '--out']],
    [['query', 'T', '--out']],
    [['query', 'T | render barchart', '--render']],
    [['command', '.show tables', '--out']],
    [['tables', '--out']],
    [['plan', 'T', '--out']],
    [['run-partition', '--plan', plan, '--index', '0', '--out']],
    [['write', 'T', 'rows.csv', '--receipt']],
    [['bench', 'export', 'T', '--out']],
    [['bench', 'export', 'T', '--html']],
    [['bench', 'write', 'rows.csv', '--out']],
    [['bench', 'write', 'rows.csv', '--html']],
  ])('is found before the work: %j', async (words) => {
    writeFileSync(plan, '{}')
    const name = words.includes('--render') || words.includes('--html') ? 'x.html' : 'x.json'
    const missing = file(path.join('nosuch', name))
    expect(await run([...words, missing, ...nowhere])).toMatchObject({
      code: 4,
      err: expect.stringContaining(`${path.dirname(missing)}: no such file or folder`) as string,
    })
    const below = await run([...words, path.join(plan, name), ...nowhere])
    expect(below).toMatchObject({ code: 2, err: expect.stringContaining(`expected ${plan} to be a folder`) as string })
  })
})

it('writes to a device and leaves it one', async () => {
  const target = await fileOutput('/dev/null')
  await target.write(Buffer.from('a\n'))
  await target.finish()
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
})

import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { planCommand } from '../../src/cli/plan.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import { run } from './memory-io.ts'

vi.setConfig({ testTimeout: 180_000 })

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-plan-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A command line as docs/cli.md prints it, with its files in the folder of this test. */
function words(line: string): readonly string[] {
  return line
    .replace(/^kusto-arrow /, '')
    .split(' ')
    .map((word) => (/^\.\/|\.(?:json|parquet)$/.test(word) ? path.join(folder, word) : word))
}

describe('an embedded Kusto with a data folder', () => {
  it('reads and releases a plan in other processes, as the page prints it', async () => {
    const lines = planCommand.examples.map(({ line }) => line).filter((line) => line.includes(' --local'))
    const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
    expect(lines.map((line) => line.split(' ')[1])).toEqual(['plan', 'run-partition', 'release'])
    const errors: string[] = []
    for (const line of lines) {
      expect(page).toContain(`\n${line}\n`)
      const { code, err } = await run(words(line))
      expect({ line, code, err }).toMatchObject({ code: 0 })
      errors.push(err)
    }
    expect(existsSync(path.join(folder, 'part-0.parquet'))).toBe(true)
    // What the first command says to do next is what the last one did.
    expect(errors[0]).toContain(`then: kusto-arrow release --plan ${path.join(folder, 'plan.json')} --local --data-dir`)
  })

  it('takes another port where its own is taken, and keeps its data', async () => {
    const dataDir = path.join(folder, 'busy')
    const first = await startLocalKusto({ dataDir })
    await first.close()
    const saved = JSON.parse(readFileSync(path.join(dataDir, 'ports.json'), 'utf8')) as Record<string, number>
    expect(first.cluster).toBe(`http://127.0.0.1:${saved['kusto']}`)
    const takers = [saved['kusto'], saved['queue']].map((port) => createServer().listen(port, '127.0.0.1'))
    await Promise.all(takers.map((taker) => once(taker, 'listening')))
    try {
      const second = await startLocalKusto({ dataDir })
      await second.close()
      expect(second.cluster).not.toBe(first.cluster)
      expect(takers.map((taker) => (taker.address() as AddressInfo).port)).not.toContain(
        Number(new URL(second.cluster).port),
      )
    } finally {
      for (const taker of takers) taker.close()
    }
  })

  it('keeps its blobs below the folder that was named, once, when that is relative', async () => {
    const dataDir = path.relative(process.cwd(), path.join(folder, 'relative'))
    const local = await startLocalKusto({ dataDir })
    await local.close()
    const found = readdirSync(path.join(folder, 'relative'), { recursive: true, encoding: 'utf8' })
    expect(found).toContain('ports.json')
    expect(found.filter((name) => path.basename(name) === 'relative' || name.includes('..'))).toEqual([])
    expect(found.some((name) => name.startsWith('azurite/__azurite_db_blob__'))).toBe(true)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

let local: LocalKusto

beforeAll(async () => {
  local = await startLocalKusto()
})

afterAll(() => local.close())

const entry = new URL('../../dist/index.js', import.meta.url).href

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a module against the compiled package in a process of its own, until that ends by itself. */
async function run(body: string, cluster = local.cluster): Promise<Ended> {
  const script = `
    import { KustoConnector } from ${JSON.stringify(entry)}
    const cluster = ${JSON.stringify(cluster)}
    const rows = (count) => Array.from({ length: count }, (_, n) => ({ n, text: 'row ' + n }))
    ${body}`
  const child = spawn(
    process.execPath,
    ['--unhandled-rejections=strict', '--throw-deprecation', '--input-type=module', '--eval', script],
    { env: { ...process.env, AZURE_LOG_LEVEL: 'verbose' }, timeout: 50_000 },
  )
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  return { code, stdout, stderr }
}

const SECRETS =
  /sig=(?!REDACTED|\*)[^&\s"']|AccountKey=|SharedKey \w|Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFt50uSRZ6IFsuFq2UVErCz4I6tq|embedded-kusto-[0-9a-f]{8}-/

describe('a process that writes', () => {
  it.each(['rest', 'queue'])('ends by itself and shows no secret, not even in verbose logs, %s', async (ingestion) => {
    const { code, stdout, stderr } = await run(`
      const kusto = new KustoConnector({ cluster, database: 'db1', ingestion: '${ingestion}' })
      const receipt = await kusto.write('Logged', rows(1000), {
        create: 'CreateIfNotExist', flushImmediately: true, onEvent: (event) => console.log(JSON.stringify(event)),
      })
      await receipt.completed({ timeoutMs: 30_000 })
      console.log(JSON.stringify(receipt))
      const failure = await kusto.write('Logged', [{ other: 1 }]).catch((error) => error)
      console.log(failure)
      await kusto.close()
      console.log('closed')`)
    expect([code, stdout.includes('closed')], stderr.slice(-2000)).toEqual([0, true])
    expect(stderr).toMatch(/azure:/)
    const leak = SECRETS.exec(stdout + stderr)
    expect((stdout + stderr).slice(Math.max(0, (leak?.index ?? 0) - 200), leak === null ? 0 : leak.index + 40)).toBe('')
  })

  it('ends by itself after an abort in the middle', async () => {
    const { code, stdout, stderr } = await run(`
      const kusto = new KustoConnector({ cluster, database: 'db1' })
      const stop = new AbortController()
      async function* endless() { for (let n = 0; ; n++) yield { n, text: 'x'.repeat(100) } }
      const writing = kusto.write('Aborted', endless(), {
        create: 'CreateIfNotExist', maxBlobBytes: 1_000_000, signal: stop.signal,
        onEvent: ({ kind }) => { if (kind === 'blob-uploaded') stop.abort(new Error('enough')) },
      })
      console.log((await writing.catch((error) => error)).message)
      await kusto.close()`)
    expect([code, stdout.trim()], stderr.slice(-2000)).toEqual([0, 'enough'])
  })

  it.each(['rest', 'queue'])('can go on with the receipt of another, %s', async (ingestion) => {
    const written = await run(
      `
      await using kusto = new KustoConnector({ cluster, database: 'db1', ingestion: '${ingestion}' })
      console.log(JSON.stringify(await kusto.write('Handed', rows(10), { create: 'CreateIfNotExist', flushImmediately: true })))`.replace(
        'await using',
        'const',
      ) + '\nawait kusto.close()',
    )
    expect(written.code, written.stderr.slice(-2000)).toBe(0)
    await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
    const receipt = await kusto.receipt(written.stdout).completed({ timeoutMs: 30_000 })
    expect(receipt.rows).toBe(10)
  })
})

describe('a receipt', () => {
  it('is answered after the service was started again', { timeout: 180_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kusto-arrow-'))
    try {
      const first = await startLocalKusto({ dataDir, batchingDelayMs: 60_000 })
      const writer = new KustoConnector({ cluster: first.cluster, database: first.database, ingestion: 'queue' })
      const done = await writer.write('Kept', [{ n: 1 }], { create: 'CreateIfNotExist', flushImmediately: true })
      await done.completed({ timeoutMs: 30_000 })
      await writer.close()
      await first.close()
      await using second = await startLocalKusto({ dataDir })
      await using reader = new KustoConnector({ cluster: second.cluster, database: second.database })
      await reader.receipt(JSON.stringify(done)).completed({ timeoutMs: 30_000 })
      expect(await reader.read('Kept').count()).toBe(1)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startLocalKusto } from '../../../src/local/index.ts'
import { framesOf, post, primaryRows } from './rest-client.ts'

// Every test has a temporary folder of its own, so that it sees its own leftovers only.
const temporary = process.env['TMPDIR']
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-test-'))
  process.env['TMPDIR'] = folder
})

afterEach(async () => {
  if (temporary === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = temporary
  await rm(folder, { recursive: true, force: true })
})

const ownFolders = (): string[] => readdirSync(tmpdir()).filter((name) => /^kusto-arrow-(duck|azurite)-/.test(name))

test('refuses options that it does not have, and values out of range', async () => {
  for (const [options, message] of [
    [{ prot: 1 }, "unknown option 'prot'"],
    [{ port: -1 }, "'port' must be"],
    [{ port: 1.5 }, "'port' must be"],
    [{ host: '0.0.0.0' }, "'host' can only be 127.0.0.1"],
    [{ database: 'a"b' }, "'database' must be"],
  ] as const) {
    await expect(startLocalKusto(options as object)).rejects.toMatchObject({
      name: 'KustoUsageError',
      code: 'KUSTO_BAD_OPTION',
      message: expect.stringContaining(message) as string,
    })
  }
})

test('says that a port is taken, and leaves nothing behind', async () => {
  await using first = await startLocalKusto({ storage: false })
  const before = ownFolders()
  const port = Number(new URL(first.cluster).port)
  await expect(startLocalKusto({ storage: false, port })).rejects.toMatchObject({
    code: 'LOCAL_PORT_IN_USE',
    message: expect.stringContaining(`port ${port} on 127.0.0.1 is already in use`) as string,
  })
  expect(ownFolders()).toEqual(before)
})

test('stops serving when closed, also twice, and takes its folders with it', async () => {
  const before = ownFolders()
  const local = await startLocalKusto({ database: 'Shop' })
  expect(local.database).toBe('Shop')
  const storageFolders = ownFolders().filter((name) => !before.includes(name))
  expect(storageFolders.length).toBeGreaterThan(0)
  await Promise.all([local.close(), local.close()])
  await local.close()
  await expect(post(local.cluster, 'print 1')).rejects.toThrow('ECONNREFUSED')
  for (const name of storageFolders) expect(existsSync(join(tmpdir(), name))).toBe(false)
})

test('can be closed in the middle of a query', async () => {
  const local = await startLocalKusto({ storage: false })
  const endless =
    'range a from 1 to 100000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 100000 step 1 | extend k = 1) on k | summarize sum(a * b)'
  const running = post(local.cluster, endless)
  const failed = expect(running).rejects.toThrow()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const started = performance.now()
  await local.close()
  await failed
  expect(performance.now() - started).toBeLessThan(3000)
})

test('keeps its tables in a data folder', async () => {
  const path = '/v1/rest/mgmt'
  {
    await using local = await startLocalKusto({ storage: false, dataDir: folder })
    await post(local.cluster, '.set-or-append Kept <| range a from 1 to 3 step 1', { path })
  }
  await using again = await startLocalKusto({ storage: false, dataDir: folder })
  expect(primaryRows(framesOf(await post(again.cluster, 'Kept | summarize sum(a)')))).toEqual([[6]])
})

test('says that a data folder is in use', async () => {
  await using first = await startLocalKusto({ storage: false, dataDir: folder })
  const { child, finished } = startElsewhere(folder)
  expect(await finished).toContain('another embedded Kusto is using')
  expect(child.exitCode).toBe(1)
  expect((await post(first.cluster, 'print 1')).status).toBe(200)
})

test('opens a data folder once in one process, and touches nothing in it the second time', async () => {
  await using first = await startLocalKusto({ storage: false, dataDir: folder })
  await expect(startLocalKusto({ dataDir: join(folder, '.') })).rejects.toMatchObject({ code: 'LOCAL_DATA_IN_USE' })
  expect(readdirSync(folder)).not.toContain('azurite')
  expect((await post(first.cluster, 'print 1')).status).toBe(200)
})

/** Another process holds the file in another way than this one does. */
function startElsewhere(dataDir: string): { readonly child: ChildProcess; readonly finished: Promise<string> } {
  const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
  const args = [main, 'local', '--no-storage', '--data-dir', dataDir]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  return { child, finished: once(child, 'close').then(() => err) }
}

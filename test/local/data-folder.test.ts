import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeDataFolder } from '../../src/local/data-folder.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-folder-'))
  await writeFile(path.join(folder, 'file'), '')
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

it('a data folder is made with those above it, and again without complaint', async () => {
  const deep = path.join(folder, 'a', 'b', 'c')
  await makeDataFolder(deep)
  await makeDataFolder(deep)
  expect(existsSync(deep)).toBe(true)
})

it.each([
  ['an empty name', () => '', /empty name/],
  ['a file', () => path.join(folder, 'file'), /is no folder/],
  ['a place below a file', () => path.join(folder, 'file', 'x'), /is no folder/],
])('a data folder cannot be %s', async (_what, at, message) => {
  await expect(makeDataFolder(at())).rejects.toMatchObject({
    code: 'LOCAL_DATA_DIR',
    message: expect.stringMatching(message),
  })
})

it.skipIf(!existsSync('/proc/self'))(
  'a data folder that can never be made ends in an error, not in a loop',
  async () => {
    await expect(makeDataFolder('/proc/nope')).rejects.toMatchObject({ code: 'LOCAL_DATA_DIR' })
  },
)

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileLog } from '../../src/streaming/file-log.ts'
import { numberedName } from '../../src/streaming/log-store.ts'

const run = promisify(execFile)
const DIST = path.resolve(import.meta.dirname, '../../dist/streaming/file-log.js')

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-log-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const bytes = (text: string): readonly Uint8Array[] => [Buffer.from(text)]
const textOf = async (log: ReturnType<typeof fileLog>, name: string): Promise<string> =>
  Buffer.from(await log.read(name)).toString()

describe('streaming:C21 a log in a folder', () => {
  it('makes objects once: the second of a name is refused and changes nothing', async () => {
    const log = fileLog(path.join(folder, 'log'))
    expect(await log.create('entries/1', bytes('first'))).toBe(true)
    expect(await log.create('entries/1', bytes('second'))).toBe(false)
    expect(await textOf(log, 'entries/1')).toBe('first')
    await log.remove('entries/1')
    await log.remove('entries/1')
    expect(await log.create('entries/1', bytes('third'))).toBe(true)
  })

  it('streaming:T3 lets one of many who make the same object at a time be the one', async () => {
    const logs = Array.from({ length: 20 }, () => fileLog(path.join(folder, 'log')))
    const made = await Promise.all(logs.map((log, index) => log.create('entries/7', bytes(String(index)))))
    expect(made.filter(Boolean)).toHaveLength(1)
    expect(await textOf(logs[0]!, 'entries/7')).toBe(String(made.indexOf(true)))
    expect((await logs[0]!.list('entries')).map(({ name }) => name)).toEqual(['entries/7'])
  })

  it('is for its owner only, and sorts numbered names as their numbers', async () => {
    const root = path.join(folder, 'log')
    const log = fileLog(root)
    for (const number of [10, 9, 100]) await log.create(numberedName('entries', number), bytes(''))
    expect((await log.list('entries')).map(({ name }) => Number(name.slice(8)))).toEqual([9, 10, 100])
    expect(((await stat(root)).mode & 0o777).toString(8)).toBe('700')
    expect(((await stat(path.join(root, numberedName('entries', 9)))).mode & 0o777).toString(8)).toBe('600')
  })

  it('shows no object whose source failed half way, and leaves nothing of it', async () => {
    const log = fileLog(folder)
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half')
      throw new Error('no more')
    }
    await expect(log.create('staged/1', broken())).rejects.toThrow('no more')
    expect(await readdir(path.join(folder, 'staged'))).toEqual([])
    await expect(log.read('staged/1')).rejects.toMatchObject({ code: 'KUSTO_LOG_OBJECT_MISSING' })
  })

  it('streaming:T16 says what is wrong with a place that is none', async () => {
    await writeFile(path.join(folder, 'file'), '')
    await expect(fileLog(path.join(folder, 'file')).list('entries')).rejects.toThrow(/found a file/)
    await symlink(folder, path.join(folder, 'link'))
    await expect(fileLog(path.join(folder, 'link')).list('entries')).rejects.toThrow(/symbolic link/)
    await expect(fileLog('/proc/kusto').list('entries')).rejects.toMatchObject({ name: 'KustoError' })
    await expect(fileLog(folder).read('../outside')).rejects.toMatchObject({ code: 'KUSTO_BAD_LOG' })
  })

  it('streaming:T16 streaming:T17 fails clearly when the disk takes no more, and shows no torn object', async () => {
    const script = `
      const { fileLog } = await import(${JSON.stringify(DIST)})
      process.on('SIGXFSZ', () => undefined)
      const log = fileLog(${JSON.stringify(folder)})
      console.log(await log.create('entries/1', [Buffer.alloc(100)]))
      const error = await log.create('staged/1', [Buffer.alloc(1 << 20)]).catch((error) => error)
      console.log(error.code, error.message.endsWith('EFBIG'), (await log.list('staged')).length)`
    const { stdout } = await run('sh', [
      '-c',
      'ulimit -f 8; exec "$0" --input-type=module -e "$1"',
      process.execPath,
      script,
    ])
    expect(stdout).toBe('true\nKUSTO_LOG_FAILED true 0\n')
    expect(await readdir(path.join(folder, 'staged'))).toEqual([])
  })
})

describe('streaming:C27 the owner of a log', () => {
  it('keeps others out while its process lives, until it lets go', async () => {
    const first = await fileLog(folder).acquire()
    expect(first.epoch).toBe(1)
    await expect(fileLog(folder).acquire()).rejects.toMatchObject({ code: 'KUSTO_LOG_IN_USE' })
    await first.release()
    const second = await fileLog(folder).acquire()
    expect(second.epoch).toBe(2)
    await second.verify()
    await expect(first.verify()).rejects.toMatchObject({ code: 'KUSTO_LOG_FENCED' })
  })

  it('streaming:T4 finds itself shut out after another one took over', async () => {
    const first = await fileLog(folder).acquire()
    const second = await fileLog(folder).acquire({ takeOver: true })
    await expect(first.verify()).rejects.toMatchObject({ code: 'KUSTO_LOG_FENCED' })
    await second.verify()
  })

  it('is followed at once when its process was killed, and not while that is stopped', async () => {
    const script = `
      const { fileLog } = await import(${JSON.stringify(DIST)})
      await fileLog(${JSON.stringify(folder)}).acquire()
      console.log('owner')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGSTOP')
    await expect(fileLog(folder).acquire()).rejects.toMatchObject({ code: 'KUSTO_LOG_IN_USE' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await fileLog(folder).acquire()).epoch).toBe(2)
  })

  it('is one of many who come at a time', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => fileLog(folder).acquire()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('removes what a crash left unfinished long ago, and nothing that may still be written', async () => {
    await fileLog(folder).list('entries')
    const [old, young] = ['.unfinished-old', '.unfinished-young'].map((name) => path.join(folder, 'staged', name))
    for (const file of [old!, young!]) await writeFile(file, 'x')
    const before = new Date(Date.now() - 7_200_000)
    await utimes(old!, before, before)
    await fileLog(folder).acquire()
    expect(await readdir(path.join(folder, 'staged'))).toEqual(['.unfinished-young'])
  })
})

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, lstat, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { KustoError, KustoUsageError } from '../errors.ts'
import { EPOCHS, fenced, numberedName, numberOf } from './log-store.ts'
import type { AcquireLogOptions, LogObject, LogOwnership, LogStore } from './log-store.ts'

/** Names of files that are not whole yet; a crash leaves them, and whoever opens the log removes them. */
const UNFINISHED = '.unfinished-'
/** Longer than anybody takes to write one. */
const UNFINISHED_AGE_MS = 3_600_000
const FOLDERS = [EPOCHS, 'meta', 'entries', 'intents', 'marks', 'moves', 'outcomes', 'staged']

/**
 * A write-ahead log in a folder of this machine, for one stream; made when it is not there, for its owner's eyes only. An
 * object is written to a file of its own, synced, and linked to its name, which fails when the name is taken; then the folder
 * is synced. Losing the disk loses the log.
 */
export function fileLog(folder: string): LogStore {
  const root = path.resolve(folder)
  let ready: Promise<void> | undefined
  const prepared = (): Promise<void> => (ready ??= prepare(root))
  return {
    place: root,
    isReplicated: false,
    async create(name, chunks, signal) {
      await prepared()
      return guarded(root, `write ${name}`, () => createFile(fileOf(root, name), chunks, signal))
    },
    async read(name) {
      await prepared()
      return guarded(root, `read ${name}`, () => readFile(fileOf(root, name)))
    },
    async list(inside) {
      await prepared()
      return guarded(root, `list ${inside}`, () => listFolder(root, inside))
    },
    async remove(name) {
      await prepared()
      await guarded(root, `remove ${name}`, () => unlink(fileOf(root, name)).catch(unlessMissing))
    },
    async acquire(options) {
      await prepared()
      return guarded(root, 'acquire the log', () => acquire(root, options))
    },
  }
}

async function prepare(root: string): Promise<void> {
  await guarded(root, 'open the log', async () => {
    // Node never ends making folders one below another in a file system that takes none, so the last is made alone.
    await mkdir(path.dirname(root), { recursive: true })
    await mkdir(root, { mode: 0o700 }).catch(unlessThere)
    const found = await lstat(root)
    if (!found.isDirectory() || found.isSymbolicLink()) {
      throw new KustoUsageError(
        'KUSTO_BAD_LOG',
        `expected a folder for the log at ${root}, found ${found.isSymbolicLink() ? 'a symbolic link, which could lead elsewhere tomorrow' : 'a file'}`,
      )
    }
    for (const folder of FOLDERS) await mkdir(path.join(root, folder), { mode: 0o700 }).catch(unlessThere)
    await syncFolder(root)
  })
}

function fileOf(root: string, name: string): string {
  if (!/^[\w-]+\/[\w.-]+$/.test(name) || name.includes('..')) {
    throw new KustoUsageError('KUSTO_BAD_LOG', `expected the name of a log object, folder/name, found ${name}`)
  }
  return path.join(root, name)
}

async function createFile(
  file: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const unfinished = path.join(path.dirname(file), `${UNFINISHED}${randomUUID()}`)
  try {
    const handle = await open(unfinished, 'wx', 0o600)
    try {
      for await (const chunk of chunks) {
        signal?.throwIfAborted()
        await writeWhole(handle, chunk)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    signal?.throwIfAborted()
    try {
      await link(unfinished, file)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
    return true
  } finally {
    await unlink(unfinished).catch(unlessMissing)
    // The name, and that the other one is gone, are entries of the folder.
    await syncFolder(path.dirname(file))
  }
}

async function writeWhole(handle: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.length - at)
    at += bytesWritten
  }
}

/** Windows has no way to sync a folder and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function listFolder(root: string, folder: string): Promise<readonly LogObject[]> {
  const names = await readdir(path.join(root, folder)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  const objects: LogObject[] = []
  for (const name of names.filter((each) => !each.startsWith(UNFINISHED)).sort()) {
    // One that was shut out, or the owner, may remove it while the folder is listed.
    const found = await stat(path.join(root, folder, name)).catch(unlessMissing)
    if (found !== undefined) objects.push({ name: `${folder}/${name}`, createdAtMs: found.mtimeMs })
  }
  return objects
}

interface Owner {
  readonly pid: number
  readonly host: string
  /** When the process began, by the system's count, where it tells: another process may get the number of a dead one. */
  readonly startedAt: string
}

async function acquire(root: string, { takeOver = false, signal }: AcquireLogOptions = {}): Promise<LogOwnership> {
  const me: Owner = { pid: process.pid, host: hostname(), startedAt: startOf(process.pid) }
  for (;;) {
    signal?.throwIfAborted()
    const newest = await newestEpoch(root)
    if (newest > 0 && !takeOver) await refuseLiving(root, newest)
    const epoch = newest + 1
    // The one of several who come at a time that makes this file is the owner.
    if (!(await createFile(epochFile(root, epoch), [Buffer.from(JSON.stringify(me))], signal))) continue
    // Names of old epochs become free again, so one who waited long may have made one of those.
    if ((await newestEpoch(root)) !== epoch) continue
    await removeUnfinished(root)
    await removeOldEpochs(root, epoch)
    return {
      epoch,
      async verify() {
        const found = await guarded(root, 'look for a newer owner', () => newestEpoch(root))
        if (found !== epoch) throw fenced(root, epoch, found)
      },
      async release() {
        await guarded(root, 'release the log', () => createFile(`${epochFile(root, epoch)}.released`, [], undefined))
      },
    }
  }
}

const epochFile = (root: string, epoch: number): string => path.join(root, numberedName(EPOCHS, epoch))

async function newestEpoch(root: string): Promise<number> {
  const numbers = (await listFolder(root, EPOCHS)).map(({ name }) => numberOf(name))
  return Math.max(0, ...numbers)
}

async function refuseLiving(root: string, epoch: number): Promise<void> {
  const released = await stat(`${epochFile(root, epoch)}.released`).then(
    () => true,
    () => false,
  )
  if (released) return
  const text = await readFile(epochFile(root, epoch), 'utf8').catch(unlessMissing)
  // Who came at the same time has removed it: that is the one to look at next.
  if (text === undefined) return
  const owner = JSON.parse(text) as Owner
  const isOther = owner.host !== hostname()
  if (!isOther && !(isAlive(owner.pid) && startOf(owner.pid) === owner.startedAt)) return
  throw new KustoUsageError(
    'KUSTO_LOG_IN_USE',
    `expected the log in ${root} to be free, found process ${owner.pid} of ${isOther ? `host ${owner.host}, of which nothing is known here` : 'this host'} using it; ` +
      'end that writer, or take over when it is certainly gone',
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Field 22 of /proc/<pid>/stat, counted after the name, which may hold anything: ticks since the system's start. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

async function removeUnfinished(root: string): Promise<void> {
  for (const folder of FOLDERS) {
    const names = await readdir(path.join(root, folder))
    for (const name of names.filter((each) => each.startsWith(UNFINISHED))) {
      const file = path.join(root, folder, name)
      const ageMs = Date.now() - ((await stat(file).catch(unlessMissing))?.mtimeMs ?? Infinity)
      if (ageMs > UNFINISHED_AGE_MS) await unlink(file).catch(unlessMissing)
    }
  }
}

async function removeOldEpochs(root: string, epoch: number): Promise<void> {
  for (const { name } of await listFolder(root, EPOCHS)) {
    if (numberOf(name) < epoch) await unlink(path.join(root, name)).catch(unlessMissing)
  }
}

function unlessMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
  return undefined
}

function unlessThere(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Failures of the file system in this package's terms. */
async function guarded<R>(root: string, action: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (cause) {
    const code = codeOf(cause)
    if (cause instanceof KustoError || typeof code !== 'string' || !('syscall' in (cause as object))) throw cause
    if (code === 'ENOENT') {
      throw new KustoError('KUSTO_LOG_OBJECT_MISSING', `could not ${action} in ${root}: there is none`, { cause })
    }
    throw new KustoError('KUSTO_LOG_FAILED', `could not ${action} in ${root}: ${code}`, { cause })
  }
}

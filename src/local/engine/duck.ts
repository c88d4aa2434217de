import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api'
import { KustoError, KustoUsageError } from '../../errors.ts'
import { registerUdfs } from '../kql/udf.ts'
import { claimFile, openFailure } from './database-file.ts'

/** One connection, for one request at a time. */
export interface DuckSession {
  readonly connection: DuckDBConnection
  run(sql: string): Promise<void>
  /** All rows, as node-api reads them: bigint for BIGINT, value objects for DECIMAL and UUID. For small results. */
  rows(sql: string): Promise<readonly (readonly unknown[])[]>
  /** The result in chunks as they are computed. A chunk's memory is valid until the next one is asked for. */
  chunks(sql: string): AsyncIterable<DuckDBDataChunk>
  /** Makes the running statement fail within milliseconds, and every later one of this session. */
  interrupt(): void
  close(): void
}

/** The DuckDB instance behind one embedded Kusto. */
export interface Duck {
  connect(): Promise<DuckSession>
  close(): Promise<void>
}

export interface DuckOptions {
  /** Database file; default in memory. */
  readonly path?: string
  /** What DuckDB may hold in memory before it spills to a temporary folder, default '512MB'. */
  readonly memoryLimit?: string
}

/**
 * Opens DuckDB with the functions of the translator registered.
 *
 * @throws {KustoUsageError} LOCAL_PEER_MISSING when `@duckdb/node-api` is not installed
 * @throws {KustoUsageError} LOCAL_DATA_IN_USE when another instance has the file, LOCAL_DATA_UNREADABLE when it cannot be opened
 */
export async function openDuck(options: DuckOptions = {}): Promise<Duck> {
  const duckdb = await loadDuckDb()
  const { path } = options
  let release: (() => void) | undefined
  const spillFolder = await mkdtemp(join(tmpdir(), 'kusto-arrow-duck-'))
  // For a process that ends without closing; what is killed leaves its folder behind.
  const removeOnExit = (): void => rmSync(spillFolder, { recursive: true, force: true })
  process.once('exit', removeOnExit)
  const leave = async (): Promise<void> => {
    release?.()
    process.removeListener('exit', removeOnExit)
    await rm(spillFolder, { recursive: true, force: true })
  }
  let instance: DuckDBInstance
  try {
    if (path !== undefined) release = claimFile(path)
    instance = await duckdb.DuckDBInstance.create(path ?? ':memory:', {
      memory_limit: options.memoryLimit ?? '512MB',
      temp_directory: spillFolder,
      autoinstall_known_extensions: 'false',
    })
    const connection = await instance.connect()
    registerUdfs(connection)
    connection.closeSync()
  } catch (cause) {
    await leave()
    throw path === undefined || cause instanceof KustoUsageError ? cause : openFailure(cause, path)
  }
  const sessions = new Set<OpenSession>()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    for (const session of sessions) session.interrupt()
    await Promise.all([...sessions].map((session) => session.end()))
    instance.closeSync()
    await leave()
  }
  return {
    async connect(): Promise<DuckSession> {
      if (closing !== undefined) throw new KustoError('LOCAL_CLOSED', 'the embedded Kusto is closed')
      const session: OpenSession = openSession(await instance.connect(), () => void sessions.delete(session))
      sessions.add(session)
      return session
    },
    async close(): Promise<void> {
      closing ??= close()
      await closing
    },
  }
}

/** A session as its owner sees it: `end` resolves when its last statement has. */
interface OpenSession extends DuckSession {
  end(): Promise<void>
}

async function loadDuckDb(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api')
  } catch (cause) {
    throw new KustoUsageError(
      'LOCAL_PEER_MISSING',
      'the embedded Kusto needs @duckdb/node-api: npm install --save-dev @duckdb/node-api@1.5.5-r.5',
      { cause },
    )
  }
}

const INTERRUPT_EVERY_MS = 5

function openSession(connection: DuckDBConnection, onClosed: () => void): OpenSession {
  let interrupted = false
  let closed = false
  // Native code uses the connection until its statement ends, so the connection is closed only then.
  const busy = new Set<Promise<unknown>>()
  let ended: Promise<void> | undefined
  const check = (): void => {
    // DuckDB forgets an interrupt of an idle connection: the next statement would run to its end.
    if (interrupted || closed) throw new Error('INTERRUPT Error: Interrupted!')
  }
  const native = async <T>(start: () => Promise<T>): Promise<T> => {
    check()
    const work = start()
    const settled = work.catch(() => undefined)
    busy.add(settled)
    try {
      return await work
    } finally {
      busy.delete(settled)
    }
  }
  // An interrupt that comes while a statement is still being prepared is lost, so it is repeated until nothing runs.
  const stopStatements = (): void => {
    if (busy.size === 0) return
    connection.interrupt()
    setTimeout(stopStatements, INTERRUPT_EVERY_MS)
  }
  const end = async (): Promise<void> => {
    closed = true
    await Promise.all(busy)
    connection.closeSync()
    onClosed()
  }
  return {
    connection,
    async run(sql) {
      await native(() => connection.run(sql))
    },
    async rows(sql) {
      const result = await native(() => connection.run(sql))
      return await result.getRows()
    },
    async *chunks(sql) {
      const result = await native(() => connection.stream(sql))
      yield* fetchAhead(() => native(() => result.fetchChunk()))
    },
    interrupt() {
      if (interrupted) return
      interrupted = true
      stopStatements()
    },
    close() {
      ended ??= end()
    },
    async end() {
      ended ??= end()
      await ended
    },
  }
}

/** Computes the next chunk while the caller encodes this one; never more than one ahead. */
async function* fetchAhead(fetch: () => Promise<DuckDBDataChunk | null>): AsyncGenerator<DuckDBDataChunk> {
  let next = settle(fetch())
  try {
    for (;;) {
      const current = await next
      if (!current.ok) throw current.error
      if (current.chunk === null || current.chunk.rowCount === 0) return
      next = settle(fetch())
      yield current.chunk
    }
  } finally {
    await next
  }
}

type Settled =
  | { readonly ok: true; readonly chunk: DuckDBDataChunk | null }
  | { readonly ok: false; readonly error: unknown }

function settle(fetching: Promise<DuckDBDataChunk | null>): Promise<Settled> {
  return fetching.then(
    (chunk) => ({ ok: true, chunk }),
    (error: unknown) => ({ ok: false, error }),
  )
}

import { join } from 'node:path'
import { KustoUsageError } from '../errors.ts'
import { makeDataFolder } from './data-folder.ts'
import { openCatalog } from './engine/catalog.ts'
import { openDuck } from './engine/duck.ts'
import { Operations } from './engine/operations.ts'
import { Faults, type FaultRule } from './faults.ts'
import { startQueueLoop } from './ingest/queue-loop.ts'
import type { StreamingSwitch } from './ingest/streaming.ts'
import { QueuedIngestion } from './ingest/queued-rest.ts'
import { startLanguage } from './lang/language.ts'
import { serveHttp } from './server/http.ts'
import { requirePeers } from './peers.ts'
import { RunningRequests } from './server/running-requests.ts'
import { savedPorts, savePorts } from './saved-ports.ts'
import type { Services } from './services.ts'
import { startAzurite } from './storage/azurite.ts'

export type { FaultAction, FaultMatch, FaultRule, Faults } from './faults.ts'

export interface LocalKustoOptions {
  /** Port on 127.0.0.1; default 0: with `dataDir` the one it had the last time where that is free, else any free one. */
  readonly port?: number | undefined
  /** The only address it listens on. */
  readonly host?: '127.0.0.1' | undefined
  /** Folder to keep databases and blobs in; default in memory, gone after `close()`. */
  readonly dataDir?: string | undefined
  /** Name of the default database, created when it does not exist; default 'db1'. */
  readonly database?: string | undefined
  /** Whether to start Azurite, which queued ingestion and export need; default true. */
  readonly storage?: boolean | undefined
  /** Faults to inject from the start; changeable later through `faults`. */
  readonly faults?: readonly FaultRule[] | undefined
  /** Smallest `sizeLimit` that `.export` accepts, in bytes; default 100 MB as in the service. Lower it in tests only. */
  readonly minimumSizeLimit?: number | undefined
  /** How long queued data waits before it is ingested, in milliseconds; default 0. Data to be flushed at once never waits. */
  readonly batchingDelayMs?: number | undefined
  /**
   * Streaming ingestion for the cluster; default 'on', as in Fabric. 'policy': only tables with an enabled policy of their
   * own or their database's, as in Azure. 'off': none.
   */
  readonly streaming?: StreamingSwitch | undefined
  /** What the engine may hold in memory before it spills to disk, in DuckDB's words; default '512MB'. */
  readonly memoryLimit?: string | undefined
}

/** An embedded Kusto that is running. */
export interface LocalKusto {
  /** Cluster URL, for example 'http://127.0.0.1:8080'. Also its own ingestion endpoint. */
  readonly cluster: string
  /** The default database. */
  readonly database: string
  /** Faults to inject into the requests to come. */
  readonly faults: Faults
  /** Stops everything it started. Safe to call twice. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface LocalKustoSettings {
  readonly port: number
  readonly host: string
  readonly dataDir: string | undefined
  readonly database: string
  readonly storage: boolean
  readonly faults: readonly FaultRule[]
  readonly minimumSizeLimit: number
  readonly batchingDelayMs: number
  readonly streaming: StreamingSwitch
  readonly memoryLimit: string
}

const DEFAULTS: LocalKustoSettings = Object.freeze({
  port: 0,
  host: '127.0.0.1',
  dataDir: undefined,
  database: 'db1',
  storage: true,
  faults: [],
  minimumSizeLimit: 100 * 1024 * 1024,
  batchingDelayMs: 0,
  streaming: 'on',
  memoryLimit: '512MB',
})

/**
 * Starts an embedded Kusto on 127.0.0.1: Microsoft's KQL parser, DuckDB and Azurite behind Kusto's REST API.
 *
 * @throws {KustoUsageError} LOCAL_PEER_MISSING when an optional package is not installed; LOCAL_PORT_IN_USE;
 * LOCAL_DATA_IN_USE and LOCAL_DATA_UNREADABLE for a `dataDir` that another one uses or that is damaged
 */
export async function startLocalKusto(options: LocalKustoOptions = {}): Promise<LocalKusto> {
  const settings = localSettings(options)
  requirePeers(settings)
  const cleanup = new Cleanup()
  try {
    return await start(settings, cleanup)
  } catch (error) {
    await cleanup.run()
    throw error
  }
}

async function start(settings: LocalKustoSettings, cleanup: Cleanup): Promise<LocalKusto> {
  const { dataDir } = settings
  if (dataDir !== undefined) await makeDataFolder(dataDir)
  const saved = dataDir === undefined ? {} : await savedPorts(dataDir)
  const opening = cleanup.track(
    openDuck({
      memoryLimit: settings.memoryLimit,
      ...(dataDir === undefined ? {} : { path: join(dataDir, 'kusto.duckdb') }),
    }),
  )
  const [language, duck, storage] = await allOrFirstError([
    cleanup.track(startLanguage()),
    opening,
    settings.storage
      ? cleanup.track(
          // A folder that another one uses must be found out before a second Azurite works on its blobs.
          dataDir === undefined ? startAzurite() : opening.then(() => startAzurite({ dataDir, ports: saved })),
        )
      : Promise.resolve(undefined),
  ])
  const catalog = await openCatalog(duck, { database: settings.database, language })
  cleanup.add(() => catalog.close())
  const operations = new Operations()
  cleanup.add(() => operations.close())
  const requests = new RunningRequests()
  const queuedIngestion = new QueuedIngestion({ duck, catalog })
  cleanup.add(() => queuedIngestion.close())
  if (storage !== undefined) {
    const queueLoop = startQueueLoop({ duck, catalog }, storage, { batchingDelayMs: settings.batchingDelayMs })
    cleanup.add(() => queueLoop.close())
  }
  let cluster = ''
  const services: Services = {
    language,
    duck,
    catalog,
    operations,
    storage,
    queuedIngestion,
    requests,
    defaultDatabase: settings.database,
    url: () => cluster,
    faults: new Faults(settings.faults),
    minimumSizeLimit: settings.minimumSizeLimit,
    streaming: settings.streaming,
  }
  const server = await serveSaved(services, settings.port, saved.kusto)
  cluster = `http://127.0.0.1:${server.port}`
  cleanup.add(async () => {
    requests.stopAll()
    await server.close()
  })
  if (dataDir !== undefined) await savePorts(dataDir, { ...saved, ...storage?.ports, kusto: server.port })
  const close = (): Promise<void> => cleanup.run()
  return { cluster, database: settings.database, faults: services.faults, close, [Symbol.asyncDispose]: close }
}

/** Serves at the port that was asked for, else at the one of the last time, else at any. */
async function serveSaved(services: Services, port: number, saved: number | undefined): ReturnType<typeof serveHttp> {
  if (port !== 0 || saved === undefined) return await serveHttp(services, port)
  return await serveHttp(services, saved).catch(() => serveHttp(services, 0))
}

function localSettings(options: LocalKustoOptions): LocalKustoSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name] of given) {
    if (!(name in DEFAULTS)) throw badOption(`unknown option '${name}'; known are ${Object.keys(DEFAULTS).join(', ')}`)
  }
  const settings: LocalKustoSettings = { ...DEFAULTS, ...Object.fromEntries(given) }
  const { port, host, database } = settings
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw badOption(`'port' must be a whole number from 0 to 65535, not ${String(port)}`)
  }
  if (host !== DEFAULTS.host) throw badOption(`'host' can only be ${DEFAULTS.host}, not ${host}`)
  if (typeof database !== 'string' || !/^[\w .-]+$/.test(database)) {
    throw badOption("'database' must be a name of letters, digits, blanks, dots, dashes and underscores")
  }
  if (!['on', 'policy', 'off'].includes(settings.streaming)) {
    throw badOption(`'streaming' must be 'on', 'policy' or 'off', not ${settings.streaming}`)
  }
  for (const name of ['minimumSizeLimit', 'batchingDelayMs'] as const) {
    if (!(settings[name] >= 0)) throw badOption(`'${name}' must not be negative`)
  }
  return settings
}

function badOption(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_OPTION', message)
}

/** Waits for all, so that what did start can be stopped, and fails with the first failure. */
async function allOrFirstError<T extends readonly unknown[]>(starting: {
  readonly [Index in keyof T]: Promise<T[Index]>
}): Promise<T> {
  await Promise.allSettled(starting)
  return await Promise.all(starting)
}

interface Closable {
  close(): Promise<void>
}

/** What is to be stopped, last started first. */
class Cleanup {
  readonly #actions: (() => void | Promise<void>)[] = []
  #running: Promise<void> | undefined

  add(action: () => void | Promise<void>): void {
    this.#actions.push(action)
  }

  async track<T extends Closable>(starting: Promise<T>): Promise<T> {
    const started = await starting
    this.add(() => started.close())
    return started
  }

  run(): Promise<void> {
    this.#running ??= this.#runAll()
    return this.#running
  }

  async #runAll(): Promise<void> {
    const failures: unknown[] = []
    for (const action of this.#actions.toReversed()) {
      try {
        await action()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the embedded Kusto did not stop cleanly')
  }
}

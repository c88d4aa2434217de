import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { AzureNamedKeyCredential, TableServiceClient, generateTableSas } from '@azure/data-tables'
import {
  BlobServiceClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import {
  QueueSASPermissions,
  QueueServiceClient,
  StorageSharedKeyCredential as QueueKeyCredential,
  generateQueueSASQueryParameters,
} from '@azure/storage-queue'
import { KustoUsageError } from '../../errors.ts'
import { newAccountKey, savedAccountKey } from './account-key.ts'

/** Names of what the embedded Kusto keeps in its storage account. */
export const STORAGE_NAMES: {
  readonly tempContainers: readonly string[]
  readonly exportContainers: readonly string[]
  readonly readyQueue: string
  readonly failedQueue: string
  readonly succeededQueue: string
  readonly statusTable: string
} = {
  tempContainers: ['ingest-temp-0', 'ingest-temp-1'],
  exportContainers: ['export-0', 'export-1'],
  readyQueue: 'ready-for-aggregation',
  failedQueue: 'failed-ingestions',
  succeededQueue: 'successful-ingestions',
  statusTable: 'ingestionsstatus',
}

/** The storage account of one embedded Kusto: an Azurite process with a key of its own. */
export interface LocalStorage {
  /** `http://127.0.0.1:PORT/devstoreaccount1` */
  readonly blobUrl: string
  readonly queueUrl: string
  readonly tableUrl: string
  readonly ports: { readonly blob: number; readonly queue: number; readonly table: number }
  readonly accountName: string
  /** Random; the same as long as a data folder is. */
  readonly accountKey: string
  /** URL of a container with a SAS to read, add, create, write, delete and list, valid for a day. */
  containerSas(name: string): string
  /** URL of a queue with a SAS to read, add, update and process. */
  queueSas(name: string): string
  /** URL of a table with a SAS to query, add, update and delete. */
  tableSas(name: string): string
  /** Stops Azurite. What it held in memory is gone. */
  close(): Promise<void>
}

export interface AzuriteOptions {
  /** Folder to keep the data in; default in memory. */
  readonly dataDir?: string
  /** Ports to listen at where all of them are free; default any. */
  readonly ports?: { readonly blob?: number; readonly queue?: number; readonly table?: number }
  /** Longest wait until Azurite listens, in milliseconds. Default 60 000. */
  readonly startTimeoutMs?: number
}

const ACCOUNT = 'devstoreaccount1'
const SAS_LIFETIME_MS = 24 * 60 * 60_000
const STOP_TIMEOUT_MS = 5_000

/**
 * Starts Azurite as a child process on free ports of 127.0.0.1 and creates the containers, queues and the status table.
 *
 * @throws {KustoUsageError} LOCAL_PEER_MISSING when `azurite` is not installed
 * @throws {KustoUsageError} LOCAL_STORAGE_START when Azurite does not come up
 */
export async function startAzurite({ ports = {}, ...options }: AzuriteOptions = {}): Promise<LocalStorage> {
  const wanted = [ports.blob ?? 0, ports.queue ?? 0, ports.table ?? 0] as const
  if (wanted.every((port) => port === 0)) return await start(options, wanted)
  return await start(options, wanted).catch(() => start(options, [0, 0, 0]))
}

async function start(
  options: Omit<AzuriteOptions, 'ports'>,
  [blobPort, queuePort, tablePort]: readonly [number, number, number],
): Promise<LocalStorage> {
  const script = azuriteScript()
  const scratch = options.dataDir === undefined ? await mkdtemp(join(tmpdir(), 'kusto-arrow-azurite-')) : undefined
  // Azurite takes a relative path from its own working folder.
  const folder = scratch ?? resolve(options.dataDir ?? '', 'azurite')
  await mkdir(folder, { recursive: true })
  const accountKey = options.dataDir === undefined ? newAccountKey() : await savedAccountKey(options.dataDir)
  const flags = [
    '--silent',
    '--disableTelemetry',
    '--skipApiVersionCheck',
    '--blobPort',
    String(blobPort),
    '--queuePort',
    String(queuePort),
    '--tablePort',
    String(tablePort),
  ]
  flags.push(...(scratch === undefined ? ['--location', folder] : ['--inMemoryPersistence']))
  const child = fork(new URL('./azurite-main.js', import.meta.url), flags, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Nothing of the parent's environment but what a process needs: no proxy, no debugger, no credentials.
    env: {
      PATH: process.env['PATH'] ?? '',
      SystemRoot: process.env['SystemRoot'] ?? '',
      TEMP: tmpdir(),
      KUSTO_LOCAL_AZURITE: script,
      KUSTO_LOCAL_SCRATCH: scratch ?? '',
      AZURITE_ACCOUNTS: `${ACCOUNT}:${accountKey}`,
    },
    execArgv: [],
  })
  const killOnExit = (): void => {
    child.kill('SIGKILL')
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true })
  }
  process.once('exit', killOnExit)
  const close = async (): Promise<void> => {
    process.removeListener('exit', killOnExit)
    // What is on disk wants to be flushed; what is in memory does not.
    await stop(child, scratch === undefined ? 'SIGTERM' : 'SIGKILL')
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true })
  }
  try {
    const [blob, queue, table] = await listening(child, options.startTimeoutMs ?? 60_000)
    const storage = account({ blob, queue, table, accountKey }, close)
    await createResources(storage)
    return storage
  } catch (error) {
    await close()
    throw error
  }
}

function azuriteScript(): string {
  try {
    return createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js')
  } catch (cause) {
    throw new KustoUsageError(
      'LOCAL_PEER_MISSING',
      'the storage of the embedded Kusto needs azurite: npm install --save-dev azurite@3.35.0',
      { cause },
    )
  }
}

/** Reads the real ports from Azurite's own lines `... is successfully listening at http://127.0.0.1:PORT`. */
async function listening(child: ChildProcess, timeoutMs: number): Promise<readonly [string, string, string]> {
  let output = ''
  const ready = new AbortController()
  const exited = new AbortController()
  const addresses = (): readonly (string | undefined)[] =>
    ['Blob', 'Queue', 'Table'].map(
      (kind) => new RegExp(`Azurite ${kind} service is successfully listening at (http:\\S+)\\s`).exec(output)?.[1],
    )
  const read = (chunk: Buffer): void => {
    output += chunk.toString()
    if (addresses().every((address) => address !== undefined)) ready.abort()
  }
  child.once('exit', (code) => exited.abort(new Error(`azurite ended with code ${code}`)))
  child.once('error', (error) => exited.abort(error))
  const pipes = [child.stdout, child.stderr]
  for (const pipe of pipes) pipe?.on('data', read)
  try {
    await once(ready.signal, 'abort', { signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), exited.signal]) })
  } catch (cause) {
    throw new KustoUsageError('LOCAL_STORAGE_START', `azurite did not start: ${output.slice(-500).trim()}`, {
      cause: exited.signal.aborted ? exited.signal.reason : cause,
    })
  } finally {
    // What it says from now on is read and forgotten, so that a full pipe does not stop it.
    for (const pipe of pipes) pipe?.removeListener('data', read).resume()
  }
  const [blob = '', queue = '', table = ''] = addresses()
  return [blob, queue, table]
}

interface Endpoints {
  readonly blob: string
  readonly queue: string
  readonly table: string
  readonly accountKey: string
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function account(endpoints: Endpoints, close: () => Promise<void>): LocalStorage {
  const { accountKey } = endpoints
  const blobUrl = `${endpoints.blob}/${ACCOUNT}`
  const queueUrl = `${endpoints.queue}/${ACCOUNT}`
  const tableUrl = `${endpoints.table}/${ACCOUNT}`
  const blobKey = new StorageSharedKeyCredential(ACCOUNT, accountKey)
  const queueKey = new QueueKeyCredential(ACCOUNT, accountKey)
  const tableKey = new AzureNamedKeyCredential(ACCOUNT, accountKey)
  return {
    ports: { blob: portOf(endpoints.blob), queue: portOf(endpoints.queue), table: portOf(endpoints.table) },
    blobUrl,
    queueUrl,
    tableUrl,
    accountName: ACCOUNT,
    accountKey,
    containerSas(name) {
      const permissions = ContainerSASPermissions.parse('racwdl')
      const sas = generateBlobSASQueryParameters({ containerName: name, permissions, ...lifetime() }, blobKey)
      return `${blobUrl}/${name}?${sas.toString()}`
    },
    queueSas(name) {
      const permissions = QueueSASPermissions.parse('raup')
      const sas = generateQueueSASQueryParameters({ queueName: name, permissions, ...lifetime() }, queueKey)
      return `${queueUrl}/${name}?${sas.toString()}`
    },
    tableSas(name) {
      const sas = generateTableSas(name, tableKey, {
        permissions: { query: true, add: true, update: true, delete: true },
        ...lifetime(),
      })
      return `${tableUrl}/${name}?${sas.replace(/^\?/, '')}`
    },
    close,
  }
}

/** A start in the past forgives clock skew between the processes. */
function lifetime(): { readonly startsOn: Date; readonly expiresOn: Date } {
  return { startsOn: new Date(Date.now() - 5 * 60_000), expiresOn: new Date(Date.now() + SAS_LIFETIME_MS) }
}

async function createResources(storage: LocalStorage): Promise<void> {
  const blobs = new BlobServiceClient(
    storage.blobUrl,
    new StorageSharedKeyCredential(storage.accountName, storage.accountKey),
  )
  const queues = new QueueServiceClient(
    storage.queueUrl,
    new QueueKeyCredential(storage.accountName, storage.accountKey),
  )
  const tables = new TableServiceClient(
    storage.tableUrl,
    new AzureNamedKeyCredential(storage.accountName, storage.accountKey),
    {
      allowInsecureConnection: true,
    },
  )
  const { tempContainers, exportContainers, readyQueue, failedQueue, succeededQueue, statusTable } = STORAGE_NAMES
  for (const name of [...tempContainers, ...exportContainers]) await blobs.getContainerClient(name).createIfNotExists()
  for (const name of [readyQueue, failedQueue, succeededQueue]) await queues.getQueueClient(name).createIfNotExists()
  await tables.createTable(statusTable)
}

async function stop(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exit
  clearTimeout(timer)
}

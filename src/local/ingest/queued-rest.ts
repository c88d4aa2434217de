import { randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import { databaseNotExist, tableNotExist } from '../engine/entity-errors.ts'
import type { ResultTable } from '../engine/result-table.ts'
import { parseDatetime } from '../kql/types.ts'
import type { Cell, Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import { type LocalStorage, STORAGE_NAMES } from '../storage/azurite.ts'
import { parseStorageConnectionString, withoutSecret } from '../storage/connection-string.ts'
import { ingestBlob } from './ingest-blob.ts'
import type { IngestServices } from './ingest-sources.ts'
import { parseIngestionProperties } from './ingestion-properties.ts'
import { objectFields } from './queue-message.ts'
import { failureOf, type IngestionFailure } from './report-status.ts'

/** Most blobs of one request. */
const MAX_BLOBS = 20
/** Largest blob, in bytes before compression. */
const MAX_DATA_BYTES = 6 * 1024 * 1024 * 1024
const CONCURRENCY = 4
/** Operations that are remembered; the oldest finished ones are forgotten first. */
const MAX_OPERATIONS = 10_000

interface BlobState {
  readonly sourceId: string
  readonly url: string
  status: 'Queued' | 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled' | 'Skipped'
  started: Date | undefined
  updated: Date
  failure: IngestionFailure | undefined
}

interface Operation {
  readonly id: string
  readonly database: string
  readonly table: string
  readonly started: Date
  readonly blobs: readonly BlobState[]
  readonly cancel: AbortController
}

/** REST queued ingestion: takes lists of blobs, ingests them in the background, one extent per blob, and tells how far it is. */
export class QueuedIngestion {
  readonly #services: IngestServices
  readonly #operations = new Map<string, Operation>()
  readonly #running = new Set<Promise<void>>()
  readonly #limit = pLimit(CONCURRENCY)
  readonly #stop = new AbortController()

  constructor(services: IngestServices) {
    this.#services = services
  }

  /** Body of `POST /v1/rest/ingestion/queued/{database}/{table}` to its answer. */
  submit(database: string, table: string, body: unknown): { readonly ingestionOperationId: string } {
    if (this.#services.catalog.database(database) === undefined) throw databaseNotExist(database)
    if (this.#services.catalog.table(database, table) === undefined) throw tableNotExist(table)
    const request = parseSubmission(body)
    const now = new Date()
    const operation: Operation = {
      id: randomUUID(),
      database,
      table,
      started: now,
      blobs: request.blobs.map(({ sourceId, url }) => ({
        sourceId,
        url: withoutSecret(url),
        status: 'Queued',
        started: undefined,
        updated: now,
        failure: undefined,
      })),
      cancel: new AbortController(),
    }
    if (request.isTracked) this.#remember(operation)
    for (const [index, blob] of operation.blobs.entries()) {
      const url = request.blobs[index]?.url ?? ''
      const work = this.#limit(() => this.#ingest(operation, blob, url, request)).finally(() =>
        this.#running.delete(work),
      )
      this.#running.add(work)
    }
    return { ingestionOperationId: request.isTracked ? operation.id : '' }
  }

  /**
   * Answer of `GET /v1/rest/ingestion/queued/{database}/{table}/{operationId}`.
   *
   * @throws {LocalError} 404 for an operation that is not known for this table
   */
  status(target: {
    readonly database: string
    readonly table: string
    readonly operationId: string
    readonly details: boolean
  }): object {
    const operation = this.#operations.get(target.operationId.toLowerCase())
    const fits = operation?.database.toLowerCase() === target.database.toLowerCase() && operation.table === target.table
    if (operation === undefined || !fits) {
      throw new LocalError(
        'BadRequest_EntityNotFound',
        `the ingestion operation '${target.operationId}' was not found`,
        { status: 404 },
      )
    }
    const { blobs } = operation
    return {
      startTime: operation.started.toISOString(),
      lastUpdated: lastUpdated(operation).toISOString(),
      status: {
        // Skipped blobs have nothing left to do; the status has no count of its own for them.
        succeeded: count(blobs, 'Succeeded', 'Skipped'),
        failed: count(blobs, 'Failed'),
        inProgress: count(blobs, 'Queued', 'InProgress'),
        canceled: count(blobs, 'Canceled'),
      },
      ...(target.details ? { details: blobs.map(blobDetails) } : {}),
    }
  }

  /** Rows of `.show queued ingestion operations "id", ...`; unknown ids give no row. */
  show(ids: readonly string[]): ResultTable {
    const rows = ids.flatMap((id) => {
      const operation = this.#operations.get(id.toLowerCase())
      return operation === undefined ? [] : [summaryRow(operation)]
    })
    return { columns: SUMMARY_COLUMNS, rows }
  }

  /** Rows of `.show queued ingestion operations "id" details`. */
  showDetails(id: string): ResultTable {
    const operation = this.#operations.get(id.toLowerCase())
    const rows = operation?.blobs.map((blob) => detailRow(operation, blob)) ?? []
    return { columns: DETAIL_COLUMNS, rows }
  }

  /** Cancels what has not started and gives the summary row, as `.cancel queued ingestion operation "id"` does. */
  cancel(id: string): ResultTable {
    const operation = this.#operations.get(id.toLowerCase())
    operation?.cancel.abort()
    for (const blob of operation?.blobs ?? []) if (blob.status === 'Queued') setStatus(blob, 'Canceled')
    return this.show([id])
  }

  /** Abandons what is under way and waits for its end. */
  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  async #ingest(operation: Operation, blob: BlobState, url: string, request: Submission): Promise<void> {
    if (blob.status !== 'Queued' || this.#stop.signal.aborted) return
    setStatus(blob, 'InProgress')
    blob.started = blob.updated
    try {
      const outcome = await ingestBlob(this.#services, {
        database: operation.database,
        table: operation.table,
        blob: url,
        properties: request.properties,
        deleteBlob: request.deleteBlobs,
        signal: this.#stop.signal,
      })
      setStatus(blob, outcome.skipped ? 'Skipped' : 'Succeeded')
    } catch (error) {
      blob.failure = failureOf(error)
      setStatus(blob, this.#stop.signal.aborted ? 'Canceled' : 'Failed')
    }
  }

  #remember(operation: Operation): void {
    this.#operations.set(operation.id, operation)
    for (const [id, { blobs }] of this.#operations) {
      if (this.#operations.size <= MAX_OPERATIONS) return
      if (count(blobs, 'Queued', 'InProgress') === 0) this.#operations.delete(id)
    }
  }
}

/** Answer of `GET /v1/rest/ingestion/configuration`. */
export function ingestionConfiguration(storage: LocalStorage | undefined): object {
  if (storage === undefined)
    throw new LocalError('BadRequest_NoStorage', 'this embedded Kusto was started without storage', { status: 404 })
  return {
    containerSettings: {
      containers: STORAGE_NAMES.tempContainers.map((name) => ({ path: storage.containerSas(name) })),
      lakeFolders: null,
      refreshInterval: '01:00:00',
      preferredUploadMethod: 'Storage',
    },
    ingestionSettings: {
      maxBlobsPerBatch: MAX_BLOBS,
      maxDataSize: MAX_DATA_BYTES,
      preferredIngestionMethod: 'Rest',
    },
  }
}

interface Submission {
  readonly blobs: readonly { readonly url: string; readonly sourceId: string }[]
  readonly properties: readonly (readonly [string, unknown])[]
  readonly isTracked: boolean
  readonly deleteBlobs: boolean
}

/** Checks a request whole, before anything of it is ingested. Keys in any case. */
function parseSubmission(body: unknown): Submission {
  const fields = fieldsOf(body, 'the request')
  const blobs = fields.get('blobs')
  if (!Array.isArray(blobs) || blobs.length === 0) throw bad('the request names no blobs')
  if (blobs.length > MAX_BLOBS) throw bad(`the request has ${blobs.length} blobs, more than ${MAX_BLOBS}`)
  const parsed = blobs.map(parseBlob)
  if (new Set(parsed.map(({ url }) => url)).size < parsed.length) throw bad('a blob is named twice')
  const given = fieldsOf(fields.get('properties'), 'properties')
  if (typeof given.get('format') !== 'string') throw bad('the property format is required')
  const own = ['enabletracking', 'skipbatching', 'deleteafterdownload', 'ignoresizelimit']
  for (const name of own) {
    const value = given.get(name)
    if (value !== undefined && value !== null && typeof value !== 'boolean')
      throw bad(`the property ${name} must be true or false`)
  }
  const properties = [...given].filter(([name]) => !own.includes(name))
  // Nothing is kept of this; it tells now what would otherwise fail in the background.
  parseIngestionProperties(properties)
  return {
    blobs: parsed,
    properties,
    isTracked: given.get('enabletracking') === true,
    deleteBlobs: given.get('deleteafterdownload') === true,
  }
}

function parseBlob(value: unknown): { readonly url: string; readonly sourceId: string } {
  const fields = fieldsOf(value, 'a blob')
  const url = fields.get('url')
  const sourceId = fields.get('sourceid')
  const rawSize = fields.get('rawsize')
  if (typeof url !== 'string' || url === '') throw new LocalError('BadRequest_EmptyBlobUri', 'a blob has no url')
  parseStorageConnectionString(url)
  if (sourceId !== undefined && sourceId !== null && typeof sourceId !== 'string')
    throw bad('a sourceId must be a text')
  if (typeof rawSize === 'number' && rawSize > MAX_DATA_BYTES) {
    throw new LocalError('BadRequest_FileTooLarge', `a blob of ${rawSize} bytes is larger than ${MAX_DATA_BYTES}`)
  }
  return { url, sourceId: sourceId ?? randomUUID() }
}

function fieldsOf(value: unknown, what: string): ReadonlyMap<string, unknown> {
  try {
    return objectFields(value)
  } catch (cause) {
    throw new LocalError('BadRequest', `${what} must be a JSON object`, { cause })
  }
}

function bad(message: string): LocalError {
  return new LocalError('BadRequest', message)
}

function setStatus(blob: BlobState, status: BlobState['status']): void {
  blob.status = status
  blob.updated = new Date()
}

function count(blobs: readonly BlobState[], ...wanted: readonly BlobState['status'][]): number {
  return blobs.filter(({ status }) => wanted.includes(status)).length
}

function lastUpdated({ started, blobs }: Operation): Date {
  return new Date(Math.max(started.getTime(), ...blobs.map(({ updated }) => updated.getTime())))
}

function blobDetails(blob: BlobState): object {
  return {
    sourceId: blob.sourceId,
    url: blob.url,
    status: blob.status === 'Skipped' ? 'Succeeded' : blob.status,
    startTime: (blob.started ?? blob.updated).toISOString(),
    lastUpdated: blob.updated.toISOString(),
    errorCode: blob.failure?.errorCode ?? '',
    failureStatus: blob.failure?.failureStatus ?? 'Unknown',
    details: blob.failure?.details ?? (blob.status === 'Skipped' ? 'skipped by ingestIfNotExists' : ''),
  }
}

const SUMMARY_COLUMNS: readonly Column[] = [
  { name: 'IngestionOperationId', type: 'string' },
  { name: 'StartedOn', type: 'datetime' },
  { name: 'LastUpdatedOn', type: 'datetime' },
  { name: 'State', type: 'string' },
  { name: 'Discovered', type: 'long' },
  { name: 'Pending', type: 'long' },
  { name: 'Canceled', type: 'long' },
  { name: 'Ingested', type: 'long' },
  { name: 'Failed', type: 'long' },
  { name: 'SampleFailedReasons', type: 'dynamic' },
  { name: 'Database', type: 'string' },
  { name: 'Table', type: 'string' },
]

function summaryRow(operation: Operation): readonly Cell[] {
  const { blobs } = operation
  const number = (...wanted: readonly BlobState['status'][]): bigint => BigInt(count(blobs, ...wanted))
  const reasons = blobs.flatMap(({ failure }) => (failure === undefined ? [] : [failure.details])).slice(0, 5)
  return [
    operation.id,
    ticksOf(operation.started),
    ticksOf(lastUpdated(operation)),
    stateOf(blobs),
    BigInt(blobs.length),
    number('Queued', 'InProgress'),
    number('Canceled'),
    number('Succeeded', 'Skipped'),
    number('Failed'),
    JSON.stringify(reasons),
    operation.database,
    operation.table,
  ]
}

function stateOf(blobs: readonly BlobState[]): string {
  if (count(blobs, 'Queued', 'InProgress') > 0) return 'InProgress'
  if (count(blobs, 'Canceled') > 0) return 'Canceled'
  const failed = count(blobs, 'Failed')
  if (failed === 0) return 'Completed'
  return failed === blobs.length ? 'Failed' : 'CompletedWithErrors'
}

const DETAIL_COLUMNS: readonly Column[] = [
  { name: 'IngestionOperationId', type: 'string' },
  { name: 'BlobUrl', type: 'string' },
  { name: 'IngestionStatus', type: 'string' },
  { name: 'StartedAt', type: 'datetime' },
  { name: 'CompletedAt', type: 'datetime' },
  { name: 'FailedReason', type: 'string' },
]

function detailRow({ id }: Operation, blob: BlobState): readonly Cell[] {
  const isDone = blob.status !== 'Queued' && blob.status !== 'InProgress'
  return [
    id,
    blob.url,
    blob.status,
    blob.started === undefined ? null : ticksOf(blob.started),
    isDone ? ticksOf(blob.updated) : null,
    blob.failure?.details ?? '',
  ]
}

function ticksOf(date: Date): bigint | null {
  return parseDatetime(date.toISOString())
}

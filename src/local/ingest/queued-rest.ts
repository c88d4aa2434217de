import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import { databaseNotExist, tableNotExist } from '../engine/entity-errors.ts'
import type { ResultTable } from '../engine/result-table.ts'
import { LocalError } from '../server/local-error.ts'
import { type LocalStorage, STORAGE_NAMES } from '../storage/azurite.ts'
import { withoutSecret } from '../storage/connection-string.ts'
import { ingestBlob } from './ingest-blob.ts'
import type { IngestServices } from './ingest-sources.ts'
import {
  type BlobState,
  count,
  detailTable,
  type Operation,
  operationStatus,
  setStatus,
  summaryTable,
} from './queued-operation.ts'
import { MAX_BLOBS, MAX_DATA_BYTES, parseSubmission, type Submission } from './queued-submission.ts'
import { failureOf } from './report-status.ts'

/** Blobs that are ingested at once. */
const CONCURRENCY = 4
/** Operations that are remembered; the oldest finished ones are forgotten first. */
const MAX_OPERATIONS = 10_000

/** REST queued ingestion: takes lists of blobs, ingests them in the background, one extent per blob, and tells how far it is. */
export class QueuedIngestion {
  readonly #services: IngestServices
  readonly #operations = new Map<string, Operation>()
  readonly #running = new Set<Promise<void>>()
  readonly #limit = pLimit(CONCURRENCY)
  readonly #stop = new AbortController()

  constructor(services: IngestServices) {
    this.#services = services
    // Every download and every statement of the blobs under way listens to this one signal.
    setMaxListeners(0, this.#stop.signal)
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
    return operationStatus(operation, target)
  }

  /** Rows of `.show queued ingestion operations "id", ...`; unknown ids give no row. */
  show(ids: readonly string[]): ResultTable {
    return summaryTable(ids.flatMap((id) => this.#operations.get(id.toLowerCase()) ?? []))
  }

  /** Rows of `.show queued ingestion operations "id" details`. */
  showDetails(id: string): ResultTable {
    return detailTable(this.#operations.get(id.toLowerCase()))
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

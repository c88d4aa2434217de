import { poll } from '../base/poll.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoIngestError, KustoUsageError } from '../errors.ts'
import { isFinal } from './ingestion-service.ts'
import type { BlobStatus, IngestionService } from './ingestion-service.ts'
import type { OnWriteEvent } from './write-events.ts'
import type { WriteFormat } from './write-settings.ts'

/** One blob of a write. */
export interface ReceiptBlob {
  readonly sourceId: string
  /** Without query string. */
  readonly url: string
  readonly rows: number
  readonly rawBytes: number
  readonly encodedBytes: number
  readonly operationId?: string
}

/** A receipt as plain data: no credential, nothing that cannot be stored. */
export interface WriteReceiptJson {
  readonly kind: 'kusto-arrow/write-receipt'
  readonly version: 1
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly mode: 'queued'
  readonly via: 'rest' | 'queue'
  readonly format: WriteFormat
  /** Whether this write created the table. */
  readonly created: boolean
  readonly rows: number
  readonly rawBytes: number
  readonly encodedBytes: number
  readonly blobs: readonly ReceiptBlob[]
  /** Milliseconds by phase: `schema`, `encode`, `upload`, `queue`. Encoding and uploading overlap. */
  readonly elapsedMs: Readonly<Record<string, number>>
}

export interface CompletedOptions {
  /** How long to wait for the last blob. Default 3,600,000 (one hour). */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly onEvent?: OnWriteEvent
}

const TIMEOUT_MS = 3_600_000

/** What became of a write, now and later. */
export class WriteReceipt {
  readonly #json: WriteReceiptJson
  readonly #service: (signal: AbortSignal | undefined) => Promise<IngestionService>

  constructor(json: WriteReceiptJson, service: (signal: AbortSignal | undefined) => Promise<IngestionService>) {
    this.#json = json
    this.#service = service
  }

  get table(): string {
    return this.#json.table
  }

  get created(): boolean {
    return this.#json.created
  }

  /** Rows handed to the service. */
  get rows(): number {
    return this.#json.rows
  }

  get rawBytes(): number {
    return this.#json.rawBytes
  }

  /** Bytes uploaded. */
  get encodedBytes(): number {
    return this.#json.encodedBytes
  }

  get format(): WriteFormat {
    return this.#json.format
  }

  get blobs(): readonly ReceiptBlob[] {
    return this.#json.blobs
  }

  toJSON(): WriteReceiptJson {
    return this.#json
  }

  /** The state of every blob as the service tells it now. */
  async status(options: { readonly signal?: AbortSignal } = {}): Promise<readonly BlobStatus[]> {
    if (this.blobs.length === 0) return []
    const service = await this.#service(options.signal)
    return service.status(this.table, this.blobs, options.signal)
  }

  /**
   * Waits until every blob is in the table, and gives the receipt again.
   * @throws {KustoIngestError} KUSTO_INGESTION_FAILED with one failure per blob that did not arrive
   * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT when the time is over; the blobs stay queued, ask again later
   */
  async completed(options: CompletedOptions = {}): Promise<this> {
    checkNames(options, ['timeoutMs', 'signal', 'onEvent'])
    const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, Number.MAX_SAFE_INTEGER)
    const startedAt = performance.now()
    const last = await poll(
      async () => {
        const status = await this.status(options.signal === undefined ? {} : { signal: options.signal })
        const pending = status.filter(({ state }) => !isFinal(state)).length
        if (pending === 0) return status
        options.onEvent?.({
          kind: 'ingestion-waiting',
          succeeded: status.filter(({ state }) => state === 'Succeeded').length,
          pending,
          elapsedMs: performance.now() - startedAt,
        })
        return undefined
      },
      {
        what: `the ingestion of ${this.blobs.length} blobs into ${this.table}`,
        timeoutMs,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    )
    const failed = last.filter(({ state }) => state !== 'Succeeded' && state !== 'Skipped')
    if (failed.length > 0) throw ingestionFailed(this.table, this.blobs.length, failed)
    return this
  }
}

/** Reads a stored receipt; the shape is checked, for it may come from anywhere. */
export function parseReceipt(json: unknown): WriteReceiptJson {
  const value = typeof json === 'string' ? (JSON.parse(json) as unknown) : json
  if (
    typeof value !== 'object' ||
    value === null ||
    !('kind' in value) ||
    value.kind !== 'kusto-arrow/write-receipt' ||
    !('version' in value) ||
    value.version !== 1 ||
    !('blobs' in value) ||
    !Array.isArray(value.blobs)
  ) {
    throw new KustoUsageError('KUSTO_BAD_RECEIPT', 'expected a write receipt of version 1, found something else')
  }
  return value as WriteReceiptJson
}

function ingestionFailed(table: string, blobs: number, failed: readonly BlobStatus[]): KustoIngestError {
  const first = failed[0]
  const reason = first === undefined ? '' : `; first: ${first.state} ${first.errorCode} ${first.details}`.trimEnd()
  return new KustoIngestError(
    'KUSTO_INGESTION_FAILED',
    `${failed.length} of ${blobs} blobs did not reach table ${table}${reason}`,
    {
      context: { table },
      failures: failed.map(({ sourceId, state, errorCode, details }) => ({
        sourceId,
        status: state,
        errorCode,
        details,
      })),
    },
  )
}

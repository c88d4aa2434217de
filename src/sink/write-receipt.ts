import { poll } from '../base/poll.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoIngestError } from '../errors.ts'
import type { IngestionAccess } from './ingestion-access.ts'
import { isFinal } from './ingestion-service.ts'
import type { BlobStatus } from './ingestion-service.ts'
import type { ReceiptBlob, WriteReceiptJson } from './receipt-json.ts'
import type { OnWriteEvent } from './write-events.ts'
import type { WriteFormat } from './write-settings.ts'

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
  readonly #ingestion: IngestionAccess

  constructor(json: WriteReceiptJson, ingestion: IngestionAccess) {
    this.#json = json
    this.#ingestion = ingestion
  }

  get table(): string {
    return this.#json.table
  }

  get created(): boolean {
    return this.#json.created
  }

  /** Whether nothing was written because an extent carries a tag of `ingestIfNotExists`. */
  get skipped(): boolean {
    return this.#json.skippedBy !== undefined
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
    checkNames(options, ['signal'])
    return this.#statusOf(this.blobs, options.signal)
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
    const ended = new Map<string, BlobStatus>()
    await poll(
      async () => {
        const open = this.blobs.filter(({ sourceId }) => !ended.has(sourceId))
        for (const status of await this.#statusOf(open, options.signal)) {
          if (isFinal(status.state)) ended.set(status.sourceId, status)
        }
        const pending = this.blobs.length - ended.size
        if (pending === 0) return true
        options.onEvent?.({
          kind: 'ingestion-waiting',
          succeeded: [...ended.values()].filter(({ state }) => state === 'Succeeded').length,
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
    const failed = [...ended.values()].filter(({ state }) => state !== 'Succeeded' && state !== 'Skipped')
    if (failed.length > 0) throw ingestionFailed(this.table, this.blobs.length, failed)
    return this
  }

  async #statusOf(blobs: readonly ReceiptBlob[], signal: AbortSignal | undefined): Promise<readonly BlobStatus[]> {
    if (blobs.length === 0) return []
    const { table, via } = this.#json
    return this.#ingestion.use((service) => service.status(table, blobs, signal), { via, signal })
  }
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

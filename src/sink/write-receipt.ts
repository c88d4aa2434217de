import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoIngestError } from '../errors.ts'
import { countsOf } from './blob-states.ts'
import type { IngestionAccess } from './ingestion-access.ts'
import type { BlobStatus, IngestionCall } from './ingestion-service.ts'
import type { IngestionOutcome, ReceiptBlob, WriteReceiptJson } from './receipt-json.ts'
import { waitForBlobs } from './wait-for-blobs.ts'
import type { EndedBlob } from './wait-for-blobs.ts'
import type { OnWriteEvent } from './write-events.ts'
import type { WriteFormat } from './write-settings.ts'
import { newTally, retryTeller } from './write-tally.ts'

export interface CompletedOptions {
  /** How long to wait for the last blob. Default 3,600,000 (one hour). */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly onEvent?: OnWriteEvent
}

const TIMEOUT_MS = 3_600_000

/** What became of a write, now and later. */
export class WriteReceipt {
  #json: WriteReceiptJson
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

  /** How the ingestion ended; undefined before `completed()` has seen it. */
  get outcome(): IngestionOutcome | undefined {
    return this.#json.outcome
  }

  toJSON(): WriteReceiptJson {
    return this.#json
  }

  /** The state of every blob as the service tells it now. */
  async status(options: { readonly signal?: AbortSignal } = {}): Promise<readonly BlobStatus[]> {
    checkNames(options, ['signal'])
    return this.#statusOf(this.blobs, { signal: options.signal })
  }

  /**
   * Waits until every blob is in the table, or was left out because of `ingestIfNotExists`, and gives the receipt again,
   * now with its `outcome`. One deadline holds for all blobs.
   * @throws {KustoIngestError} KUSTO_INGESTION_FAILED with one failure per blob that did not arrive
   * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT when the time is over; the blobs stay queued, ask again later
   */
  async completed(options: CompletedOptions = {}): Promise<this> {
    checkNames(options, ['timeoutMs', 'signal', 'onEvent'])
    const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, Number.MAX_SAFE_INTEGER)
    if (this.outcome !== undefined) return this
    const { onEvent = () => undefined } = options
    const tally = { ...newTally(), retries: { ...this.#json.retries } }
    const startedAt = performance.now()
    const ended = await waitForBlobs(this.blobs, {
      table: this.table,
      timeoutMs,
      signal: options.signal,
      onEvent,
      tellRetry: retryTeller(tally, onEvent)('status'),
      ask: (blobs, call) => this.#statusOf(blobs, call),
    })
    const wait = (this.#json.elapsedMs['wait'] ?? 0) + performance.now() - startedAt
    this.#json = { ...this.#json, retries: tally.retries, elapsedMs: { ...this.#json.elapsedMs, wait } }
    onEvent({
      kind: 'ingestion-completed',
      ...countsOf(ended.map(({ status }) => status)),
      elapsedMs: performance.now() - startedAt,
    })
    const failed = ended.filter(({ status }) => status.state !== 'Succeeded' && status.state !== 'Skipped')
    if (failed.length > 0) throw ingestionFailed(this.#json, failed)
    this.#json = { ...this.#json, outcome: outcomeOf(ended) }
    return this
  }

  async #statusOf(blobs: readonly ReceiptBlob[], call: IngestionCall): Promise<readonly BlobStatus[]> {
    if (blobs.length === 0) return []
    const { table, via, transaction } = this.#json
    if (transaction !== undefined) {
      // They were loaded into a table that is gone; what they held is in the target.
      return blobs.map(({ sourceId }) => ({
        sourceId,
        state: 'Succeeded',
        errorCode: '',
        failureStatus: '',
        details: '',
      }))
    }
    return this.#ingestion.use((service) => service.status(table, blobs, call), { via, signal: call.signal })
  }
}

const rowsOf = (blobs: readonly EndedBlob[]): number => blobs.reduce((sum, { blob }) => sum + blob.rows, 0)

function outcomeOf(ended: readonly EndedBlob[]): IngestionOutcome {
  const of = (state: BlobStatus['state']): readonly EndedBlob[] => ended.filter(({ status }) => status.state === state)
  const [succeeded, skipped] = [of('Succeeded'), of('Skipped')]
  return {
    rows: rowsOf(succeeded),
    blobs: succeeded.length,
    skippedRows: rowsOf(skipped),
    skippedBlobs: skipped.length,
  }
}

function ingestionFailed(receipt: WriteReceiptJson, failed: readonly EndedBlob[]): KustoIngestError {
  const { table, blobs, rows } = receipt
  const lost = rowsOf(failed)
  const first = failed[0]?.status
  const reason = first === undefined ? '' : `; first: ${first.state} ${first.errorCode} ${first.details}`.trimEnd()
  return new KustoIngestError(
    'KUSTO_INGESTION_FAILED',
    `${failed.length} of ${blobs.length} blobs, ${lost} of ${rows} rows, did not reach table ${table}${reason}`,
    {
      context: { table },
      receipt,
      // The service has repeated what it calls transient; writing those rows again may help.
      retryable: failed.every(({ status }) => /^(Transient|Exhausted)$/i.test(status.failureStatus ?? '')),
      failures: failed.map(({ blob, status }) => ({
        sourceId: blob.sourceId,
        status: status.state,
        errorCode: status.errorCode,
        ...(status.failureStatus === undefined ? {} : { failureStatus: status.failureStatus }),
        details: status.details,
        url: blob.url,
        rows: blob.rows,
      })),
    },
  )
}

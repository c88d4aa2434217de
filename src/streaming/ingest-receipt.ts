import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoIngestError } from '../errors.ts'
import { countsOf } from '../sink/blob-states.ts'
import type { IngestionAccess } from '../sink/ingestion-access.ts'
import type { BlobStatus, IngestionCall } from '../sink/ingestion-service.ts'
import { waitForBlobs } from '../sink/wait-for-blobs.ts'
import type { CompletedOptions } from '../sink/write-receipt.ts'
import { newTally, retryTeller } from '../sink/write-tally.ts'
import type { DeliveryCounts, IngestReceiptJson, ReceiptPiece } from './ingest-receipt-json.ts'

const TIMEOUT_MS = 3_600_000

/** What became of a write by streaming ingestion, piece by piece, and of what went to the queue instead. */
export class IngestReceipt {
  readonly #json: IngestReceiptJson
  readonly #ingestion: IngestionAccess

  constructor(json: IngestReceiptJson, ingestion: IngestionAccess) {
    this.#json = json
    this.#ingestion = ingestion
  }

  get table(): string {
    return this.#json.table
  }

  /** Whether this write created the table. */
  get created(): boolean {
    return this.#json.created
  }

  get format(): string {
    return this.#json.format
  }

  /** In the order of their rows. */
  get pieces(): readonly ReceiptPiece[] {
    return this.#json.pieces
  }

  get counts(): DeliveryCounts {
    return this.#json.counts
  }

  /** Rows handed to the service; undefined for a file, whose rows are not counted. */
  get rows(): number | undefined {
    const rows = this.pieces.map((piece) => piece.rows)
    return rows.includes(undefined) ? undefined : rows.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  }

  /** Before compression. */
  get rawBytes(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.rawBytes, 0)
  }

  /** As sent. */
  get encodedBytes(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.encodedBytes, 0)
  }

  toJSON(): IngestReceiptJson {
    return this.#json
  }

  /** The state of every piece as the service tells it now; streamed ones have succeeded. */
  async status(options: { readonly signal?: AbortSignal } = {}): Promise<readonly BlobStatus[]> {
    checkNames(options, ['signal'])
    const queued = new Map(
      (await this.#ask(this.#queued(), { signal: options.signal })).map((one) => [one.sourceId, one]),
    )
    return this.pieces.flatMap((piece) => {
      if (piece.path === 'queued') return queued.get(piece.sourceId) ?? []
      const state = piece.path === 'streamed' ? 'Succeeded' : 'Failed'
      return { sourceId: piece.sourceId, state, errorCode: piece.reason ?? '', failureStatus: '', details: '' } as const
    })
  }

  /**
   * Waits until every queued piece is in the table, and gives the receipt again; at once when all were streamed.
   * @throws {KustoIngestError} KUSTO_INGESTION_FAILED with one failure per piece that did not arrive
   * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT when the time is over; the pieces stay queued, ask again later
   */
  async completed(options: CompletedOptions = {}): Promise<this> {
    checkNames(options, ['timeoutMs', 'signal', 'onEvent'])
    const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, Number.MAX_SAFE_INTEGER)
    const { onEvent = () => undefined } = options
    const startedAt = performance.now()
    const { table } = this
    const ended = await waitForBlobs(this.#queued(), {
      table,
      timeoutMs,
      signal: options.signal,
      onEvent,
      tellRetry: retryTeller(newTally(), onEvent)('status'),
      ask: (pieces, call) => this.#ask(pieces, call),
    })
    const statuses = ended.map(({ status }) => status)
    if (ended.length > 0) {
      onEvent({ kind: 'ingestion-completed', ...countsOf(statuses), elapsedMs: performance.now() - startedAt })
    }
    this.#checkArrived(statuses)
    return this
  }

  #queued(): readonly ReceiptPiece[] {
    return this.pieces.filter(({ path }) => path === 'queued')
  }

  #checkArrived(ended: readonly BlobStatus[]): void {
    const lost = ended.filter(({ state }) => state !== 'Succeeded' && state !== 'Skipped')
    const never = this.pieces.filter(({ path }) => path === 'failed' || path === 'unknown')
    const failures = [
      ...lost.map(({ sourceId, state, errorCode, details }) => ({ sourceId, status: state, errorCode, details })),
      ...never.map(({ sourceId, path, reason }) => ({ sourceId, status: path, errorCode: reason ?? '', details: '' })),
    ]
    const [first] = failures
    if (first === undefined) return
    const reason = `${first.status} ${first.errorCode} ${first.details}`.trimEnd()
    throw new KustoIngestError(
      'KUSTO_INGESTION_FAILED',
      `${failures.length} of ${this.pieces.length} pieces did not reach table ${this.table}; first: ${reason}`,
      { context: { table: this.table }, failures },
    )
  }

  async #ask(pieces: readonly ReceiptPiece[], call: IngestionCall): Promise<readonly BlobStatus[]> {
    const { table, via } = this.#json
    if (pieces.length === 0) return []
    return this.#ingestion.use((service) => service.status(table, pieces, call), { via, signal: call.signal })
  }
}

import { checkNames, wholeNumber } from '../base/check-options.ts'
import { poll } from '../base/poll.ts'
import { KustoIngestError } from '../errors.ts'
import { BlobStates } from '../sink/blob-states.ts'
import type { IngestionAccess } from '../sink/ingestion-access.ts'
import type { BlobStatus } from '../sink/ingestion-service.ts'
import type { CompletedOptions } from '../sink/write-receipt.ts'
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
    const queued = new Map((await this.#ask(this.#queued(), options.signal)).map((one) => [one.sourceId, one]))
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
    const startedAt = performance.now()
    const queued = this.#queued()
    const states = new BlobStates(queued)
    await poll(
      async () => {
        states.take(await this.#ask(states.open, options.signal))
        if (states.pending === 0) return true
        options.onEvent?.(states.waiting(performance.now() - startedAt))
        return undefined
      },
      {
        what: `the ingestion of ${queued.length} queued pieces into ${this.table}`,
        timeoutMs,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    )
    this.#checkArrived(states.ended)
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

  async #ask(pieces: readonly ReceiptPiece[], signal: AbortSignal | undefined): Promise<readonly BlobStatus[]> {
    const { table, via } = this.#json
    if (pieces.length === 0) return []
    return this.#ingestion.use((service) => service.status(table, pieces, { signal }), { via, signal })
  }
}

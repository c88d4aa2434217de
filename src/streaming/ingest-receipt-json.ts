import { KustoUsageError } from '../errors.ts'
import type { QueueReason } from './streaming-events.ts'

/** Which way a piece took. After `unknown` its rows may be in the table or not; `failed` rows are not. */
export type PiecePath = 'streamed' | 'queued' | 'failed' | 'unknown'

/** One piece of a write, or a file. */
export interface ReceiptPiece {
  readonly path: PiecePath
  readonly sourceId: string
  /** The first row in the write; absent for a file, whose rows are not counted. */
  readonly rowOffset?: number
  readonly rows?: number
  /** Before compression. */
  readonly rawBytes: number
  /** As sent. */
  readonly encodedBytes: number
  /** Streaming requests for it. */
  readonly attempts: number
  /** Attempts that were sent and not answered: each may have brought the rows once more. */
  readonly ambiguous: number
  /** Why it was not streamed. */
  readonly reason?: QueueReason
  /** Of the blob, without query string, when queued. */
  readonly url?: string
  readonly operationId?: string
  /** The status table that knows of it, without query string. */
  readonly statusTable?: string
}

/** How often something happened in the course of a write. */
export interface DeliveryCounts {
  readonly streamed: number
  readonly queued: number
  readonly retries: number
  readonly throttled: number
  readonly splits: number
  /** Requests that were sent and not answered. */
  readonly ambiguous: number
}

/** A receipt as plain data: no credential, nothing that cannot be stored. */
export interface IngestReceiptJson {
  readonly kind: 'kusto-arrow/ingest-receipt'
  readonly version: 1
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly format: string
  /** Whether this write created the table. */
  readonly created: boolean
  /** The way into the queue; absent when nothing was queued. */
  readonly via?: 'rest' | 'queue'
  readonly pieces: readonly ReceiptPiece[]
  readonly counts: DeliveryCounts
}

/**
 * Reads a stored receipt; the shape is checked, for it may come from anywhere.
 * @throws {KustoUsageError} KUSTO_BAD_RECEIPT when it is none of this version, or one of another database
 */
export function parseIngestReceipt(json: unknown, database: string): IngestReceiptJson {
  const value = typeof json === 'string' ? parsed(json) : json
  if (!isReceipt(value)) throw badReceipt('version 1, found something else')
  if (value.database !== database) throw badReceipt(`database ${database}, found one of database ${value.database}`)
  return value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badReceipt('version 1, found text that is not JSON')
  }
}

const PATHS: readonly unknown[] = ['streamed', 'queued', 'failed', 'unknown'] satisfies PiecePath[]

function isReceipt(value: unknown): value is IngestReceiptJson {
  if (!isRecord(value)) return false
  const { kind, version, database, table, format, via, pieces, counts } = value
  return (
    kind === 'kusto-arrow/ingest-receipt' &&
    version === 1 &&
    [database, table, format].every((text) => typeof text === 'string') &&
    (via === undefined || via === 'rest' || via === 'queue') &&
    isRecord(counts) &&
    Array.isArray(pieces) &&
    pieces.every((piece) => isPiece(piece, via))
  )
}

/** Everything that is read of a piece again; over REST a queued one is found by its operation. */
function isPiece(piece: unknown, via: unknown): boolean {
  if (!isRecord(piece)) return false
  const { path, sourceId, rawBytes, encodedBytes, operationId } = piece
  return (
    PATHS.includes(path) &&
    typeof sourceId === 'string' &&
    typeof rawBytes === 'number' &&
    typeof encodedBytes === 'number' &&
    (path !== 'queued' || (via === 'rest' ? typeof operationId === 'string' : via === 'queue'))
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function badReceipt(expected: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_RECEIPT', `expected an ingest receipt of ${expected}`)
}

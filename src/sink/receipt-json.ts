import { KustoUsageError } from '../errors.ts'
import type { WriteMode } from './transaction-settings.ts'
import type { WriteFormat } from './write-settings.ts'
import { newTally } from './write-tally.ts'
import type { WriteTally } from './write-tally.ts'

/** One blob of a write. */
export interface ReceiptBlob {
  readonly sourceId: string
  /** Without query string. */
  readonly url: string
  readonly rows: number
  readonly rawBytes: number
  readonly encodedBytes: number
  /** SHA-256 of the encoded bytes, in hex; receipts of version 1 had none. */
  readonly sha256?: string
  readonly operationId?: string
  /** The status table with the blob's row, without query string. */
  readonly statusTable?: string
}

/** How the ingestion of a write has ended. */
export interface IngestionOutcome {
  /** Of blobs that are in the table. */
  readonly rows: number
  readonly blobs: number
  /** Of blobs that the service left out because of `ingestIfNotExists`: their rows are there already, under that tag. */
  readonly skippedRows: number
  readonly skippedBlobs: number
}

/** How a write in mode `transactional` or `replace` has ended. */
export interface TransactionOutcome {
  /**
   * `moved`: the rows came to those of the table. `replaced`: they came in the place of others. `cleared`: others went, and
   * there were no rows to come. `nothing`: there were no rows. `skipped`: a tag of `ingestIfNotExists` is there.
   */
  readonly kind: 'moved' | 'replaced' | 'cleared' | 'nothing' | 'skipped'
  /** Absent where none was needed. */
  readonly stagingTable?: string
  /** Whether that table is still there: because it is the caller's, or because it could not be dropped. */
  readonly stagingLeft: boolean
  /** Of the commands that moved the rows; more than one when one failed. */
  readonly operationIds: readonly string[]
  readonly movedExtents: number
  readonly droppedExtents: number
}

/** A receipt as plain data: no credential, nothing that cannot be stored. */
export interface WriteReceiptJson {
  readonly kind: 'kusto-arrow/write-receipt'
  readonly version: 2
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly mode: WriteMode
  readonly via: 'rest' | 'queue'
  readonly format: WriteFormat
  /** Whether this write created the table. */
  readonly created: boolean
  /** The value of `ingestIfNotExists` for which nothing was written, because an extent carries it. */
  readonly skippedBy?: string
  /** In modes `transactional` and `replace`: the write has ended, there is nothing to wait for. */
  readonly transaction?: TransactionOutcome
  readonly rows: number
  readonly rawBytes: number
  readonly encodedBytes: number
  readonly blobs: readonly ReceiptBlob[]
  /** Management commands that the write sent to the engine. */
  readonly commands: number
  /** Requests that were repeated, by what they were for. */
  readonly retries: Readonly<WriteTally['retries']>
  /** Milliseconds by phase: `schema`, `encode`, `upload`, `queue`, and `wait` from `completed()`. Encoding and uploading overlap. */
  readonly elapsedMs: Readonly<Record<string, number>>
  /** Known from `completed()` on. */
  readonly outcome?: IngestionOutcome
}

/**
 * Reads a stored receipt; the shape is checked, for it may come from anywhere.
 * Version 1 is read as well: it lacks counts and checksums.
 * @throws {KustoUsageError} KUSTO_BAD_RECEIPT when it is none, of a later version, or of another database
 */
export function parseReceipt(json: unknown, database: string): WriteReceiptJson {
  const value = typeof json === 'string' ? parsed(json) : json
  const receipt = hasVersion(value, 1) ? migrated(value) : value
  if (!isReceipt(receipt)) throw badReceipt(`version 1 or 2, found ${versionIn(value)}`)
  if (receipt.database !== database) throw badReceipt(`database ${database}, found one of database ${receipt.database}`)
  return receipt
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badReceipt('version 1 or 2, found text that is not JSON')
  }
}

function hasVersion(value: unknown, version: number): value is object {
  return has(value, { version: 'number' }) && value['version'] === version
}

function migrated(value: object): object {
  const { retries } = newTally()
  return { commands: 0, retries, ...value, version: 2 }
}

function versionIn(value: unknown): string {
  return has(value, { kind: 'string', version: 'number' }) ? `version ${String(value['version'])}` : 'something else'
}

/** Everything that is read of a receipt again; the rest only goes back to the caller. */
function isReceipt(value: unknown): value is WriteReceiptJson {
  return (
    has(value, {
      kind: 'string',
      version: 'number',
      database: 'string',
      table: 'string',
      via: 'string',
      rows: 'number',
      retries: 'object',
      elapsedMs: 'object',
    }) &&
    value['kind'] === 'kusto-arrow/write-receipt' &&
    value['version'] === 2 &&
    (value['via'] === 'rest' || value['via'] === 'queue') &&
    Array.isArray(value['blobs']) &&
    value['blobs'].every((blob) =>
      has(blob, { sourceId: 'string', rows: 'number', ...(value['via'] === 'rest' ? { operationId: 'string' } : {}) }),
    )
  )
}

function has(value: unknown, types: Readonly<Record<string, string>>): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const properties = new Map<string, unknown>(Object.entries(value))
  return Object.entries(types).every(([key, type]) => typeof properties.get(key) === type)
}

function badReceipt(expected: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_RECEIPT', `expected a write receipt of ${expected}`)
}

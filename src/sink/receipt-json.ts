import { KustoUsageError } from '../errors.ts'
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
  /** The value of `ingestIfNotExists` for which nothing was written, because an extent carries it. */
  readonly skippedBy?: string
  readonly rows: number
  readonly rawBytes: number
  readonly encodedBytes: number
  readonly blobs: readonly ReceiptBlob[]
  /** Milliseconds by phase: `schema`, `encode`, `upload`, `queue`. Encoding and uploading overlap. */
  readonly elapsedMs: Readonly<Record<string, number>>
}

/**
 * Reads a stored receipt; the shape is checked, for it may come from anywhere.
 * @throws {KustoUsageError} KUSTO_BAD_RECEIPT when it is none of this version, or one of another database
 */
export function parseReceipt(json: unknown, database: string): WriteReceiptJson {
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

/** Everything that is read of a receipt again; the rest only goes back to the caller. */
function isReceipt(value: unknown): value is WriteReceiptJson {
  return (
    has(value, { kind: 'string', version: 'number', database: 'string', table: 'string', via: 'string' }) &&
    value['kind'] === 'kusto-arrow/write-receipt' &&
    value['version'] === 1 &&
    (value['via'] === 'rest' || value['via'] === 'queue') &&
    Array.isArray(value['blobs']) &&
    value['blobs'].every((blob) =>
      has(blob, { sourceId: 'string', ...(value['via'] === 'rest' ? { operationId: 'string' } : {}) }),
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

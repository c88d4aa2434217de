import { IngestReceipt } from '../index.ts'
import type { WriteReceipt } from '../index.ts'
import { formatBytes, formatDuration, formatNumberOf, formatRows } from './quantities.ts'

export interface ReceiptTextOptions {
  readonly isEnded: boolean
  readonly files: readonly string[]
}

/** A receipt in a few lines for people. */
export function receiptText(receipt: WriteReceipt | IngestReceipt, { isEnded, files }: ReceiptTextOptions): string {
  const { table, created, rows, encodedBytes, format } = receipt
  const count = rows === undefined ? 'all rows' : formatRows(rows)
  const from =
    files.length === 0
      ? ''
      : ` from ${files.length === 1 ? nameOf(files[0] ?? '') : formatNumberOf(files.length, 'file')}`
  const where = `table ${table}${created ? ', which was created' : ''}`
  const state = isEnded ? 'are in' : 'are queued for'
  const lines = [
    `${count}${from} ${rows === 1 ? state.replace('are', 'is') : state} ${where}`,
    receipt instanceof IngestReceipt ? streamed(receipt) : queued(receipt),
    `sent ${formatBytes(encodedBytes)} of ${format}`,
  ]
  return `${lines.filter((line) => line !== '').join('\n')}\n`
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file
}

function queued(receipt: WriteReceipt): string {
  const { via, elapsedMs, transaction, skippedBy } = receipt.toJSON()
  if (skippedBy !== undefined) return `nothing was written: an extent carries ingest-by:${skippedBy}`
  const total = Object.values(elapsedMs).reduce((sum, ms) => sum + ms, 0)
  const skipped = receipt.outcome?.skippedRows ?? 0
  const parts = [
    `${formatNumberOf(receipt.blobs.length, 'blob')} by ${via === 'rest' ? 'REST ingestion' : 'the storage queue'}`,
    transaction === undefined ? undefined : `${transaction.kind} in one step`,
    skipped > 0 ? `${formatRows(skipped)} left out, which were there already` : undefined,
    formatDuration(total),
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

function streamed({ counts, pieces }: IngestReceipt): string {
  const parts = [
    counts.streamed > 0 ? `${formatNumberOf(counts.streamed, 'piece')} streamed` : undefined,
    counts.queued > 0 ? `${formatNumberOf(counts.queued, 'piece')} queued` : undefined,
    counts.retries > 0 ? `${counts.retries} repeated` : undefined,
    counts.ambiguous > 0
      ? `${formatNumberOf(counts.ambiguous, 'request')} without an answer: rows may be there twice`
      : undefined,
  ].filter((part) => part !== undefined)
  return pieces.length === 0 ? '' : parts.join(', ')
}

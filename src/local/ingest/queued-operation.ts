import type { ResultTable } from '../engine/result-table.ts'
import { parseDatetime } from '../kql/types.ts'
import type { Cell, Column } from '../lang/syntax.ts'
import type { IngestionFailure } from './report-status.ts'

/** How far one blob of an operation is. */
export interface BlobState {
  readonly sourceId: string
  readonly url: string
  status: 'Queued' | 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled' | 'Skipped'
  started: Date | undefined
  updated: Date
  failure: IngestionFailure | undefined
}

/** One request for queued ingestion. */
export interface Operation {
  readonly id: string
  readonly database: string
  readonly table: string
  readonly started: Date
  readonly blobs: readonly BlobState[]
  readonly cancel: AbortController
}

/** Notes the new status and its time. */
export function setStatus(blob: BlobState, status: BlobState['status']): void {
  blob.status = status
  blob.updated = new Date()
}

/** Blobs with one of these statuses. */
export function count(blobs: readonly BlobState[], ...wanted: readonly BlobState['status'][]): number {
  return blobs.filter(({ status }) => wanted.includes(status)).length
}

function lastUpdated({ started, blobs }: Operation): Date {
  return new Date(Math.max(started.getTime(), ...blobs.map(({ updated }) => updated.getTime())))
}

/** The JSON that the REST endpoint answers about an operation. */
export function operationStatus(operation: Operation, options: { readonly details: boolean }): object {
  const { blobs } = operation
  return {
    startTime: operation.started.toISOString(),
    lastUpdated: lastUpdated(operation).toISOString(),
    status: {
      succeeded: count(blobs, 'Succeeded'),
      // The status has no state for a blob that a tag kept out: it is a failure with a code of its own.
      failed: count(blobs, 'Failed', 'Skipped'),
      inProgress: count(blobs, 'Queued', 'InProgress'),
      canceled: count(blobs, 'Canceled'),
    },
    ...(options.details ? { details: blobs.map(blobDetails) } : {}),
  }
}

function blobDetails(blob: BlobState): object {
  return {
    sourceId: blob.sourceId,
    url: blob.url,
    status: blob.status === 'Skipped' ? 'Failed' : blob.status,
    startTime: (blob.started ?? blob.updated).toISOString(),
    lastUpdated: blob.updated.toISOString(),
    errorCode: blob.failure?.errorCode ?? (blob.status === 'Skipped' ? 'Skipped_IngestByTagAlreadyExists' : ''),
    failureStatus: blob.failure?.failureStatus ?? (blob.status === 'Skipped' ? 'Permanent' : 'Unknown'),
    details: blob.failure?.details ?? (blob.status === 'Skipped' ? 'skipped by ingestIfNotExists' : ''),
  }
}

/** Rows of `.show queued ingestion operations "id", ...`. */
export function summaryTable(operations: readonly Operation[]): ResultTable {
  return { columns: SUMMARY_COLUMNS, rows: operations.map(summaryRow) }
}

/** Rows of `.show queued ingestion operations "id" details`. */
export function detailTable(operation: Operation | undefined): ResultTable {
  return { columns: DETAIL_COLUMNS, rows: operation?.blobs.map((blob) => detailRow(operation, blob)) ?? [] }
}

const SUMMARY_COLUMNS: readonly Column[] = [
  { name: 'IngestionOperationId', type: 'string' },
  { name: 'StartedOn', type: 'datetime' },
  { name: 'LastUpdatedOn', type: 'datetime' },
  { name: 'State', type: 'string' },
  { name: 'Discovered', type: 'long' },
  { name: 'Pending', type: 'long' },
  { name: 'Canceled', type: 'long' },
  { name: 'Ingested', type: 'long' },
  { name: 'Failed', type: 'long' },
  { name: 'SampleFailedReasons', type: 'dynamic' },
  { name: 'Database', type: 'string' },
  { name: 'Table', type: 'string' },
]

function summaryRow(operation: Operation): readonly Cell[] {
  const { blobs } = operation
  const number = (...wanted: readonly BlobState['status'][]): bigint => BigInt(count(blobs, ...wanted))
  const reasons = blobs.flatMap(({ failure }) => (failure === undefined ? [] : [failure.details])).slice(0, 5)
  return [
    operation.id,
    ticksOf(operation.started),
    ticksOf(lastUpdated(operation)),
    stateOf(blobs),
    BigInt(blobs.length),
    number('Queued', 'InProgress'),
    number('Canceled'),
    number('Succeeded', 'Skipped'),
    number('Failed'),
    JSON.stringify(reasons),
    operation.database,
    operation.table,
  ]
}

function stateOf(blobs: readonly BlobState[]): string {
  if (count(blobs, 'Queued', 'InProgress') > 0) return 'InProgress'
  if (count(blobs, 'Canceled') > 0) return 'Canceled'
  const failed = count(blobs, 'Failed')
  if (failed === 0) return 'Completed'
  return failed === blobs.length ? 'Failed' : 'CompletedWithErrors'
}

const DETAIL_COLUMNS: readonly Column[] = [
  { name: 'IngestionOperationId', type: 'string' },
  { name: 'BlobUrl', type: 'string' },
  { name: 'IngestionStatus', type: 'string' },
  { name: 'StartedAt', type: 'datetime' },
  { name: 'CompletedAt', type: 'datetime' },
  { name: 'FailedReason', type: 'string' },
]

function detailRow({ id }: Operation, blob: BlobState): readonly Cell[] {
  const isDone = blob.status !== 'Queued' && blob.status !== 'InProgress'
  return [
    id,
    blob.url,
    blob.status,
    blob.started === undefined ? null : ticksOf(blob.started),
    isDone ? ticksOf(blob.updated) : null,
    blob.failure?.details ?? '',
  ]
}

function ticksOf(date: Date): bigint | null {
  return parseDatetime(date.toISOString())
}

import type { RetryNotice } from '../base/retry.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { sasEndsAt } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'

/** A blob in storage. */
export interface StagedBlob {
  /** A guid; the blob's name and its ingestion status go by it. */
  readonly sourceId: string
  readonly location: StorageLocation
  readonly rows: number
  /** Bytes before compression: of the CSV text, or of the Arrow data of a Parquet blob. */
  readonly rawBytes: number
  readonly encodedBytes: number
  /** Of the encoded bytes, in hex. */
  readonly sha256: string
}

/** A blob that is ready to be queued. */
export interface ReadableBlob extends StagedBlob {
  /** What the service is told to read the blob by; holds the secret. */
  readonly connectionString: string
}

/** How a queued blob is found again. */
export interface Tracking {
  readonly sourceId: string
  /** The operation that took the blob; absent where the service tracks by source id. */
  readonly operationId?: string
  /** The status table that has the blob's row, without query string. */
  readonly statusTable?: string
}

/** `Queued` and `InProgress` are not final; the others are. */
export type BlobState = 'Queued' | 'InProgress' | 'Succeeded' | 'Skipped' | 'Failed' | 'PartiallySucceeded' | 'Canceled'

export interface BlobStatus {
  readonly sourceId: string
  readonly state: BlobState
  readonly errorCode: string
  /** `Permanent`, `Transient`, `Exhausted` or `Unknown`, where the service says. */
  readonly failureStatus?: string
  readonly details: string
}

export interface IngestionCall {
  readonly signal?: AbortSignal | undefined
  /** Told of every repeated request, before the wait. */
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined
}

/** One of the two ways into the service's queue. */
export interface IngestionService {
  readonly via: 'rest' | 'queue'
  /** Containers to stage blobs in. */
  readonly containers: readonly StorageLocation[]
  /** Blobs of one submission at most. */
  readonly maxBlobs: number
  /** How long all of this can be used, counted from when it was fetched. */
  readonly lifeMs: number
  /** When the service wants to be asked again, counted in the same way. */
  readonly refreshMs: number
  submit(
    table: string,
    blobs: readonly ReadableBlob[],
    properties: IngestionProperties,
    call: IngestionCall,
  ): Promise<readonly Tracking[]>
  /** The state of every tracked blob. */
  status(table: string, tracking: readonly Tracking[], call: IngestionCall): Promise<readonly BlobStatus[]>
}

export const isFinal = (state: BlobState): boolean => state !== 'Queued' && state !== 'InProgress'

/**
 * The state under which a blob's end is told here. The service reports a blob that `ingestIfNotExists` kept out as failed,
 * with a code of this family.
 */
export function stateOf(state: BlobState, errorCode: string): BlobState {
  return /^Skipped_/i.test(errorCode) && isFinal(state) ? 'Skipped' : state
}

/** Requests for states that are under way at once. */
export const MAX_STATUS_REQUESTS = 8

/** How long the first of several signatures lasts; for good where none says. */
export function shortestLifeMs(signed: readonly StorageLocation[]): number {
  return Math.min(...signed.map(({ access }) => (sasEndsAt(access) ?? Infinity) - Date.now()))
}

import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import type { StorageLocation } from '../storage/storage-location.ts'

/** A blob in storage, ready to be queued. */
export interface StagedBlob {
  /** A guid; the blob's name and its ingestion status go by it. */
  readonly sourceId: string
  readonly location: StorageLocation
  readonly rows: number
  /** Bytes before compression: of the CSV text, or of the Arrow data of a Parquet blob. */
  readonly rawBytes: number
  readonly encodedBytes: number
}

/** How a queued blob is found again. */
export interface Tracking {
  readonly sourceId: string
  /** The operation that took the blob; absent where the service tracks by source id. */
  readonly operationId?: string
}

/** `Queued` and `InProgress` are not final; the others are. */
export type BlobState = 'Queued' | 'InProgress' | 'Succeeded' | 'Skipped' | 'Failed' | 'PartiallySucceeded' | 'Canceled'

export interface BlobStatus {
  readonly sourceId: string
  readonly state: BlobState
  readonly errorCode: string
  readonly details: string
}

/** One of the two ways into the service's queue. */
export interface IngestionService {
  readonly via: 'rest' | 'queue'
  /** Containers to stage blobs in. */
  readonly containers: readonly StorageLocation[]
  /** Blobs of one submission at most. */
  readonly maxBlobs: number
  submit(
    table: string,
    blobs: readonly StagedBlob[],
    properties: IngestionProperties,
    signal: AbortSignal | undefined,
  ): Promise<readonly Tracking[]>
  /** The state of every tracked blob. */
  status(table: string, tracking: readonly Tracking[], signal: AbortSignal | undefined): Promise<readonly BlobStatus[]>
}

export const isFinal = (state: BlobState): boolean => state !== 'Queued' && state !== 'InProgress'

/** Requests for states that are under way at once. */
export const MAX_STATUS_REQUESTS = 8

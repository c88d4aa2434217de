import type { Schema } from 'apache-arrow'
import type { ScalarName } from '../arrow/scalar-types.ts'
import type { RetryNotice } from '../base/retry.ts'
import type { SealedBatch } from './batch-buffer.ts'

/** How far a batch has come. */
export type BatchStage = 'staged' | 'queued' | 'ingested'

/** What became of a batch. */
export interface BatchOutcome {
  /** Rows that were there already, because an earlier attempt had brought them. */
  readonly duplicateRows: number
  /** Bytes before compression, as they were sent. */
  readonly rawBytes: number
  /** Rows that went through the queue because they could not be streamed. Default 0. */
  readonly fallbackRows?: number
  /** Requests without an answer, whose rows may be there once more. Default 0. */
  readonly ambiguous?: number
  /** Requests that were throttled and repeated inside of the attempt. Default 0. */
  readonly throttles?: number
  /** Plain JSON that tells where the rows are. */
  readonly receipt: unknown
}

/** Where a source goes on after what an earlier writer has seen to. */
export interface ResumePoint {
  /** Where the source stood after the last write that is seen to as a whole; absent when none is. */
  readonly position?: unknown
  /** Rows of the next write that are seen to already. */
  readonly partialRows: number
}

export interface SendOptions {
  /** Where the source stands after the batch. */
  readonly point: ResumePoint
  /** 1-based. */
  readonly attempt: number
  readonly signal: AbortSignal
  /** Told when the batch has come that far; the promise tells the last stage. */
  readonly onStage: (stage: BatchStage) => void
  /** Told of a repetition inside of the attempt, before the wait for it. */
  readonly onRetry: (notice: RetryNotice) => void
  /** Told when a batch that counts as done already was given to the dead letter. */
  readonly onReject: (error: unknown) => void
}

/** Where a writer's batches go. */
export interface BatchSink<Setup = unknown> {
  /** Whether it repeats what fails by itself, and a failure is final. */
  readonly repeatsItself?: boolean
  /** Comes before anything else. The point that the source goes on from, where something was written before. */
  open?(signal: AbortSignal | undefined): Promise<ResumePoint | undefined>
  /** Gets what fails behind batches that count as done, as it happens. */
  watch?(onFailure: (error: unknown) => void): void
  /** What is kept of a position from now on. @throws {KustoUsageError} KUSTO_BAD_OPTION for one that cannot be kept */
  keepPosition?(position: unknown): unknown
  /** Whether a failure is of this batch alone, so that a dead letter may take it; any other ends the writer. Default: always. */
  refuses?(error: unknown): boolean
  /** A batch that failed for good was taken by a dead letter. */
  giveUp?(batch: SealedBatch<Setup>, error: unknown): Promise<void>
  /** Waits for what goes on behind batches that count as done. Comes when the writer ends in order, before `close`. */
  drain?(): Promise<void>
  /** Comes after everything else, once. */
  close?(): Promise<void>
  /**
   * Makes the table ready for batches of a schema. Runs before their first row is taken, so that data which do not fit are
   * refused where they are written, and nothing else is lost.
   */
  prepare(
    source: { readonly schema: Schema; readonly isInferred: boolean },
    signal: AbortSignal | undefined,
  ): Promise<Setup>
  /** Types of the table's columns with these names, for rows of plain objects; undefined where there is none. */
  columnTypes(names: readonly string[], signal: AbortSignal | undefined): Promise<readonly (ScalarName | undefined)[]>
  /** Begins in the order of the batches; several may be under way at once. Retryable errors make another attempt. */
  send(batch: SealedBatch<Setup>, options: SendOptions): Promise<BatchOutcome>
}

import type { RecordBatch } from 'apache-arrow'
import { badOption, oneOf, wholeNumber } from '../base/check-options.ts'
import type { WriteOptions } from '../sink/write-settings.ts'
import { exactlyOnceSettings } from './exactly-once-settings.ts'
import type { ExactlyOnceOptions, ExactlyOnceSettings } from './exactly-once-settings.ts'
import { refuseWriteOptions } from './refuse-write-options.ts'
import type { StreamingWriteOptions } from './streaming-write-settings.ts'
import type { OnWriterEvent } from './writer-events.ts'

/** The encoded rows of a batch that an earlier writer staged. */
export interface RejectedStagedBatch {
  readonly bytes: Uint8Array
  /** `csv.gz` or `parquet`. */
  readonly extension: string
}

/** A batch that the service refused for good. */
export interface RejectedBatch {
  readonly sequence: number
  readonly batches: readonly RecordBatch[]
  readonly rows: number
  readonly error: unknown
  /** Of a batch that was found in the log, which has no `batches` any more. */
  readonly staged?: RejectedStagedBatch
}

/** When the batches of a writer end, how much of them is held, and how they are written. */
export interface BatchingOptions extends Omit<
  WriteOptions,
  | 'mode'
  | 'replaceTag'
  | 'stagingTable'
  | 'stagingTimeoutMs'
  | 'timeoutMs'
  | 'explain'
  | 'maxBlobBytes'
  | 'uploads'
  | 'deduplicateBlobs'
  | 'flushFullBlobs'
  | 'onEvent'
  | 'signal'
> {
  /** Rows that end a batch. Default 1,000,000. */
  readonly maxBatchRows?: number
  /** Bytes of Arrow data that end a batch, which becomes one blob. Default 64 MiB. */
  readonly maxBatchBytes?: number
  /** Milliseconds after which a batch ends, counted from its oldest row. Default 30,000; 60,000 with `exactly-once`, 1,000 when streamed. */
  readonly maxBatchAgeMs?: number
  /** Batches encoded, uploaded and waited for at once. Default 4. */
  readonly maxInFlightBatches?: number
  /** Arrow bytes buffered and under way, at which `write` waits. Default 256 MiB. */
  readonly maxBufferedBytes?: number
  /** The positions given to `write`, in order, each when its rows and all before them count as written. */
  readonly onAck?: (position: unknown) => void
  /** Takes a batch that failed for good, and the writer goes on when it returns. Default: the failure ends the writer. */
  readonly deadLetter?: (rejected: RejectedBatch) => void | Promise<void>
  readonly signal?: AbortSignal
  readonly onEvent?: OnWriterEvent
}

/** Options of a writer that keeps no log. */
export interface AtLeastOnceWriterOptions extends BatchingOptions {
  /** Default `queued`; for `streaming` see {@link StreamingWriterOptions}. */
  readonly mode?: 'queued'
  /**
   * `at-least-once` (default): a failed batch ends the writer, and a repeated attempt may bring rows twice. `none`: a batch
   * that fails for good is given up, counted and told as an event.
   */
  readonly delivery?: 'none' | 'at-least-once'
  /** When rows count as written: the service has taken them into its `queued` (default), or they are `ingested`. */
  readonly acknowledge?: 'queued' | 'ingested'
  /** How long a batch may take from the queue into the table with `acknowledge: 'ingested'`. Default 3,600,000. */
  readonly completionTimeoutMs?: number
  /** Attempts at a batch that fails for a reason that may pass begin no later than this. Default 600,000. */
  readonly retryTimeoutMs?: number
  /**
   * Gives every batch an `ingest-by:` tag of its own, so that a repeated attempt whose first one did arrive is skipped by the
   * service. Such blobs are ingested alone: use it with large batches. Default false.
   */
  readonly tagBatches?: boolean
}

/** Options of a writer that writes every row once, whatever happens to it: see docs/continuous-writing.md. */
export interface ExactlyOnceWriterOptions extends BatchingOptions, ExactlyOnceOptions {
  /** The only one: streaming cannot be exactly once. */
  readonly mode?: 'queued'
  readonly delivery: 'exactly-once'
}

/** Options of a writer whose batches are streamed: rows can be queried within seconds, and may come twice. */
export interface StreamingWriterOptions
  extends
    Pick<
      BatchingOptions,
      | 'maxBatchRows'
      | 'maxBatchBytes'
      | 'maxBatchAgeMs'
      | 'maxInFlightBatches'
      | 'maxBufferedBytes'
      | 'onAck'
      | 'deadLetter'
      | 'signal'
    >,
    Pick<AtLeastOnceWriterOptions, 'delivery' | 'acknowledge' | 'completionTimeoutMs'>,
    Omit<StreamingWriteOptions, 'signal' | 'onEvent' | 'maxBufferedBytes'> {
  readonly onEvent?: OnWriterEvent
}

/** Options of a writer: when batches end, how they are written, and how sure that is. */
export type WriterOptions = AtLeastOnceWriterOptions | ExactlyOnceWriterOptions | StreamingWriterOptions

/** {@link WriterOptions} with every choice made, apart from those of each write. */
export interface WriterSettings {
  readonly delivery: 'none' | 'at-least-once' | 'exactly-once'
  readonly maxBatchRows: number
  readonly maxBatchBytes: number
  readonly maxBatchAgeMs: number
  readonly maxInFlightBatches: number
  readonly maxBufferedBytes: number
  readonly acknowledge: 'queued' | 'ingested'
  readonly completionTimeoutMs: number
  readonly retryTimeoutMs: number
  readonly tagBatches: boolean
  readonly onAck: (position: unknown) => void
  readonly deadLetter: ((rejected: RejectedBatch) => void | Promise<void>) | undefined
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnWriterEvent
}

/** A writer's options, sorted by whom they are for. */
export interface SortedWriterOptions {
  readonly writer: WriterSettings
  /** Left to `writeSettings`, which refuses what nobody knows. */
  readonly write: WriteOptions
  readonly exactlyOnce: ExactlyOnceSettings | undefined
  /** Of a writer whose batches are streamed; then `write` is empty. */
  readonly streaming: StreamingWriteOptions | undefined
}

const DAY_MS = 86_400_000
const MIB = 1024 * 1024
const GIB = 1024 * MIB

/**
 * Fills in defaults and checks every option of the writer itself; the others are left to `writeSettings`.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function writerSettings(options: WriterOptions): SortedWriterOptions {
  refuseWriteOptions(options, options.delivery)
  const { maxBatchRows, maxBatchBytes, maxBatchAgeMs, maxInFlightBatches, maxBufferedBytes, ...others } = options
  const { onAck, deadLetter, signal, onEvent, ...delivering } = others
  const { how, write, exactlyOnce, streaming } = deliverySettings(delivering)
  const batchBytes = wholeNumber('maxBatchBytes', maxBatchBytes ?? 64 * MIB, GIB)
  const bufferedBytes = wholeNumber('maxBufferedBytes', maxBufferedBytes ?? 256 * MIB, 64 * GIB)
  if (maxBatchBytes !== undefined && bufferedBytes < batchBytes) {
    throw badOption(`expected maxBufferedBytes to be at least maxBatchBytes, ${batchBytes}, found ${bufferedBytes}`)
  }
  const defaultAgeMs = exactlyOnce !== undefined ? 60_000 : streaming !== undefined ? 1_000 : 30_000
  return {
    write,
    exactlyOnce,
    streaming: streaming && { ...streaming, ...(onEvent === undefined ? {} : { onEvent }) },
    writer: {
      ...how,
      maxBatchRows: wholeNumber('maxBatchRows', maxBatchRows ?? 1_000_000, 1_000_000_000),
      maxBatchBytes: Math.min(batchBytes, bufferedBytes),
      maxBatchAgeMs: wholeNumber('maxBatchAgeMs', maxBatchAgeMs ?? defaultAgeMs, DAY_MS),
      maxInFlightBatches: wholeNumber('maxInFlightBatches', maxInFlightBatches ?? 4, 64),
      maxBufferedBytes: bufferedBytes,
      onAck: onAck ?? (() => undefined),
      deadLetter,
      signal,
      onEvent: onEvent ?? (() => undefined),
    },
  }
}

type How = Pick<WriterSettings, 'delivery' | 'acknowledge' | 'completionTimeoutMs' | 'retryTimeoutMs' | 'tagBatches'>

function deliverySettings(
  options:
    | Omit<AtLeastOnceWriterOptions, keyof BatchingOptions>
    | Omit<ExactlyOnceWriterOptions, keyof BatchingOptions>
    | Omit<StreamingWriterOptions, 'onEvent'>,
): Pick<SortedWriterOptions, 'write' | 'exactlyOnce' | 'streaming'> & { readonly how: How } {
  if (options.delivery === 'exactly-once') {
    const { delivery, log, stream, commit, acknowledge, takeOver, reset, ...more } = options
    const { inDoubtMs, tagLifetimeMs, completionTimeoutMs, ...write } = more
    const given = { log, stream, commit, acknowledge, takeOver, reset, inDoubtMs, tagLifetimeMs, completionTimeoutMs }
    const exactlyOnce = exactlyOnceSettings(
      Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      ) as unknown as ExactlyOnceOptions,
    )
    const { completionTimeoutMs: timeoutMs } = exactlyOnce
    const how = {
      delivery,
      acknowledge: 'ingested',
      completionTimeoutMs: timeoutMs,
      retryTimeoutMs: 1,
      tagBatches: false,
    } as const
    return { how, write, exactlyOnce, streaming: undefined }
  }
  if (options.mode === 'streaming') {
    const { delivery, acknowledge, completionTimeoutMs, ...streaming } = options
    // Batches repeat themselves, and streamed rows carry no tags.
    const how = howOf({ delivery, acknowledge, completionTimeoutMs })
    return { how, write: {}, exactlyOnce: undefined, streaming }
  }
  const { delivery, acknowledge, completionTimeoutMs, retryTimeoutMs, tagBatches, ...write } = options
  const how = howOf({ delivery, acknowledge, completionTimeoutMs, retryTimeoutMs, tagBatches })
  return { how, write, exactlyOnce: undefined, streaming: undefined }
}

type Given<T> = { readonly [Name in keyof T]: T[Name] | undefined }

function howOf({
  delivery,
  acknowledge,
  completionTimeoutMs,
  retryTimeoutMs,
  tagBatches,
}: Given<Pick<AtLeastOnceWriterOptions, keyof How>>): How {
  if (tagBatches !== undefined && typeof tagBatches !== 'boolean') {
    throw badOption(`expected tagBatches to be true or false, found ${typeof tagBatches}`)
  }
  return {
    delivery: oneOf('delivery', delivery ?? 'at-least-once', ['none', 'at-least-once']),
    acknowledge: oneOf('acknowledge', acknowledge ?? 'queued', ['queued', 'ingested']),
    completionTimeoutMs: wholeNumber('completionTimeoutMs', completionTimeoutMs ?? 3_600_000, 30 * DAY_MS),
    retryTimeoutMs: wholeNumber('retryTimeoutMs', retryTimeoutMs ?? 600_000, DAY_MS),
    tagBatches: tagBatches ?? false,
  }
}

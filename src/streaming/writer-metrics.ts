import type { SealReason } from './batch-buffer.ts'

/** What a writer has done so far, and holds now. Counters only grow. */
export interface WriterMetrics {
  /** Rows and Arrow bytes that `write` has taken. */
  readonly acceptedRows: number
  readonly acceptedBytes: number
  readonly batches: Readonly<Record<SealReason, number>>
  /** Rows that are as far as the writer's `acknowledge` asks, and their bytes before compression. */
  readonly acknowledgedRows: number
  readonly acknowledgedBytes: number
  readonly stagedRows: number
  readonly queuedRows: number
  readonly ingestedRows: number
  readonly rejectedRows: number
  /** Rows that an earlier attempt had brought already. */
  readonly duplicateRows: number
  /** Attempts that failed and were repeated, by the error's code. */
  readonly retries: Readonly<Record<string, number>>
  /** Those of the retries that were made because the service was busy (429). */
  readonly throttles: number
  /** Rows that went through the queue because they could not be streamed. */
  readonly fallbackRows: number
  /** Requests without an answer, whose rows may be in the table or not. */
  readonly ambiguous: number
  readonly inFlightBatches: number
  /** Arrow bytes buffered and under way. */
  readonly inFlightBytes: number
  readonly bufferedRows: number
  /** Milliseconds since the oldest buffered row was written; 0 when there is none. */
  readonly oldestAgeMs: number
  /** Milliseconds from the end of a batch to its acknowledgement: how many, their sum, and the longest. */
  readonly latency: { readonly count: number; readonly sumMs: number; readonly maxMs: number }
}

type Counters = { -readonly [Name in CounterName]: number }
type CounterName =
  | 'acceptedRows'
  | 'acceptedBytes'
  | 'acknowledgedRows'
  | 'acknowledgedBytes'
  | 'stagedRows'
  | 'queuedRows'
  | 'ingestedRows'
  | 'rejectedRows'
  | 'duplicateRows'
  | 'throttles'
  | 'fallbackRows'
  | 'ambiguous'

/** Where counts are kept while a writer runs. */
export class MetricsRecorder {
  readonly counters: Counters = {
    acceptedRows: 0,
    acceptedBytes: 0,
    acknowledgedRows: 0,
    acknowledgedBytes: 0,
    stagedRows: 0,
    queuedRows: 0,
    ingestedRows: 0,
    rejectedRows: 0,
    duplicateRows: 0,
    throttles: 0,
    fallbackRows: 0,
    ambiguous: 0,
  }
  readonly #batches: Record<SealReason, number> = {
    rows: 0,
    bytes: 0,
    memory: 0,
    age: 0,
    flush: 0,
    schema: 0,
    end: 0,
  }
  readonly #retries = new Map<string, number>()
  readonly #latency = { count: 0, sumMs: 0, maxMs: 0 }

  get acknowledgedBatches(): number {
    return this.#latency.count
  }

  sealed(reason: SealReason): void {
    this.#batches[reason]++
  }

  retried(code: string): void {
    this.#retries.set(code, (this.#retries.get(code) ?? 0) + 1)
  }

  acknowledged(elapsedMs: number): void {
    this.#latency.count++
    this.#latency.sumMs += elapsedMs
    this.#latency.maxMs = Math.max(this.#latency.maxMs, elapsedMs)
  }

  snapshot(
    now: Pick<WriterMetrics, 'inFlightBatches' | 'inFlightBytes' | 'bufferedRows' | 'oldestAgeMs'>,
  ): WriterMetrics {
    return {
      ...this.counters,
      ...now,
      batches: { ...this.#batches },
      retries: Object.fromEntries(this.#retries),
      latency: { ...this.#latency },
    }
  }
}

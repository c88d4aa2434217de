import type { RecordBatch } from 'apache-arrow'
import { rowMeter } from '../arrow/row-meter.ts'
import type { RowMeter } from '../arrow/row-meter.ts'

/** Why a batch ended: the limit that was met first, `memory` for that of all buffered rows, or who asked for it. */
export type SealReason = 'rows' | 'bytes' | 'memory' | 'age' | 'flush' | 'schema' | 'end'

export const SEAL_REASONS: readonly SealReason[] = ['rows', 'bytes', 'memory', 'age', 'flush', 'schema', 'end']

/** Rows that go out together, all of one schema. They never change again. */
export interface SealedBatch<Setup> {
  /** 0-based, without gaps, in the order of the rows. */
  readonly sequence: number
  readonly setup: Setup
  readonly batches: readonly RecordBatch[]
  readonly rows: number
  /** Bytes of Arrow data. */
  readonly bytes: number
  readonly reason: SealReason
  /** The number of the last write with a position whose rows are all in this batch or an earlier one; -1 when there is none. */
  readonly lastWrite: number
  /** Rows after that write which are in this batch or an earlier one. */
  readonly partialRows: number
}

export interface BufferLimits {
  readonly maxBatchRows: number
  readonly maxBatchBytes: number
}

/** Rows of one write, or the part of them that fits into memory together. */
export interface BufferedRows<Setup> {
  readonly batch: RecordBatch
  readonly setup: Setup
  /** Number of the write, ascending. */
  readonly write: number
  /** Whether these are the last rows of a write with a position. */
  readonly isLast: boolean
}

/**
 * Gathers rows until a limit is met. Batches are cut between rows only, at exactly `maxBatchRows`, and before the row that
 * would exceed `maxBatchBytes`; a row larger than that goes alone. No clock and no I/O: the owner seals by age.
 */
export class BatchBuffer<Setup> {
  readonly #limits: BufferLimits
  #batches: RecordBatch[] = []
  #rows = 0
  #bytes = 0
  #setup: Setup | undefined
  #sequence: number
  #lastWrite = -1
  #partialRows = 0

  /** @param firstSequence of the first batch to be sealed */
  constructor(limits: BufferLimits, firstSequence = 0) {
    this.#limits = limits
    this.#sequence = firstSequence
  }

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The number that the next sealed batch gets. */
  get nextSequence(): number {
    return this.#sequence
  }

  /** Takes rows, and gives the batches that are complete by them. */
  add({ batch, setup, write, isLast }: BufferedRows<Setup>): readonly SealedBatch<Setup>[] {
    const sealed: SealedBatch<Setup>[] = []
    const seal = (reason: SealReason): void => {
      const one = this.seal(reason)
      if (one !== undefined) sealed.push(one)
    }
    if (this.#setup !== setup) seal('schema')
    this.#setup = setup
    const meter = rowMeter(batch)
    for (let start = 0; start < batch.numRows;) {
      const end = this.#lastFitting(meter, start, batch.numRows)
      if (end === start) {
        seal('bytes')
        continue
      }
      this.#batches.push(start === 0 && end === batch.numRows ? batch : batch.slice(start, end))
      this.#rows += end - start
      this.#bytes += meter.bytes(start, end)
      this.#partialRows += end - start
      start = end
      // Before it is sealed: a batch that the last row of a write completes covers the write.
      if (start === batch.numRows && isLast) this.complete(write)
      if (this.#rows >= this.#limits.maxBatchRows) seal('rows')
      else if (this.#bytes >= this.#limits.maxBatchBytes) seal('bytes')
    }
    if (isLast) this.complete(write)
    return sealed
  }

  /** Ends the open batch; undefined when it has no rows. */
  seal(reason: SealReason): SealedBatch<Setup> | undefined {
    const setup = this.#setup
    if (this.#rows === 0 || setup === undefined) return undefined
    const sealed = {
      sequence: this.#sequence++,
      setup,
      batches: this.#batches,
      rows: this.#rows,
      bytes: this.#bytes,
      reason,
      lastWrite: this.#lastWrite,
      partialRows: this.#partialRows,
    }
    this.#batches = []
    this.#rows = 0
    this.#bytes = 0
    return sealed
  }

  /** A write with a position of which no row is left to take is complete. */
  complete(write: number): void {
    this.#lastWrite = write
    this.#partialRows = 0
  }

  /** The end of the longest run of rows from `start` that fits; at least one row into an empty batch. */
  #lastFitting(meter: RowMeter, start: number, length: number): number {
    const most = Math.min(length, start + this.#limits.maxBatchRows - this.#rows)
    const leftBytes = this.#limits.maxBatchBytes - this.#bytes
    let fits = start
    let tooLong = most + 1
    while (tooLong - fits > 1) {
      const middle = (fits + tooLong) >> 1
      if (meter.bytes(start, middle) <= leftBytes) fits = middle
      else tooLong = middle
    }
    return fits === start && this.#rows === 0 ? start + 1 : fits
  }
}

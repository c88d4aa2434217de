import type { RecordBatch } from 'apache-arrow'
import { KustoUsageError } from '../errors.ts'
import type { SealedBatch } from './batch-buffer.ts'
import type { ResumePoint } from './batch-sink.ts'

/** Rows of a write, and what the sink has settled for their schema. */
export interface RowsToTake {
  readonly batch: RecordBatch
  readonly setup: unknown
}

/** A write that is about to be taken; nothing is remembered of it before `take`. */
export interface BegunWrite {
  /** Ascending. */
  readonly write: number
  readonly hasPosition: boolean
  /** Without the rows that an earlier writer has seen to. */
  readonly pieces: readonly RowsToTake[]
  /** Remembers the write, once, when its first rows are taken. */
  take(): void
}

interface PendingAck {
  /** Batches that must be done. */
  readonly batches: number
  readonly position: unknown
}

/** Knows where the source stands: which positions are covered by which batch, and which rows it only repeats. */
export class SourceProgress {
  readonly #table: string
  readonly #onAck: (position: unknown) => void
  readonly #acks: PendingAck[] = []
  /** Of writes that no sealed batch covers yet, the last covered one first. */
  readonly #positions: { readonly write: number; readonly position: unknown }[] = []
  #resume: ResumePoint = { partialRows: 0 }
  #writes = 0
  #isStopped = false
  /** Rows that the source repeats and an earlier writer has seen to. */
  #skipRows = 0

  constructor(table: string, onAck: (position: unknown) => void) {
    this.#table = table
    this.#onAck = onAck
  }

  /** The source goes on from here. */
  resumeFrom(point: ResumePoint): void {
    this.#resume = point
    this.#skipRows = point.partialRows
  }

  /** @throws {KustoUsageError} KUSTO_REPLAY_MISMATCH when the source repeats fewer rows than it had given before this position */
  begin(pieces: readonly RowsToTake[], position: unknown): BegunWrite {
    const write = this.#writes
    const rows = pieces.reduce((sum, { batch }) => sum + batch.numRows, 0)
    const skipped = Math.min(this.#skipRows, rows)
    if (position !== undefined && rows < this.#skipRows) throw this.#mismatch(rows)
    const skipRowsAfter = this.#skipRows - skipped
    let isTaken = false
    return {
      write,
      hasPosition: position !== undefined,
      pieces: withoutFirst(pieces, skipped),
      take: () => {
        if (isTaken) return
        isTaken = true
        this.#writes++
        this.#skipRows = skipRowsAfter
        if (position !== undefined) this.#positions.push({ write, position })
      },
    }
  }

  /** The position counts as written when so many batches are done. */
  await(position: unknown, batches: number): void {
    this.#acks.push({ batches, position })
  }

  /** Tells the positions whose batches are done, in order. */
  advance(doneBefore: number): void {
    const open = this.#acks.findIndex(({ batches }) => batches > doneBefore)
    // At once: there may be as many as rows in a batch, and each that is taken alone moves all others.
    for (const { position } of this.#acks.splice(0, open < 0 ? this.#acks.length : open)) {
      if (this.#isStopped) return
      this.#onAck(position)
    }
  }

  /** No position is told any more. */
  stop(): void {
    this.#isStopped = true
    this.#acks.length = 0
  }

  /** Where the source stands after a batch: the last position it covers, and the rows after that. */
  pointAfter({ lastWrite, partialRows }: Pick<SealedBatch<unknown>, 'lastWrite' | 'partialRows'>): ResumePoint {
    const behind = this.#positions.findLastIndex(({ write }) => write <= lastWrite)
    const last = this.#positions[behind]
    // The last one stays: the next batch may end before the next position.
    if (behind > 0) this.#positions.splice(0, behind)
    if (last === undefined) return { ...this.#resume, partialRows: this.#resume.partialRows + partialRows }
    return { position: last.position, partialRows }
  }

  #mismatch(rows: number): KustoUsageError {
    return new KustoUsageError(
      'KUSTO_REPLAY_MISMATCH',
      `expected at least the ${this.#skipRows} rows of this write that were written before, found ${rows}: after a restart the source must give the same rows again`,
      { context: { table: this.#table } },
    )
  }
}

function withoutFirst(pieces: readonly RowsToTake[], rows: number): readonly RowsToTake[] {
  if (rows === 0) return pieces
  let left = rows
  return pieces.flatMap((piece) => {
    const skipped = Math.min(left, piece.batch.numRows)
    left -= skipped
    if (skipped === 0) return [piece]
    return skipped === piece.batch.numRows ? [] : [{ ...piece, batch: piece.batch.slice(skipped) }]
  })
}

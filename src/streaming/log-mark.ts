import type { ResumePoint } from './batch-sink.ts'
import { removeRecordsOf } from './clear-log.ts'
import { numberedName } from './log-store.ts'
import type { LogStore } from './log-store.ts'
import { pointOf } from './read-log.ts'
import type { Scan } from './read-log.ts'
import { formatRecord, LOG_VERSION } from './wal-records.ts'
import type { EntryRecord, MarkRecord } from './wal-records.ts'

/** How far all batches of a log are settled, without gaps, and what is kept of those that are not or only just are. */
export class LogMark {
  readonly #store: LogStore
  #mark: number
  /** Settled batches after the mark, with the point each stands for. */
  readonly #settled = new Map<number, ResumePoint>()
  readonly #attempts = new Map<number, number>()

  constructor(store: LogStore, found: Pick<Scan, 'mark' | 'settled' | 'unsettled'>) {
    this.#store = store
    this.#mark = found.mark
    for (const { entry } of found.settled) this.#settled.set(entry.sequence, pointOf(entry))
    for (const { entry, attempts } of [...found.settled, ...found.unsettled]) {
      this.#attempts.set(entry.sequence, attempts.length)
    }
  }

  /** Batches that are settled. */
  get settled(): number {
    return this.#mark + 1 + this.#settled.size
  }

  attemptsAt(sequence: number): number {
    return this.#attempts.get(sequence) ?? 0
  }

  attempted(sequence: number, attempt: number): void {
    this.#attempts.set(sequence, attempt)
  }

  /** Removes what was kept for a batch whose outcome is noted. */
  async forget(entry: EntryRecord, signal: AbortSignal | undefined): Promise<void> {
    this.#settled.set(entry.sequence, pointOf(entry))
    await this.#store.remove(entry.staged, signal)
    await this.#advance(signal)
  }

  /** Marks how far all batches are settled, and removes the records before. The last mark tells where the source stood. */
  async #advance(signal: AbortSignal | undefined): Promise<void> {
    const before = this.#mark
    let point: ResumePoint | undefined
    for (;;) {
      const next = this.#settled.get(this.#mark + 1)
      if (next === undefined) break
      point = next
      this.#settled.delete(++this.#mark)
    }
    if (point === undefined) return
    const sequence = this.#mark
    const createdAt = new Date().toISOString()
    const record: MarkRecord = { kind: 'mark', version: LOG_VERSION, sequence, ...point, createdAt }
    // Two that settle at a time may pass each other here; the mark that is further counts.
    await this.#store.create(numberedName('marks', sequence), [formatRecord(record)], signal)
    for (let settled = before + 1; settled <= sequence; settled++) {
      const attempts = this.attemptsAt(settled)
      this.#attempts.delete(settled)
      await removeRecordsOf(this.#store, { sequence: settled, attempts }, signal)
    }
    if (before >= 0) await this.#store.remove(numberedName('marks', before), signal)
  }
}

import type { RecordBatch } from 'apache-arrow'
import { rowMeter } from '../arrow/row-meter.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import type { ReleaseBytes } from '../base/byte-budget.ts'
import { BatchBuffer } from './batch-buffer.ts'
import type { BufferedRows, SealedBatch, SealReason } from './batch-buffer.ts'
import type { MetricsRecorder } from './writer-metrics.ts'
import type { WriterSettings } from './writer-settings.ts'

export interface OpenBatchOptions {
  /** Its `onEvent` does not throw: a batch may end by a timer, where nobody is who could catch it. */
  readonly settings: WriterSettings
  readonly metrics: MetricsRecorder
  /** Sends a batch that has ended, and calls `release` when its rows need no memory any more. */
  readonly launch: (batch: SealedBatch<unknown>, release: () => void) => void
}

/** Batches that end by age before the writer says that they are small, and what small is. */
const SMALL_BATCHES = 5
const SMALL_BYTES = 1024 * 1024

/** The batch that a writer fills: when it ends, and the memory that its rows and those under way hold. */
export class OpenBatch {
  readonly #settings: WriterSettings
  readonly #metrics: MetricsRecorder
  readonly #launch: OpenBatchOptions['launch']
  readonly #buffer: BatchBuffer<unknown>
  readonly #budget: ByteBudget
  readonly #aged = { batches: 0, bytes: 0, isTold: false }
  #releases: ReleaseBytes[] = []
  #ageTimer: NodeJS.Timeout | undefined
  #oldestAtMs = 0
  #awaiting = 0

  constructor({ settings, metrics, launch }: OpenBatchOptions) {
    this.#settings = settings
    this.#metrics = metrics
    this.#launch = launch
    this.#buffer = new BatchBuffer(settings)
    this.#budget = new ByteBudget(settings.maxBufferedBytes)
  }

  get rows(): number {
    return this.#buffer.rows
  }

  /** Of its oldest row; 0 when it has none. */
  get ageMs(): number {
    return this.rows === 0 ? 0 : performance.now() - this.#oldestAtMs
  }

  /** Bytes of its rows and of those under way. */
  get heldBytes(): number {
    return this.#budget.usedBytes
  }

  /** The number of the batch that is open, or of the one that the next row opens. */
  get nextSequence(): number {
    return this.#buffer.nextSequence
  }

  /** Waits until the rows fit into memory. */
  async room(batch: RecordBatch, signal: AbortSignal): Promise<ReleaseBytes> {
    const bytes = rowMeter(batch).bytes(0, batch.numRows)
    // What is buffered would otherwise hold the memory that it waits for.
    if (this.#budget.usedBytes + bytes > this.#budget.limitBytes) this.seal('memory')
    const release = await this.#budget.acquire(bytes, signal)
    this.#metrics.counters.acceptedRows += batch.numRows
    this.#metrics.counters.acceptedBytes += bytes
    return release
  }

  /** Takes rows for which there is room. */
  add(rows: BufferedRows<unknown>, release: ReleaseBytes): void {
    const sealed = this.#buffer.add(rows)
    const isOpen = this.rows > 0
    const before = this.#releases
    // These rows lie in the last of the sealed batches, unless the open one has the rest of them.
    if (sealed.length === 0 && isOpen) before.push(release)
    else if (sealed.length === 0) release()
    else this.#releases = isOpen ? [release] : []
    for (const [index, each] of sealed.entries()) {
      const releases = index === 0 ? before : []
      if (index === sealed.length - 1 && !isOpen) releases.push(release)
      this.#end(each, releases)
    }
    // The end of a batch may have been the end of the writer, which discards the open one.
    if (this.rows > 0 && this.#ageTimer === undefined) this.#startAge()
  }

  /** A write without rows is complete with the rows before it. */
  complete(write: number): void {
    this.#buffer.complete(write)
  }

  /** Ends the batch; nothing to do when it is empty. */
  seal(reason: SealReason): void {
    const sealed = this.#buffer.seal(reason)
    if (sealed !== undefined) this.#end(sealed, this.#releases.splice(0))
  }

  /** Gives its rows up. */
  discard(): void {
    clearTimeout(this.#ageTimer)
    this.#ageTimer = undefined
    this.#buffer.seal('end')
    for (const release of this.#releases.splice(0)) release()
  }

  /** Until the result is disposed of, the age that will end the batch keeps the process alive. */
  awaited(): Disposable {
    this.#awaiting++
    this.#ageTimer?.ref()
    return {
      [Symbol.dispose]: () => {
        this.#awaiting--
        if (this.#awaiting === 0) this.#ageTimer?.unref()
      },
    }
  }

  #startAge(): void {
    this.#oldestAtMs = performance.now()
    this.#ageTimer = setTimeout(() => this.seal('age'), this.#settings.maxBatchAgeMs)
    if (this.#awaiting === 0) this.#ageTimer.unref()
  }

  #end(batch: SealedBatch<unknown>, releases: readonly ReleaseBytes[]): void {
    clearTimeout(this.#ageTimer)
    this.#ageTimer = undefined
    const { sequence, rows, bytes, reason } = batch
    this.#metrics.sealed(reason)
    // Launched before it is told: a batch that was taken out of the buffer is nowhere else.
    this.#launch(batch, () => {
      for (const release of releases) release()
    })
    this.#settings.onEvent({ kind: 'batch-sealed', sequence, rows, bytes, reason })
    if (reason === 'age') this.#watchSize(bytes)
  }

  #watchSize(bytes: number): void {
    const aged = this.#aged
    aged.batches++
    aged.bytes += bytes
    const averageBytes = aged.bytes / aged.batches
    if (aged.isTold || aged.batches < SMALL_BATCHES || averageBytes >= SMALL_BYTES) return
    aged.isTold = true
    this.#settings.onEvent({ kind: 'small-batches', averageBytes })
  }
}

import type { RecordBatch } from 'apache-arrow'
import { batchFrom } from '../arrow/batch-transfer.ts'
import { withDictionaries } from '../arrow/dictionary-columns.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { WorkerPool } from '../base/worker-pool.ts'
import { type Handed, WorkerThread } from '../base/worker-thread.ts'
import type { DecodedRowGroup, DecodeSettings, FileFooter, ModuleOutcome } from './thread-messages.ts'
import type { PartitionInfo, RowGroupSize, SuppliedBlob } from './thread-messages.ts'

/** Batches of one row group. */
export interface RowGroupBatches {
  readonly batches: readonly RecordBatch[]
  readonly rows: number
  /** Per column: times with a digit below the wanted unit, which was cut. */
  readonly lostTicks: readonly number[]
}

/** A Parquet file that threads read. */
export interface DecodedFile {
  /** Rows by the footer. */
  readonly rows: number
  readonly rowGroups: readonly RowGroupSize[]
  /** Decodes one row group. */
  read(rowGroup: number, signal?: AbortSignal): Promise<RowGroupBatches>
  close(): void
}

/** A caller's module and what it runs on. */
export interface ModuleRun extends DecodeSettings {
  /** URL of an ES module. */
  readonly module: string
  readonly partition: PartitionInfo
  readonly data: unknown
  readonly nextBlob: () => Promise<SuppliedBlob | undefined>
}

const SCRIPT: URL = new URL('./decode-worker.js', import.meta.url)

/**
 * Threads that turn Parquet bytes into record batches, each with a WASM instance of its own. They start at once, because
 * the first decoding of a thread is slow. A thread that died is replaced when it is its turn again. Work is given out by
 * row group to the thread with the least of it, whichever file it belongs to: threads share the bytes of a file, so none
 * waits while another has two files, and a reader that pauses holds memory but no thread.
 */
export class DecodePool {
  readonly #pool: WorkerPool
  /** The files that were opened in each thread and not closed. */
  readonly #files = new WeakMap<WorkerThread, Set<number>>()
  #lastFile = 0

  constructor(workers: number, script: URL = SCRIPT) {
    const what = 'decoding'
    this.#pool = new WorkerPool({ size: workers, start: () => new WorkerThread(script, what), what })
    this.#pool.warmUp()
  }

  /** Resolves when `close` was called. */
  get closed(): Promise<void> {
    return this.#pool.closed
  }

  /** Reads the footer. The bytes must not change until the file is closed. */
  async open(
    parquet: Uint8Array<SharedArrayBuffer>,
    settings: DecodeSettings,
    signal?: AbortSignal,
  ): Promise<DecodedFile> {
    const file = ++this.#lastFile
    // Dictionaries are made on this side, where all batches of a result share them; threads send plain text.
    const types = { ...settings.types, dictionary: [] }
    const message = { kind: 'open', file, parquet, ...settings, types }
    const sent = arrowSchema(settings.columns, types)
    const wanted = arrowSchema(settings.columns, settings.types)
    const openIn = async (thread: WorkerThread): Promise<FileFooter> => {
      this.#filesOf(thread).add(file)
      return (await thread.request(message, { signal })) as FileFooter
    }
    const close = (): void => {
      for (const thread of this.#pool.threads) {
        if (this.#filesOf(thread).delete(file)) thread.post({ kind: 'close', file })
      }
    }
    try {
      const footer = await openIn(this.#leastBusy())
      return {
        ...footer,
        read: async (rowGroup, inner) => {
          const thread = this.#leastBusy(file)
          const opening = this.#filesOf(thread).has(file) ? undefined : openIn(thread)
          const [answer] = await Promise.all([
            thread.request({ kind: 'read', file, rowGroup }, { signal: inner }),
            opening,
          ])
          const { batches, rows, lostTicks } = answer as DecodedRowGroup
          return { batches: batches.map((batch) => withDictionaries(batchFrom(sent, batch), wanted)), rows, lostTicks }
        },
        close,
      }
    } catch (error) {
      close()
      throw error
    }
  }

  /** Runs a caller's module in a thread. After an abort the thread may still be busy: close the pool. */
  async run({ nextBlob, ...run }: ModuleRun, signal?: AbortSignal): Promise<ModuleOutcome> {
    const supply = async (): Promise<Handed | undefined> => {
      const value = await nextBlob()
      return value && { value, transfer: [] }
    }
    return (await this.#leastBusy().request({ kind: 'run', ...run }, { supply, signal })) as ModuleOutcome
  }

  /** Ends all threads; work that is under way fails. */
  async close(): Promise<void> {
    await this.#pool.close()
  }

  /** Among threads that are as busy, one that has the file open. */
  #leastBusy(file = 0): WorkerThread {
    return this.#pool.pick((thread) => 2 * thread.load + (this.#filesOf(thread).has(file) ? 0 : 1))
  }

  #filesOf(thread: WorkerThread): Set<number> {
    const known = this.#files.get(thread) ?? new Set<number>()
    this.#files.set(thread, known)
    return known
  }
}

import type { RecordBatch } from 'apache-arrow'
import { withDictionaries } from '../arrow/dictionary-columns.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { KustoError } from '../errors.ts'
import { batchFrom } from './batch-transfer.ts'
import { DecodeThread } from './decode-thread.ts'
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
  readonly #script: URL
  readonly #threads: DecodeThread[]
  /** Resolves when `close` was called. */
  readonly closed: Promise<void>
  #lastFile = 0
  #close: (() => void) | undefined

  constructor(workers: number, script: URL = SCRIPT) {
    this.#script = script
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
    this.#threads = Array.from({ length: workers }, () => new DecodeThread(script))
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
    const message = { kind: 'open', file, parquet, ...settings, types } as const
    const sent = arrowSchema(settings.columns, types)
    const wanted = arrowSchema(settings.columns, settings.types)
    const openIn = async (thread: DecodeThread): Promise<FileFooter> => {
      thread.files.add(file)
      return (await thread.request(message, { signal })) as FileFooter
    }
    const close = (): void => {
      for (const thread of this.#threads) if (thread.files.delete(file)) thread.post({ kind: 'close', file })
    }
    try {
      const footer = await openIn(this.#leastBusy())
      return {
        ...footer,
        read: async (rowGroup, inner) => {
          const thread = this.#leastBusy(file)
          const opening = thread.files.has(file) ? undefined : openIn(thread)
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
    const answer = await this.#leastBusy().request({ kind: 'run', ...run }, { nextBlob, signal })
    return answer as ModuleOutcome
  }

  /** Ends all threads; work that is under way fails. */
  async close(): Promise<void> {
    this.#close?.()
    this.#close = undefined
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  /** Among threads that are as busy, one that has the file open. */
  #leastBusy(file = 0): DecodeThread {
    if (this.#close === undefined) throw new KustoError('KUSTO_WORKER_FAILED', 'the decoding threads were closed')
    for (const [index, thread] of this.#threads.entries()) {
      if (!thread.alive) this.#threads[index] = new DecodeThread(this.#script)
    }
    const cost = (thread: DecodeThread): number => 2 * thread.load + (thread.files.has(file) ? 0 : 1)
    return this.#threads.reduce((best, thread) => (cost(thread) < cost(best) ? thread : best))
  }
}

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

/** A Parquet file that a thread holds open. */
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
 * the first decoding of a thread is slow. A thread that died is replaced when the next file is opened. Work is given out by
 * row group, so a reader that pauses holds memory but no thread.
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

  /** Reads the footer. `parquet` must own its whole buffer: it is gone afterwards. */
  async open(parquet: Uint8Array<ArrayBuffer>, settings: DecodeSettings, signal?: AbortSignal): Promise<DecodedFile> {
    const thread = this.#leastBusy()
    const file = ++this.#lastFile
    thread.openFiles++
    let open = true
    const close = (): void => {
      if (!open) return
      open = false
      thread.openFiles--
      thread.post({ kind: 'close', file })
    }
    try {
      // Dictionaries are made on this side, where all batches of a result share them; threads send plain text.
      const types = { ...settings.types, dictionary: [] }
      const message = { kind: 'open', file, parquet, ...settings, types } as const
      const sent = arrowSchema(settings.columns, types)
      const wanted = arrowSchema(settings.columns, settings.types)
      const footer = (await thread.request(message, { transfer: [parquet.buffer], signal })) as FileFooter
      return {
        ...footer,
        async read(rowGroup, inner) {
          const answer = await thread.request({ kind: 'read', file, rowGroup }, { signal: inner })
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

  #leastBusy(): DecodeThread {
    if (this.#close === undefined) throw new KustoError('KUSTO_WORKER_FAILED', 'the decoding threads were closed')
    for (const [index, thread] of this.#threads.entries()) {
      if (!thread.alive) this.#threads[index] = new DecodeThread(this.#script)
    }
    return this.#threads.reduce((best, thread) => (thread.load < best.load ? thread : best))
  }
}

import { type RecordBatch, tableFromIPC } from 'apache-arrow'
import { Tinypool } from 'tinypool'
import type { KustoColumn, TypeSettings } from '../arrow/scalar-types.ts'
import { KustoDataError, KustoProtocolError } from '../errors.ts'

/** What a worker is given. The Parquet bytes are transferred, not copied. */
export interface DecodeTask {
  readonly parquet: Uint8Array<ArrayBuffer>
  readonly columns: readonly KustoColumn[]
  readonly types: TypeSettings
  readonly batchRows: number
}

/** What a worker gives back: Arrow IPC stream bytes, transferred. */
export interface DecodedBlob {
  readonly kind: 'decoded'
  readonly ipc: Uint8Array
  /** Rows by the Parquet footer. */
  readonly footerRows: number
  /** Times with a digit below the wanted unit, which was cut. */
  readonly lostTicks: number
}

export type DecodeAnswer =
  | DecodedBlob
  | { readonly kind: 'protocol-error'; readonly code: string; readonly message: string }
  | {
      readonly kind: 'data-error'
      readonly code: string
      readonly message: string
      readonly column: string | undefined
      readonly row: number | undefined
      readonly type: string | undefined
    }

/** What a blob holds. */
export interface BlobBatches {
  readonly batches: readonly RecordBatch[]
  readonly footerRows: number
  readonly lostTicks: number
}

/** Threads that turn Parquet bytes into record batches, each with a WASM instance of its own. */
export class DecodePool {
  readonly #threads: Tinypool

  constructor(workers: number) {
    this.#threads = new Tinypool({
      filename: new URL('./decode-worker.js', import.meta.url).href,
      runtime: 'worker_threads',
      minThreads: workers,
      maxThreads: workers,
    })
  }

  /** Decodes one blob. `task.parquet` must own its whole buffer: it is gone afterwards. */
  async decode(task: DecodeTask, signal: AbortSignal | undefined): Promise<BlobBatches> {
    const answer = (await this.#threads.run(task, {
      transferList: [task.parquet.buffer],
      ...(signal === undefined ? {} : { signal }),
    })) as DecodeAnswer
    switch (answer.kind) {
      case 'decoded':
        return { ...answer, batches: tableFromIPC(answer.ipc).batches }
      case 'protocol-error':
        throw new KustoProtocolError(answer.code, answer.message)
      case 'data-error': {
        const { column, row, type } = answer
        throw new KustoDataError(answer.code, answer.message, {
          ...(column === undefined ? {} : { column }),
          ...(row === undefined ? {} : { row }),
          ...(type === undefined ? {} : { type }),
        })
      }
    }
  }

  async close(): Promise<void> {
    await this.#threads.destroy()
  }
}

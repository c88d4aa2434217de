import { type RecordBatch, type Schema, Table, tableToIPC } from 'apache-arrow'
import pLimit from 'p-limit'
import { type BatchBuffers, copiedBuffers, memoryOf, type SentDictionaries } from '../arrow/batch-transfer.ts'
import { rowMeter, rowSlices } from '../arrow/row-meter.ts'
import { sliceBytesOf } from '../arrow/slice-bytes.ts'
import { untilAborted } from '../base/abort.ts'
import { WorkerPool } from '../base/worker-pool.ts'
import { type Handed, WorkerThread } from '../base/worker-thread.ts'
import type { BlobEncoding, BlobMeasures } from './encode-blob.ts'

/** To an encoding thread. It asks for its batches, `SuppliedBatches`, a few at a time. */
export interface EncodeRequest {
  readonly kind: 'encode'
  readonly id?: number
  /** A schema message of Arrow IPC. */
  readonly schema: Uint8Array
  readonly encoding: BlobEncoding
}

export type SuppliedBatches = readonly BatchBuffers[]

/** A blob that was encoded in a thread. */
export interface WholeBlob {
  readonly chunks: readonly Uint8Array[]
  readonly measures: BlobMeasures
}

/** The part of a pool that writing uses. */
export type Encoder = Pick<EncodePool, 'encode'>

const SCRIPT: URL = new URL('./encode-worker.js', import.meta.url)
/** Encoding makes few objects: a larger young generation would only hold buffers back that are no longer used. */
const MEMORY = { maxYoungGenerationSizeMb: 4 }

/**
 * Threads that turn batches into blobs, a blob a thread. A thread is started when there is a blob for it, and one that
 * died is replaced; its blob fails with the cause. Rows are copied on their way, as the thread asks for them: the buffers
 * stay the caller's, and what is between two threads is a few megabytes.
 */
export class EncodePool {
  readonly #pool: WorkerPool
  readonly #limit: ReturnType<typeof pLimit>

  constructor(workers: number, script: URL = SCRIPT) {
    const what = 'encoding'
    this.#pool = new WorkerPool({ size: workers, start: () => new WorkerThread(script, what, MEMORY), what })
    this.#limit = pLimit(workers)
  }

  /** Threads that run now. */
  get threads(): number {
    return this.#pool.threads.length
  }

  /** Waits for a free thread. An abort ends the wait at once, and the thread's work at its next slice. */
  async encode(
    rows: { readonly schema: Schema; readonly batches: readonly RecordBatch[] },
    encoding: BlobEncoding,
    signal?: AbortSignal,
  ): Promise<WholeBlob> {
    const schema = tableToIPC(new Table(rows.schema), 'stream')
    const supplies = suppliesOf(rows.batches, sliceBytesOf(rows.schema.fields.length))
    const request: Omit<EncodeRequest, 'id'> = { kind: 'encode', schema, encoding }
    const supply = (): Promise<Handed | undefined> => Promise.resolve(supplies.next().value ?? undefined)
    const work = this.#limit(async () => {
      signal?.throwIfAborted()
      return (await this.#pool.pick().request(request, { supply, signal })) as WholeBlob
    })
    return untilAborted(work, signal)
  }

  /** Ends all threads; blobs that are being encoded fail. */
  async close(): Promise<void> {
    await this.#pool.close()
  }
}

/** Rows that are copied and handed over at a time, about so many bytes of them. */
function* suppliesOf(batches: readonly RecordBatch[], supplyBytes: number): Generator<Handed, void> {
  const sent: SentDictionaries = new Map()
  let held: RecordBatch[] = []
  let heldBytes = 0
  const handed = (): Handed => {
    const value: SuppliedBatches = copiedBuffers(held, sent)
    held = []
    heldBytes = 0
    return { value, transfer: memoryOf(value) }
  }
  for (const whole of batches) {
    for (const batch of rowSlices(whole, supplyBytes)) {
      held.push(batch)
      heldBytes += rowMeter(batch).bytes(0, batch.numRows)
      if (heldBytes >= supplyBytes) yield handed()
    }
  }
  if (held.length > 0) yield handed()
}

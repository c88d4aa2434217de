import { Field, Int32, makeData, RecordBatch, Schema, Struct } from 'apache-arrow'
import type { SealedBatch } from '../../src/streaming/batch-buffer.ts'
import type { BatchOutcome, BatchSink, SendOptions } from '../../src/streaming/batch-sink.ts'

const FIELDS = [new Field('n', new Int32())]

/** Numbers from `first` on, in a column `n`. */
export function numbers(first: number, count: number, schema: Schema = new Schema(FIELDS)): RecordBatch {
  const data = Int32Array.from({ length: count }, (_, index) => first + index)
  const column = makeData({ type: new Int32(), data, length: count })
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: count, children: [column] }))
}

interface Held {
  readonly batch: SealedBatch<unknown>
  readonly options: SendOptions
  readonly resolve: (outcome: BatchOutcome) => void
  readonly reject: (error: unknown) => void
}

/** A service that tests hold in their hands: batches wait until they are let through or fail, unless `through` is set. */
export class FakeBatchSink implements BatchSink {
  readonly arrived: number[][] = []
  readonly sent: SealedBatch<unknown>[] = []
  readonly held: Held[] = []
  readonly prepared: string[] = []
  through = false
  refusal: Error | undefined
  /** Tests put what they want to happen there. */
  close: () => Promise<void> = () => Promise.resolve()
  readonly #waiting: (() => void)[] = []

  prepare({ schema }: { readonly schema: Schema }): Promise<unknown> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal)
    this.prepared.push(schema.fields.map(String).join())
    return Promise.resolve(schema)
  }

  columnTypes(names: readonly string[]): Promise<readonly undefined[]> {
    return Promise.resolve(names.map(() => undefined))
  }

  async send(batch: SealedBatch<unknown>, options: SendOptions): Promise<BatchOutcome> {
    this.sent.push(batch)
    options.signal.throwIfAborted()
    const outcome = this.through
      ? outcomeOf(batch)
      : await new Promise<BatchOutcome>((resolve, reject) => {
          options.signal.addEventListener('abort', () => reject(options.signal.reason as Error), { once: true })
          this.held.push({ batch, options, resolve, reject })
          for (const wake of this.#waiting.splice(0)) wake()
        })
    this.arrived.push(batch.batches.flatMap((each) => [...(each.getChildAt(0) ?? [])].map(Number)))
    options.onStage('queued')
    return outcome
  }

  /** Waits until this many batches are held. */
  async holds(count: number): Promise<void> {
    while (this.held.length < count) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
  }

  /** Lets the first held batch that has this number through. */
  let(sequence: number): void {
    const held = this.#take(sequence)
    held.resolve(outcomeOf(held.batch))
  }

  fail(sequence: number, error: unknown): void {
    this.#take(sequence).reject(error)
  }

  #take(sequence: number): Held {
    const at = this.held.findIndex(({ batch }) => batch.sequence === sequence)
    const [held] = this.held.splice(at, 1)
    if (at < 0 || held === undefined) throw new Error(`batch ${sequence} is not held`)
    return held
  }
}

function outcomeOf({ rows }: SealedBatch<unknown>): BatchOutcome {
  return { duplicateRows: 0, rawBytes: rows, receipt: undefined }
}

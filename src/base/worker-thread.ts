import { type ResourceLimits, Worker } from 'node:worker_threads'
import { KustoError } from '../errors.ts'
import { untilAborted } from './abort.ts'
import { type ErrorData, errorFromData } from './error-transfer.ts'

/** Something on its way to a thread, with the memory that moves there instead of being copied. */
export interface Handed {
  readonly value: unknown
  readonly transfer: readonly ArrayBuffer[]
}

/** What a thread sends: the end of a request, or the wish for more of what a request works on. */
export type FromThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorData }
  | { readonly kind: 'want'; readonly id: number }

/** The answer to a wish: the next item, none when there are no more, or the order to stop. */
export interface Supply {
  readonly kind: 'supply'
  readonly id: number
  readonly value: unknown
  readonly isOver: boolean
}

export interface ThreadRequestOptions {
  readonly transfer?: readonly ArrayBuffer[]
  /** Ends the wait. Work goes on in the thread until it wants something; then it is told to stop. */
  readonly signal?: AbortSignal | undefined
  /** Gives the items that the work asks for, one at a time; undefined when there are no more. */
  readonly supply?: () => Promise<Handed | undefined>
}

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly supply: ThreadRequestOptions['supply']
  readonly signal: AbortSignal | undefined
}

/**
 * One worker thread and the requests that wait for it. When the thread ends, for whatever reason, every request fails with
 * the cause. An idle thread does not keep the process alive. Its script calls `serveThread`.
 */
export class WorkerThread {
  readonly #worker: Worker
  readonly #what: string
  readonly #pending = new Map<number, Pending>()
  readonly #ended: Promise<void>
  #failure: KustoError | undefined
  #lastId = 0

  /** `what` names the thread in errors, for example `decoding`; `memory` bounds its JavaScript heap. */
  constructor(script: URL, what: string, memory: ResourceLimits = {}) {
    // Not the flags of the parent: `--input-type` and the like belong to its own entry and end a thread.
    this.#worker = new Worker(script, { execArgv: [], resourceLimits: memory })
    this.#what = what
    this.#worker.unref()
    this.#worker.on('message', (message: FromThread) => this.#onMessage(message))
    this.#worker.on('error', (cause: unknown) => this.#fail(`one of the ${what} threads failed`, cause))
    this.#worker.on('messageerror', (cause: unknown) =>
      this.#fail(`an answer of one of the ${what} threads is unreadable`, cause),
    )
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (exitCode) => {
        this.#fail(`one of the ${what} threads ended with exit code ${exitCode}`, undefined)
        resolve()
      })
    })
  }

  get alive(): boolean {
    return this.#failure === undefined
  }

  /** Requests that it has not answered: how busy it is. */
  get load(): number {
    return this.#pending.size
  }

  /** @throws {KustoError} KUSTO_WORKER_FAILED when the thread ends before it answers; else what the thread threw */
  async request(message: object, options: ThreadRequestOptions = {}): Promise<unknown> {
    options.signal?.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    const id = ++this.#lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, supply: options.supply, signal: options.signal })
      this.#worker.ref()
    })
    try {
      this.#worker.postMessage({ ...message, id }, [...(options.transfer ?? [])])
    } catch (error) {
      this.#settle(id)
      throw error
    }
    return untilAborted(answer, options.signal)
  }

  /** Sends something that has no answer. */
  post(message: object): void {
    if (this.alive) this.#worker.postMessage(message, [])
  }

  /** Ends the thread; requests that wait fail. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#fail(`the ${this.#what} threads were closed`, undefined)
    await this.#worker.terminate()
    await this.#ended
  }

  #onMessage(message: FromThread): void {
    switch (message.kind) {
      case 'answer':
        this.#settle(message.id)?.resolve(message.value)
        break
      case 'failed':
        this.#settle(message.id)?.reject(errorFromData(message.error))
        break
      case 'want':
        void this.#supply(message.id)
        break
    }
  }

  async #supply(id: number): Promise<void> {
    const pending = this.#pending.get(id)
    try {
      pending?.signal?.throwIfAborted()
      const handed = await pending?.supply?.()
      const supply: Supply = { kind: 'supply', id, value: handed?.value, isOver: false }
      if (this.alive) this.#worker.postMessage(supply, [...(handed?.transfer ?? [])])
    } catch (error) {
      const stop: Supply = { kind: 'supply', id, value: undefined, isOver: true }
      this.post(stop)
      pending?.reject(error)
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#worker.unref()
    return pending
  }

  #fail(message: string, cause: unknown): void {
    this.#failure ??= new KustoError('KUSTO_WORKER_FAILED', message, {
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    })
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(this.#failure)
  }
}

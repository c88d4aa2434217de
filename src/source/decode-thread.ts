import { Worker } from 'node:worker_threads'
import { untilAborted } from '../base/abort.ts'
import { KustoError } from '../errors.ts'
import { errorFromData, type ErrorData } from './error-transfer.ts'
import type { FromThread, SuppliedBlob, ToThread } from './thread-messages.ts'

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly nextBlob: (() => Promise<SuppliedBlob | undefined>) | undefined
}

export interface ThreadRequestOptions {
  /** Ends the wait, not the work in the thread: its late answer is dropped. */
  readonly signal?: AbortSignal | undefined
  /** Gives the blobs that a run asks for. */
  readonly nextBlob?: () => Promise<SuppliedBlob | undefined>
}

type Numbered<Message> = Message extends { readonly id: number } ? Omit<Message, 'id'> : never

/**
 * One worker thread and the requests that wait for it. When the thread ends, for whatever reason, every request fails with
 * the cause. An idle thread does not keep the process alive.
 */
export class DecodeThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #ended: Promise<void>
  #failure: KustoError | undefined
  #lastId = 0
  /** Files that were opened in it and not closed. */
  readonly files: Set<number> = new Set<number>()

  constructor(script: URL) {
    // Not the flags of the parent: `--input-type` and the like belong to its own entry and end a thread.
    this.#worker = new Worker(script, { execArgv: [] })
    this.#worker.unref()
    this.#worker.on('message', (message: FromThread) => this.#onMessage(message))
    this.#worker.on('error', (cause: unknown) => this.#fail('a decoding thread failed', cause))
    this.#worker.on('messageerror', (cause: unknown) =>
      this.#fail('an answer of a decoding thread is unreadable', cause),
    )
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (exitCode) => {
        this.#fail(`a decoding thread ended with exit code ${exitCode}`, undefined)
        resolve()
      })
    })
  }

  get alive(): boolean {
    return this.#failure === undefined
  }

  /** Requests that wait for it: how busy it is. */
  get load(): number {
    return this.#pending.size
  }

  /** @throws {KustoError} KUSTO_WORKER_FAILED when the thread ends before it answers; else what the thread threw */
  async request(message: Numbered<ToThread>, options: ThreadRequestOptions = {}): Promise<unknown> {
    options.signal?.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    const id = ++this.#lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, nextBlob: options.nextBlob })
      this.#worker.ref()
    })
    try {
      this.#worker.postMessage({ ...message, id }, [])
    } catch (error) {
      this.#settle(id)
      throw error
    }
    return untilAborted(answer, options.signal)
  }

  post(message: ToThread): void {
    if (this.alive) this.#worker.postMessage(message, [])
  }

  /** Ends the thread; requests that wait fail. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#fail('the decoding threads were closed', undefined)
    await this.#worker.terminate()
    await this.#ended
  }

  #onMessage(message: FromThread): void {
    switch (message.kind) {
      case 'answer':
        this.#settle(message.id)?.resolve(message.value)
        break
      case 'failed':
        this.#settle(message.id)?.reject(errorFromData(message.error as ErrorData))
        break
      case 'want-blob':
        void this.#supply(message.run)
        break
    }
  }

  async #supply(run: number): Promise<void> {
    const pending = this.#pending.get(run)
    try {
      const blob = await pending?.nextBlob?.()
      this.post({ kind: 'blob', run, blob })
    } catch (error) {
      this.#settle(run)?.reject(error)
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

import { KustoError } from '../errors.ts'
import type { WorkerThread } from './worker-thread.ts'

export interface WorkerPoolOptions<Thread extends WorkerThread> {
  /** Threads at most. */
  readonly size: number
  readonly start: () => Thread
  /** For errors, for example `decoding`. */
  readonly what: string
}

/** Threads of one kind. They start when there is work that none of the running ones is free for; one that died is replaced. */
export class WorkerPool<Thread extends WorkerThread = WorkerThread> {
  readonly #options: WorkerPoolOptions<Thread>
  readonly #threads: Thread[] = []
  /** Resolves when `close` was called. */
  readonly closed: Promise<void>
  #close: (() => void) | undefined

  constructor(options: WorkerPoolOptions<Thread>) {
    this.#options = options
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  get threads(): readonly Thread[] {
    return this.#threads
  }

  /** Starts all threads, where the first work of a thread is slow. */
  warmUp(): void {
    while (this.#threads.length < this.#options.size) this.#threads.push(this.#options.start())
  }

  /**
   * The thread that work goes to: an idle one, a new one while there is room, else the one of least `cost`.
   * @throws {KustoError} KUSTO_WORKER_FAILED when the pool was closed
   */
  pick(cost: (thread: Thread) => number = ({ load }) => load): Thread {
    const { size, start, what } = this.#options
    if (this.#close === undefined) throw new KustoError('KUSTO_WORKER_FAILED', `the ${what} threads were closed`)
    for (const [index, thread] of this.#threads.entries()) if (!thread.alive) this.#threads[index] = start()
    if (this.#threads.length < size && this.#threads.every(({ load }) => load > 0)) this.#threads.push(start())
    return this.#threads.reduce((best, thread) => (cost(thread) < cost(best) ? thread : best))
  }

  /** Ends all threads; work that is under way fails. */
  async close(): Promise<void> {
    this.#close?.()
    this.#close = undefined
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }
}

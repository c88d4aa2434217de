import { KustoUsageError } from '../errors.ts'

type State = 'open' | 'closing' | 'closed' | 'failed' | 'aborted'

/** How far a writer has come, what ended it, and whether somebody was told. */
export class WriterState {
  /** Settles once with the writer's end. */
  readonly closed: Promise<void>
  readonly #table: string
  readonly #settle: { readonly resolve: () => void; readonly reject: (reason: unknown) => void }
  #now: State = 'open'
  #failure: unknown
  #wasTold = false

  constructor(table: string) {
    this.#table = table
    let settle: { resolve: () => void; reject: (reason: unknown) => void } | undefined
    this.closed = new Promise((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.closed.catch(() => undefined)
    this.#settle = settle ?? { resolve: () => undefined, reject: () => undefined }
  }

  /** A method, for what is asked again after a wait. */
  is(state: State): boolean {
    return this.#now === state
  }

  /** Whether the writer ended otherwise than by its close. */
  get isBroken(): boolean {
    return this.is('failed') || this.is('aborted')
  }

  /** Whether whoever disposes has nothing more to learn. */
  get isKnown(): boolean {
    return this.is('aborted') || (this.is('failed') && this.#wasTold)
  }

  get failure(): unknown {
    return this.#failure
  }

  close(): void {
    this.#now = 'closing'
  }

  ended(): void {
    this.#now = 'closed'
    this.#settle.resolve()
  }

  abort(reason: unknown): void {
    if (!this.is('failed')) {
      this.#now = 'aborted'
      this.#failure ??= reason
    }
    this.#settle.reject(reason)
  }

  /** False when the writer had ended before. */
  fail(reason: unknown): boolean {
    if (!this.is('open') && !this.is('closing')) return false
    this.#now = 'failed'
    this.#failure = reason
    this.#settle.reject(reason)
    return true
  }

  /** @throws {KustoUsageError} KUSTO_WRITER_CLOSED, or what the writer has failed with */
  checkOpen(): void {
    if (this.is('failed')) throw this.tell()
    if (this.is('open')) return
    throw new KustoUsageError(
      'KUSTO_WRITER_CLOSED',
      `expected an open writer to table ${this.#table}, found it ${this.#now}`,
      { context: { table: this.#table } },
    )
  }

  /** What ended the writer, for somebody. */
  tell(): unknown {
    this.#wasTold = true
    return this.#failure
  }

  /** As the promise; notes when it tells somebody what ended the writer. */
  async told(promise: Promise<void>): Promise<void> {
    try {
      await promise
    } catch (error) {
      if (error === this.#failure) this.#wasTold = true
      throw error
    }
  }
}

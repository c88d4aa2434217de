import { cancelledError, timeoutError, toLocalError } from './one-api-error.ts'
import type { LocalError } from './local-error.ts'
import type { RunningRequests, StopReason } from './running-requests.ts'

export interface RequestRunOptions {
  readonly requests: RunningRequests
  readonly clientRequestId: string
  /** Aborted when the client disconnects. */
  readonly clientGone: AbortSignal
  readonly timeoutMs: number
}

/** The time a request runs: ended early by its timeout, by `.cancel query`, by its client, or by closing. */
export class RequestRun {
  readonly startedMs: number = Date.now()
  readonly #controller = new AbortController()
  readonly #options: RequestRunOptions
  readonly #unregister: () => void
  readonly #disconnected = (): void => this.#stop('disconnected')
  readonly #timer: NodeJS.Timeout
  readonly #timeoutMs: number
  #reason: StopReason | undefined

  constructor(options: RequestRunOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs
    this.#unregister = options.requests.add(options.clientRequestId, (reason) => this.#stop(reason))
    this.#timer = setTimeout(() => this.#stop('timeout'), options.timeoutMs)
    options.clientGone.addEventListener('abort', this.#disconnected)
    if (options.clientGone.aborted) this.#stop('disconnected')
  }

  /** Aborted as soon as the request is to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get cancelled(): boolean {
    return this.#reason === 'cancelled'
  }

  /** Runs `interrupt` when the request is to stop, at once if it already is. */
  onStop(interrupt: () => void): void {
    if (this.signal.aborted) interrupt()
    else this.signal.addEventListener('abort', interrupt, { once: true })
  }

  /** Why the work failed: the reason it was stopped for comes before what it then stumbled over. */
  explain(error: unknown): LocalError {
    switch (this.#reason) {
      case 'timeout':
        return timeoutError(this.#timeoutMs)
      case 'cancelled':
      case 'disconnected':
      case 'closing':
        return cancelledError(error)
      case undefined:
        return toLocalError(error)
    }
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#unregister()
    this.#options.clientGone.removeEventListener('abort', this.#disconnected)
  }

  #stop(reason: StopReason): void {
    this.#reason ??= reason
    this.#controller.abort()
  }
}

import { untilAborted } from '../base/abort.ts'
import type { StreamingFailure, StreamingFailureKind } from '../client/streaming-failure.ts'

/** Why a table is not tried for a while. */
export interface Circuit {
  readonly failure: StreamingFailure
  readonly untilMs: number
}

/** How long a table is not tried again. */
const CIRCUIT_MS: ReadonlyMap<StreamingFailureKind, number> = new Map([
  ['off', 900_000],
  ['policy', 900_000],
  ['endpoint', 900_000],
  ['table', 900_000],
  ['throttled', 10_000],
])

/** How long a lower limit is believed: policies that make a request grow may go away. */
const LIMIT_MS = 900_000

/** What writing has learned of one table, shared by all writes of a connector. */
export class TableState {
  readonly #now: () => number
  #circuit: Circuit | undefined
  #limit: { readonly bytes: number; readonly untilMs: number } | undefined
  #active = 0
  readonly #drained: (() => void)[] = []
  /** Settles when the pause is over. */
  #pause: Promise<void> | undefined

  constructor(now: () => number) {
    this.#now = now
  }

  /** Why the table is not tried now; undefined when it is. */
  get circuit(): Circuit | undefined {
    if (this.#circuit !== undefined && this.#now() >= this.#circuit.untilMs) this.#circuit = undefined
    return this.#circuit
  }

  /** Remembers a failure that other requests to the table would meet too; gives for how long, 0 for none of those. */
  remember(failure: StreamingFailure): number {
    const forMs = CIRCUIT_MS.get(failure.kind) ?? 0
    if (forMs > 0) this.#circuit = { failure, untilMs: this.#now() + forMs }
    return forMs
  }

  /** Makes the table be tried again at once. */
  reset(): void {
    this.#circuit = undefined
    this.#limit = undefined
  }

  /** Most bytes of a request: `maxBytes`, or what was learned from refusals. 0 when even the smallest was refused. */
  limitBytes(maxBytes: number): number {
    if (this.#limit !== undefined && this.#now() >= this.#limit.untilMs) this.#limit = undefined
    return Math.min(maxBytes, this.#limit?.bytes ?? Infinity)
  }

  /** Requests of more than `bytes` were refused. */
  learnLimit(bytes: number): void {
    this.#limit = { bytes: Math.min(bytes, this.limitBytes(Infinity)), untilMs: this.#now() + LIMIT_MS }
  }

  /** Waits while the table is paused. */
  async opened(signal: AbortSignal | undefined): Promise<void> {
    while (this.#pause !== undefined) await untilAborted(this.#pause, signal)
  }

  /** As `opened`, and counts a request as under way. The caller owes one call of the result. */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    // Nothing is awaited between the look and the count, or a pause could come in between; `opened` has an await of its own.
    while (this.#pause !== undefined) await untilAborted(this.#pause, signal)
    this.#active += 1
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.#active -= 1
      if (this.#active === 0) for (const wake of this.#drained.splice(0)) wake()
    }
  }

  /** Lets no request begin until the result is called; one pause at a time. */
  async pause(signal: AbortSignal | undefined): Promise<() => void> {
    // As in `enter`: of pauses that are woken together, the first one has it and the others wait again.
    while (this.#pause !== undefined) await untilAborted(this.#pause, signal)
    let end: (() => void) | undefined
    const pause = new Promise<void>((resolve) => (end = resolve))
    this.#pause = pause
    return () => {
      // A second call must not end the pause of somebody else.
      if (this.#pause === pause) this.#pause = undefined
      end?.()
    }
  }

  /** Waits until no request is under way. */
  async drained(signal: AbortSignal | undefined): Promise<void> {
    if (this.#active === 0) return
    await untilAborted(new Promise<void>((resolve) => this.#drained.push(resolve)), signal)
  }
}

/** The states of a connector's tables, by name; kept as long as the connector. */
export class TableStates {
  readonly #now: () => number
  readonly #states = new Map<string, TableState>()

  constructor(now: () => number) {
    this.#now = now
  }

  of(table: string): TableState {
    const state = this.#states.get(table) ?? new TableState(this.#now)
    this.#states.set(table, state)
    return state
  }

  /** Makes a table, or all, be tried again at once. */
  reset(table?: string): void {
    if (table !== undefined) this.#states.get(table)?.reset()
    else for (const state of this.#states.values()) state.reset()
  }
}

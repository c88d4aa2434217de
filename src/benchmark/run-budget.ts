import { AbortScope } from '../base/abort.ts'
import type { BenchmarkEnd, BenchmarkPlan } from './benchmark-result.ts'

/**
 * What a benchmark may still use: time, rows and bytes of all its runs together. Its signal aborts when one of them is used
 * up, and when the caller's does.
 */
export class RunBudget implements Disposable {
  readonly #scope: AbortScope
  readonly #outer: AbortSignal | undefined
  readonly #plan: BenchmarkPlan
  readonly #startedAt = performance.now()
  #rows = 0
  #bytes = 0
  #usedUp: BenchmarkEnd | undefined

  constructor(plan: BenchmarkPlan, signal: AbortSignal | undefined) {
    this.#plan = plan
    this.#outer = signal
    this.#scope = new AbortScope(signal)
    this.#scope.limit(plan.maxSeconds * 1000, () => this.#use('time'))
  }

  get signal(): AbortSignal {
    return this.#scope.signal
  }

  /** Why no run may begin or go on; undefined while there is something left. */
  get end(): BenchmarkEnd | undefined {
    return this.#outer?.aborted === true ? 'aborted' : this.#usedUp
  }

  get remainingSeconds(): number {
    return this.#plan.maxSeconds - (performance.now() - this.#startedAt) / 1000
  }

  /** Takes from the budget; the signal is aborted when that was too much. */
  spend({ rows = 0, bytes = 0 }: { readonly rows?: number; readonly bytes?: number }): void {
    this.#rows += rows
    this.#bytes += bytes
    if (this.#rows > this.#plan.maxRows) this.#scope.abort(this.#use('rows'))
    else if (this.#bytes > this.#plan.maxBytes) this.#scope.abort(this.#use('bytes'))
  }

  /** The time that is left would not do for another run. */
  endForTime(): void {
    this.#use('time')
  }

  [Symbol.dispose](): void {
    this.#scope.close()
  }

  #use(end: BenchmarkEnd): Error {
    this.#usedUp ??= end
    return new Error(`the benchmark's cap of ${end} is reached`)
  }
}

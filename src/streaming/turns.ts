import pLimit from 'p-limit'
import { untilAborted } from '../base/abort.ts'

/** One thing after the other, in the order of the calls. */
export class Turns {
  readonly #inTurn = pLimit(1)

  /** Who gives up before his turn has come is told at once, and his work is not begun; after that the work sees to the signal. */
  async take<R>(work: () => Promise<R> | R, signal?: AbortSignal): Promise<R> {
    if (signal === undefined) return this.#inTurn(work)
    let begin: (() => void) | undefined
    const begun = new Promise<void>((resolve) => (begin = resolve))
    const result = this.#inTurn(() => {
      signal.throwIfAborted()
      begin?.()
      return work()
    })
    await untilAborted(Promise.race([begun, result]), signal)
    return result
  }
}

import { KustoProtocolError } from '../errors.ts'

/** The name of a WebAssembly.RuntimeError. */
const TRAP = 'RuntimeError'

/**
 * Makes failures of calls into WebAssembly that end nowhere into errors of the call. A module that runs its own tasks can trap in
 * one of them, outside of any promise: Node then has an uncaught exception, and the call would wait for ever.
 */
export class TrapGuard {
  readonly #errorOf: (trap: Error) => Error
  #last: Promise<unknown> = Promise.resolve()

  constructor(errorOf: (trap: Error) => Error) {
    this.#errorOf = errorOf
  }

  /** Does the work after all that was given before, so that a trap in the meantime is this one's. */
  async run<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#last.then(() => this.#guarded(work))
    this.#last = result.catch(() => undefined)
    return result
  }

  async #guarded<R>(work: () => Promise<R>): Promise<R> {
    let onError: ((error: Error) => void) | undefined
    const trapped = new Promise<never>((_resolve, reject) => {
      onError = (error) => {
        // What somebody else threw goes on its way.
        if (error.name !== TRAP) throw error
        reject(this.#errorOf(error))
      }
      process.on('uncaughtException', onError)
    })
    try {
      return await Promise.race([work(), trapped])
    } finally {
      if (onError !== undefined) process.off('uncaughtException', onError)
    }
  }
}

/** What becomes of a trap, or of an error, of the Parquet decoder: the bytes are at fault. */
export function badParquet(cause: unknown): KustoProtocolError {
  return new KustoProtocolError(
    'KUSTO_BAD_PARQUET',
    'expected a whole Parquet file, found bytes that cannot be decoded',
    { cause },
  )
}

import { allowManyListeners } from './abort.ts'

/** Gives the bytes back, or all but `keptBytes`, which may be more than there were: then the next ones wait for longer. */
export type ReleaseBytes = (keptBytes?: number) => void

interface Waiter {
  readonly bytes: number
  readonly admit: () => void
}

/**
 * A bound on bytes held at once, first come first served. An item larger than the whole budget waits until it is alone
 * and then passes, because otherwise it could never.
 */
export class ByteBudget {
  readonly limitBytes: number
  #usedBytes = 0
  readonly #waiting: Waiter[] = []

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Waits until the bytes fit. The caller owes one call of the result, whatever happens. */
  async acquire(bytes: number, signal?: AbortSignal): Promise<ReleaseBytes> {
    signal?.throwIfAborted()
    if (this.#waiting.length === 0 && this.#fits(bytes)) return this.#take(bytes)
    if (signal !== undefined) allowManyListeners(signal)
    let taken: ReleaseBytes | undefined
    let onAbort: (() => void) | undefined
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        admit: () => {
          taken = this.#take(bytes)
          resolve()
        },
      }
      onAbort = () => {
        const at = this.#waiting.indexOf(waiter)
        if (at < 0) return
        this.#waiting.splice(at, 1)
        reject(signal?.reason as Error)
        this.#admitWaiting()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiter)
    }).finally(() => {
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
    })
    return taken ?? this.#take(bytes)
  }

  /** The bytes at once, or nothing when they do not fit or others wait. */
  tryAcquire(bytes: number): ReleaseBytes | undefined {
    const fits = this.#waiting.length === 0 && this.#usedBytes + bytes <= this.limitBytes
    return fits ? this.#take(bytes) : undefined
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.limitBytes
  }

  #take(bytes: number): ReleaseBytes {
    this.#usedBytes += bytes
    let heldBytes = bytes
    let isHeld = true
    return (keptBytes = 0) => {
      if (!isHeld) return
      this.#usedBytes += keptBytes - heldBytes
      heldBytes = keptBytes
      isHeld = keptBytes > 0
      this.#admitWaiting()
    }
  }

  #admitWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      next.admit()
    }
  }
}

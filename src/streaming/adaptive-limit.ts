import { untilAborted } from '../base/abort.ts'

/** A place among the requests under way. `release` gives it back; calling it again does nothing. */
export interface RequestPlace {
  /** The cuts there had been when the place was given. */
  readonly cuts: number
  release(): void
}

interface Waiter {
  readonly ceiling: number
  readonly admit: (place: RequestPlace) => void
}

/** Never less than this share of a ceiling, so that recovery does not take for ever. */
const LEAST_SHARE = 1 / 64

/**
 * How many requests may be under way at once, shared by all writes of a connector: throttling halves it, and each round
 * of successes adds one. It is kept as a share of a caller's ceiling, because writes have ceilings of their own; one
 * request may always go.
 */
export class AdaptiveLimit {
  #share = 1
  #cuts = 0
  #active = 0
  readonly #waiting: Waiter[] = []

  /** Requests under way. */
  get active(): number {
    return this.#active
  }

  /** Requests that may be under way at once, for a caller with this ceiling. */
  allowed(ceiling: number): number {
    return Math.max(1, Math.floor(ceiling * this.#share))
  }

  /** Waits for a place, first come first served. The caller owes one `release`. */
  async acquire(ceiling: number, signal: AbortSignal | undefined): Promise<RequestPlace> {
    signal?.throwIfAborted()
    if (this.#waiting.length === 0 && this.#active < this.allowed(ceiling)) return this.#place()
    let waiter: Waiter | undefined
    const admitted = new Promise<RequestPlace>((resolve) => {
      waiter = { ceiling, admit: resolve }
      this.#waiting.push(waiter)
    })
    try {
      return await untilAborted(admitted, signal)
    } catch (error) {
      const at = waiter === undefined ? -1 : this.#waiting.indexOf(waiter)
      if (at >= 0) this.#waiting.splice(at, 1)
      // Admitted and aborted at the same moment: nobody else would give the place back.
      else void admitted.then((place) => place.release())
      throw error
    }
  }

  /** A request with this place was throttled. Those sent side by side count as one; true when the limit was cut. */
  throttled(place: RequestPlace): boolean {
    if (place.cuts !== this.#cuts) return false
    this.#cuts += 1
    this.#share = Math.max(LEAST_SHARE, this.#share / 2)
    return true
  }

  /** A request was carried out. */
  succeeded(ceiling: number): void {
    this.#share = Math.min(1, this.#share + 1 / (ceiling * this.allowed(ceiling)))
    this.#admit()
  }

  #place(): RequestPlace {
    this.#active += 1
    let held = true
    return {
      cuts: this.#cuts,
      release: () => {
        if (!held) return
        held = false
        this.#active -= 1
        this.#admit()
      },
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#active >= this.allowed(next.ceiling)) return
      void this.#waiting.shift()
      next.admit(this.#place())
    }
  }
}

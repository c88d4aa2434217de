/** Mutual exclusion by name. Keys are taken in sorted order, so holders of several keys cannot block each other for ever. */
export class KeyedLocks {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `work` while holding all keys. Not reentrant: work must not ask for a key that it holds. */
  async hold<R>(keys: readonly string[], work: () => Promise<R>): Promise<R> {
    const sorted = [...new Set(keys)].sort()
    const releases: (() => void)[] = []
    try {
      for (const key of sorted) releases.push(await this.#acquire(key))
      return await work()
    } finally {
      for (const release of releases) release()
    }
  }

  async #acquire(key: string): Promise<() => void> {
    const before = this.#tails.get(key)
    const gate: { open?: () => void } = {}
    const held = new Promise<void>((resolve) => {
      gate.open = resolve
    })
    this.#tails.set(key, held)
    await before
    return () => {
      if (this.#tails.get(key) === held) this.#tails.delete(key)
      gate.open?.()
    }
  }
}

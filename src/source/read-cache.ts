import { untilAborted } from '../base/abort.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'

export interface ReadCacheOptions {
  /** How long an export is kept after it is done. At most a day. */
  readonly ttlMs: number
  /** Exports the connector keeps at once; the one used longest ago is released first. Default 16. */
  readonly maxEntries?: number
}

export type ReadCacheSettings = Required<ReadCacheOptions>

/** @throws {KustoUsageError} KUSTO_BAD_OPTION */
export function readCacheSettings(options: ReadCacheOptions): ReadCacheSettings {
  checkNames(options, ['ttlMs', 'maxEntries'])
  return {
    ttlMs: wholeNumber('cache.ttlMs', options.ttlMs, 86_400_000),
    maxEntries: wholeNumber('cache.maxEntries', options.maxEntries ?? 16, 10_000),
  }
}

/** A kept value in use. It is not released before all its leases are given back. */
export interface CacheLease<T> {
  readonly value: T
  /** Whether it was there already. */
  readonly hit: boolean
  /** Whoever was aborted waits as the value's `release` says. */
  giveBack(signal?: AbortSignal): Promise<void>
}

export interface CacheRequest<T> {
  readonly settings: ReadCacheSettings
  readonly signal: AbortSignal | undefined
  /** Makes the value; the signal aborts when nobody waits for it any more. */
  readonly open: (signal: AbortSignal) => Promise<T>
}

interface Entry<T> {
  readonly key: string
  readonly opened: Promise<T>
  readonly stop: AbortController
  leases: number
  /** Once it is out of the cache, the last lease releases it. */
  isOut: boolean
  timer: NodeJS.Timeout | undefined
  released: Promise<void> | undefined
}

/** Values with a cost and an end, kept by key: made once for callers at the same time, released when their time is over. */
export class ReadCache<T extends { release(signal?: AbortSignal): Promise<void> }> {
  /** In the order of use. */
  readonly #entries = new Map<string, Entry<T>>()
  /** Values that are made or released. */
  readonly #underWay = new Set<Promise<void>>()
  readonly #onReleaseFailed: (error: unknown) => void

  constructor(onReleaseFailed: (error: unknown) => void) {
    this.#onReleaseFailed = onReleaseFailed
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  async lease(key: string, request: CacheRequest<T>): Promise<CacheLease<T>> {
    const known = this.#entries.get(key)
    const entry = known ?? this.#open(key, request)
    entry.leases++
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#shrink(request.settings.maxEntries)
    let isGivenBack = false
    const giveBack = async (signal?: AbortSignal): Promise<void> => {
      if (isGivenBack) return
      isGivenBack = true
      entry.leases--
      if (entry.leases === 0 && entry.isOut) await this.#release(entry, signal)
    }
    try {
      return { value: await untilAborted(entry.opened, request.signal), hit: known !== undefined, giveBack }
    } catch (error) {
      await giveBack()
      if (entry.leases === 0 && entry.timer === undefined) {
        this.#takeOut(entry)
        entry.stop.abort(error)
      }
      throw error
    }
  }

  /** Forgets one key or all; what is in use is released when its last user is done. */
  async invalidate(key?: string): Promise<void> {
    const entries = key === undefined ? [...this.#entries.values()] : [this.#entries.get(key)]
    await Promise.all(
      entries.map(async (entry) => {
        if (entry === undefined) return
        this.#takeOut(entry)
        if (entry.leases === 0) await this.#release(entry)
      }),
    )
  }

  /** Releases everything, also what is in use. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()]
    for (const entry of entries) {
      this.#takeOut(entry)
      entry.stop.abort(new Error('the connector was closed'))
    }
    await Promise.all(entries.map((entry) => this.#release(entry)))
    await Promise.all(this.#underWay)
  }

  #open(key: string, { open, settings }: CacheRequest<T>): Entry<T> {
    const stop = new AbortController()
    const entry: Entry<T> = {
      key,
      opened: open(stop.signal),
      stop,
      leases: 0,
      isOut: false,
      timer: undefined,
      released: undefined,
    }
    this.#watch(this.#keep(entry, settings.ttlMs))
    return entry
  }

  /**
   * The time to live begins when the value is there; a failure is not remembered. A value that comes when nobody waits for
   * it any more goes at once.
   */
  async #keep(entry: Entry<T>, ttlMs: number): Promise<void> {
    try {
      await entry.opened
    } catch {
      this.#takeOut(entry)
      return
    }
    if (!entry.isOut) entry.timer = setTimeout(() => void this.#expire(entry), ttlMs).unref()
    else if (entry.leases === 0) await this.#release(entry)
  }

  #shrink(maxEntries: number): void {
    for (const entry of this.#entries.values()) {
      if (this.#entries.size <= maxEntries) return
      void this.#expire(entry)
    }
  }

  async #expire(entry: Entry<T>): Promise<void> {
    this.#takeOut(entry)
    if (entry.leases === 0) await this.#release(entry)
  }

  #takeOut(entry: Entry<T>): void {
    clearTimeout(entry.timer)
    entry.isOut = true
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
  }

  #release(entry: Entry<T>, signal?: AbortSignal): Promise<void> {
    entry.released ??= entry.opened
      .then(
        (value) => value.release(signal),
        () => undefined,
      )
      .catch(this.#onReleaseFailed)
    this.#watch(entry.released)
    return entry.released
  }

  #watch(work: Promise<void>): void {
    const watched: Promise<void> = work.finally(() => this.#underWay.delete(watched))
    this.#underWay.add(watched)
  }
}

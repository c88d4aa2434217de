import { describe, expect, it, vi } from 'vitest'
import { ReadCache, readCacheSettings } from '../../src/source/read-cache.ts'

class Export {
  released = 0
  readonly rows: number
  constructor(rows: number) {
    this.rows = rows
  }
  async release(): Promise<void> {
    this.released++
  }
}

const settings = readCacheSettings({ ttlMs: 1_000, maxEntries: 2 })
const cacheOf = (): ReadCache<Export> =>
  new ReadCache((error) => {
    throw error
  })

describe('ReadCache', () => {
  it('makes a value once for callers at the same time, and releases it after its time, when nobody uses it', async () => {
    vi.useFakeTimers()
    try {
      const cache = cacheOf()
      const made = new Export(1)
      const open = vi.fn(async () => made)
      const [a, b] = await Promise.all([
        cache.lease('k', { settings, signal: undefined, open }),
        cache.lease('k', { settings, signal: undefined, open }),
      ])
      expect([open.mock.calls.length, a.hit, b.hit, a.value === b.value]).toEqual([1, false, true, true])
      await a.giveBack()
      await a.giveBack()
      await vi.advanceTimersByTimeAsync(2_000)
      expect([made.released, cache.has('k')]).toEqual([0, false])
      await b.giveBack()
      expect(made.released).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('keeps other keys apart, and releases the one used longest ago when there are too many', async () => {
    const cache = cacheOf()
    const made = [new Export(1), new Export(2), new Export(3)]
    for (const [index, value] of made.entries()) {
      const lease = await cache.lease(`k${index}`, { settings, signal: undefined, open: async () => value })
      expect(lease.value.rows).toBe(index + 1)
      await lease.giveBack()
      if (index === 1) await (await cache.lease('k0', { settings, signal: undefined, open: neverAsked })).giveBack()
    }
    expect(made.map((value) => value.released)).toEqual([0, 1, 0])
    await cache.close()
    expect(made.map((value) => value.released)).toEqual([1, 1, 1])
  })

  it('does not remember a failure', async () => {
    const cache = cacheOf()
    const fail = async (): Promise<Export> => {
      throw new Error('no')
    }
    await expect(cache.lease('k', { settings, signal: undefined, open: fail })).rejects.toThrow('no')
    const lease = await cache.lease('k', { settings, signal: undefined, open: async () => new Export(1) })
    expect(lease.hit).toBe(false)
  })

  it('releases a value that comes after the last caller gave up', async () => {
    for (const isAborted of [true, false]) {
      const cache = cacheOf()
      const stop = new AbortController()
      const made = new Export(1)
      let end: ((made: Export) => void) | undefined
      const open = (): Promise<Export> => new Promise((resolve) => void (end = resolve))
      const leased = cache.lease('k', { settings, signal: stop.signal, open })
      if (isAborted) {
        stop.abort(new Error('enough'))
        await expect(leased).rejects.toThrow('enough')
        end?.(made)
      } else {
        // Taken out while it is made, and in use when it is there.
        await cache.invalidate('k')
        end?.(made)
        const lease = await leased
        expect(made.released).toBe(0)
        await lease.giveBack()
      }
      await cache.close()
      expect(made.released).toBe(1)
    }
  })

  it('lets one caller give up while another waits, and stops the work when the last one does', async () => {
    const cache = cacheOf()
    let stopped = false
    const open = (signal: AbortSignal): Promise<Export> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped = true
          reject(signal.reason as Error)
        })
      })
    const [first, second] = [new AbortController(), new AbortController()]
    const a = cache.lease('k', { settings, signal: first.signal, open })
    const b = cache.lease('k', { settings, signal: second.signal, open })
    first.abort(new Error('one'))
    await expect(a).rejects.toThrow('one')
    expect(stopped).toBe(false)
    second.abort(new Error('two'))
    await expect(b).rejects.toThrow('two')
    expect([stopped, cache.has('k')]).toEqual([true, false])
  })

  it('forgets what is invalidated at once, but releases it after its last use', async () => {
    const cache = cacheOf()
    const made = new Export(1)
    const lease = await cache.lease('k', { settings, signal: undefined, open: async () => made })
    await cache.invalidate('k')
    expect([cache.has('k'), made.released]).toEqual([false, 0])
    await lease.giveBack()
    expect(made.released).toBe(1)
  })

  it('refuses a time to live that is none', () => {
    expect(() => readCacheSettings({ ttlMs: 0 })).toThrow(/cache.ttlMs/)
    expect(() => readCacheSettings({ ttl: 5 } as never)).toThrow(/found ttl/)
  })
})

async function neverAsked(): Promise<Export> {
  throw new Error('asked')
}

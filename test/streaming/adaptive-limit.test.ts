import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AdaptiveLimit } from '../../src/streaming/adaptive-limit.ts'
import type { RequestPlace } from '../../src/streaming/adaptive-limit.ts'

async function take(limit: AdaptiveLimit, use: (place: RequestPlace) => void): Promise<void> {
  use(await limit.acquire(4, undefined))
}

describe('AdaptiveLimit', () => {
  it('streaming:C38 is halved by throttling, once for requests sent side by side, and grows by one a round', async () => {
    const limit = new AdaptiveLimit()
    const places = await Promise.all(Array.from({ length: 8 }, () => limit.acquire(8, undefined)))
    expect(places.map((place) => limit.throttled(place))).toEqual([true, ...Array<boolean>(7).fill(false)])
    expect(limit.allowed(8)).toBe(4)
    for (const place of places) place.release()
    const later = await limit.acquire(8, undefined)
    expect([limit.throttled(later), limit.allowed(8)]).toEqual([true, 2])
    later.release()
    const grown: number[] = []
    for (let success = 0; success < 27; success++) {
      limit.succeeded(8)
      grown.push(limit.allowed(8))
    }
    // 2 successes for one more at 2, 3 at 3, and so on.
    expect(grown.filter((allowed, at) => allowed !== (grown[at - 1] ?? 2))).toEqual([3, 4, 5, 6, 7, 8])
    expect(grown.indexOf(3)).toBe(1)
    expect(grown.at(-1)).toBe(8)
  })

  it('never lets more requests go than are allowed, and always one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('acquire', 'release', 'throttled', 'succeeded'), { maxLength: 60 }),
        async (steps) => {
          const limit = new AdaptiveLimit()
          const held: RequestPlace[] = []
          let waiting = 0
          for (const step of steps) {
            if (step === 'acquire') {
              waiting += 1
              void take(limit, (place) => {
                waiting -= 1
                held.push(place)
              })
            } else if (step === 'release') held.shift()?.release()
            else if (step === 'throttled') {
              const [first] = held
              if (first !== undefined) limit.throttled(first)
            } else limit.succeeded(4)
            await setImmediate()
            expect(limit.active).toBe(held.length)
            expect(limit.allowed(4)).toBeGreaterThanOrEqual(1)
            if (waiting > 0) expect(limit.active).toBeGreaterThan(0)
          }
          while (held.length > 0) {
            held.shift()?.release()
            await setImmediate()
          }
          expect([limit.active, waiting]).toEqual([0, 0])
        },
      ),
    )
  })

  it('forgets whoever gives up waiting', async () => {
    const limit = new AdaptiveLimit()
    const place = await limit.acquire(1, undefined)
    const controller = new AbortController()
    const waiting = limit.acquire(1, controller.signal)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    place.release()
    place.release()
    expect(limit.active).toBe(0)
    const next = await limit.acquire(1, undefined)
    expect(limit.active).toBe(1)
    next.release()
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccountRanks } from '../../src/sink/rank-accounts.ts'

const box = (account: string, name: string): string => `https://${account}.blob.core.windows.net/${name}?sig=x`
const same = (url: string): string => url

class Clock {
  ms = 0
  readonly now = (): number => this.ms
}

describe('spark:W22 ranks of storage accounts', () => {
  it('gives equals their turn: accounts first, then the containers of each', () => {
    const ranks = new AccountRanks({ now: new Clock().now })
    const boxes = [box('a', '1'), box('a', '2'), box('b', '1'), box('b', '2')]
    const firsts = Array.from({ length: 8 }, () => ranks.order(boxes, same)[0])
    expect(new Set(firsts.slice(0, 4))).toEqual(new Set(boxes))
    expect(firsts.slice(4)).toEqual(firsts.slice(0, 4))
    for (let at = 1; at < firsts.length; at++) expect(firsts[at]?.[8]).not.toBe(firsts[at - 1]?.[8])
  })

  it('puts an account behind the others from its first failure, and the next try on another account', () => {
    const ranks = new AccountRanks({ now: new Clock().now })
    const boxes = [box('a', '1'), box('a', '2'), box('b', '1')]
    ranks.report(box('a', '1'), 'failure')
    for (let call = 0; call < 5; call++) {
      const [first, second] = ranks.order(boxes, same)
      expect([first?.[8], second?.[8]]).toEqual(['b', 'a'])
    }
    expect(ranks.rank(box('a', '2'))).toBe(0)
  })

  it('weighs newer outcomes more, and forgets them after a minute', () => {
    const clock = new Clock()
    const ranks = new AccountRanks({ now: clock.now })
    ranks.report(box('a', '1'), 'failure')
    clock.ms = 30_000
    ranks.report(box('a', '1'), 'success')
    // Weights 6 of the newest bucket to 1: 3 for the failure, 6 for the success.
    expect(ranks.rank(box('a', '1'))).toBeCloseTo(6 / 9)
    clock.ms = 62_000
    expect(ranks.rank(box('a', '1'))).toBe(1)
    clock.ms = 500_000
    expect(ranks.rank(box('a', '1'))).toBe(1)
  })

  it('counts the queue and the containers of an account together', () => {
    const ranks = new AccountRanks({ now: new Clock().now })
    ranks.report('https://a.queue.core.windows.net/ready?sig=x', 'failure')
    expect(ranks.rank(box('a', '1'))).toBe(0)
    expect(ranks.rank(box('b', '1'))).toBe(1)
  })

  it('orders by tier and loses nothing, whatever happened', () => {
    const outcome = fc.record({
      account: fc.constantFrom('a', 'b', 'c', 'd'),
      outcome: fc.constantFrom('success' as const, 'failure' as const),
      afterMs: fc.nat(15_000),
    })
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 40 }), fc.nat(20), (outcomes, turns) => {
        const clock = new Clock()
        const ranks = new AccountRanks({ now: clock.now })
        const boxes = ['a', 'b', 'c', 'd'].flatMap((account) => ['1', '2'].map((name) => box(account, name)))
        for (const each of outcomes) {
          clock.ms += each.afterMs
          ranks.report(box(each.account, '1'), each.outcome)
        }
        for (let turn = 0; turn < turns; turn++) ranks.order(boxes, same)
        const ordered = ranks.order(boxes, same)
        expect(ordered.toSorted()).toEqual(boxes.toSorted())
        const tier = (url: string): number => [0.9, 0.7, 0.3, 0].findIndex((bound) => ranks.rank(url) >= bound)
        const tiers = ordered.slice(0, 4).map(tier)
        expect(tiers).toEqual(tiers.toSorted((one, other) => one - other))
        expect(new Set(ordered.slice(0, 4).map((url) => url[8])).size).toBe(4)
      }),
    )
  })
})

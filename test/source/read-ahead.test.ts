import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteBudget } from '../../src/base/byte-budget.ts'
import { readAhead } from '../../src/source/read-ahead.ts'
import type { PieceSource } from '../../src/source/read-ahead.ts'

interface Held {
  now: number
  most: number
  open: number
}

/** Items that are lists of piece sizes; each piece is `item:index`. Counts the bytes that are read and not yet taken. */
function opener(held: Held, delay: () => Promise<void> = () => Promise.resolve()) {
  return async (item: Item): Promise<PieceSource<Piece>> => {
    await delay()
    held.open++
    return {
      pieceBytes: item.pieces,
      async read(index) {
        await delay()
        const bytes = item.pieces[index]!
        held.now += bytes
        held.most = Math.max(held.most, held.now)
        return { label: `${item.id}:${index}`, bytes }
      },
      close: () => void held.open--,
    }
  }
}

interface Item {
  readonly id: number
  readonly pieces: readonly number[]
}
interface Piece {
  readonly label: string
  readonly bytes: number
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('readAhead', () => {
  it('gives every piece once and in order, whatever the sizes, lanes and budget, and gives all bytes back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 6 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 }),
        async (sizes, lanes, limit, piecesAtOnce, delays) => {
          const items = sizes.map((pieces, id) => ({ id, pieces }))
          const held = { now: 0, most: 0, open: 0 }
          let step = 0
          const delay = async (): Promise<void> => {
            for (let turns = delays[step++ % delays.length]!; turns > 0; turns--) await nextTurn()
          }
          const budget = new ByteBudget(limit)
          const seen: string[] = []
          const options = { lanes, piecesAtOnce, budget, openBytes: () => 5 }
          for await (const piece of readAhead(items, opener(held, delay), options)) {
            seen.push(piece.label)
            held.now -= piece.bytes
          }
          expect(seen).toEqual(items.flatMap(({ id, pieces }) => pieces.map((_, index) => `${id}:${index}`)))
          expect([budget.usedBytes, budget.waiting, held.open]).toEqual([0, 0, 0])
        },
      ),
      { numRuns: 150 },
    )
  })

  it.each([1, 3])(
    'holds no more than the budget and one piece ahead of a slow reader, %i at once',
    async (piecesAtOnce) => {
      const items = Array.from({ length: 10 }, (_, id) => ({ id, pieces: Array.from({ length: 10 }, () => 10) }))
      const held = { now: 0, most: 0, open: 0 }
      const budget = new ByteBudget(50)
      const options = { lanes: 4, piecesAtOnce, budget, openBytes: () => 0 }
      for await (const piece of readAhead(items, opener(held), options)) {
        for (let turn = 0; turn < 5; turn++) await nextTurn()
        held.now -= piece.bytes
      }
      expect(held.most).toBeGreaterThan(30)
      expect(held.most).toBeLessThanOrEqual(50 + 20)
    },
  )

  it('reads pieces of the only item at once, as many as asked for and as the budget has room for', async () => {
    const mostAtOnce = async (piecesAtOnce: number, limit: number): Promise<number> => {
      const ends: (() => void)[] = []
      let [now, most] = [0, 0]
      const source: PieceSource<number> = {
        pieceBytes: Array.from({ length: 9 }, () => 10),
        async read(index) {
          most = Math.max(most, ++now)
          // The younger one ends first.
          await new Promise<void>((resolve) => void ends.unshift(resolve))
          now--
          return index
        },
        close: () => undefined,
      }
      const options = { lanes: 2, piecesAtOnce, budget: new ByteBudget(limit), openBytes: () => 0 }
      const seen: number[] = []
      const loop = (async () => {
        for await (const piece of readAhead([source], (item) => Promise.resolve(item), options)) seen.push(piece)
      })()
      while (seen.length < 9) {
        await nextTurn()
        ends.shift()?.()
      }
      await loop
      expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
      expect(options.budget.usedBytes).toBe(0)
      return most
    }
    expect(await mostAtOnce(1, 1000)).toBe(1)
    expect(await mostAtOnce(3, 1000)).toBe(3)
    expect(await mostAtOnce(4, 10)).toBe(2)
    expect(await mostAtOnce(4, 9)).toBe(1)
  })

  it('gives the pieces before one that failed, though it failed first, and waits for those after it', async () => {
    let reading = 0
    const source: PieceSource<number> = {
      pieceBytes: [1, 1, 1, 1],
      async read(index) {
        reading++
        for (let turns = [5, 1, 9, 1][index]!; turns > 0; turns--) await nextTurn()
        reading--
        if (index === 1) throw new Error('no second piece')
        return index
      },
      close: () => expect(reading).toBe(0),
    }
    const budget = new ByteBudget(100)
    const seen: number[] = []
    const loop = async (): Promise<void> => {
      const options = { lanes: 1, piecesAtOnce: 3, budget, openBytes: () => 0 }
      for await (const piece of readAhead([source], (item) => Promise.resolve(item), options)) seen.push(piece)
    }
    await expect(loop()).rejects.toThrow('no second piece')
    expect([seen, reading, budget.usedBytes]).toEqual([[0], 0, 0])
  })

  it('lets two loops go on with one budget when one of them pauses with the budget full', async () => {
    const items = Array.from({ length: 4 }, (_, id) => ({ id, pieces: [10, 10, 10] }))
    const budget = new ByteBudget(10)
    const options = { lanes: 3, budget, openBytes: () => 10 }
    const paused = readAhead(items, opener({ now: 0, most: 0, open: 0 }), options)
    await paused.next()
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    let pieces = 0
    for await (const piece of readAhead(items, opener({ now: 0, most: 0, open: 0 }), options)) {
      pieces += piece.label === '' ? 0 : 1
    }
    expect(pieces).toBe(12)
    await paused.return()
    expect(budget.usedBytes).toBe(0)
  })

  it('passes a failure on at its place, after the pieces before it', async () => {
    const seen: string[] = []
    const held = { now: 0, most: 0, open: 0 }
    const open = opener(held)
    const loop = async (): Promise<void> => {
      const options = { lanes: 3, budget: new ByteBudget(100), openBytes: () => 0 }
      const failing = async (item: Item): Promise<PieceSource<Piece>> => {
        if (item.id === 1) throw new Error('no second item')
        return open(item)
      }
      const items = [0, 1, 2].map((id) => ({ id, pieces: [1, 1] }))
      for await (const piece of readAhead(items, failing, options)) seen.push(piece.label)
    }
    await expect(loop()).rejects.toThrow('no second item')
    expect([seen, held.open]).toEqual([['0:0', '0:1'], 0])
  })

  it('ends with the reason of an abort at once, while a piece is being read', async () => {
    const stop = new AbortController()
    const items = [{ id: 0, pieces: [1] }]
    const open = (): Promise<PieceSource<Piece>> =>
      Promise.resolve({
        pieceBytes: [1],
        read: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
          }),
        close: () => undefined,
      })
    const options = { lanes: 1, budget: new ByteBudget(1), openBytes: () => 0, signal: stop.signal }
    const next = readAhead(items, open, options).next()
    stop.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
  })
})

import { describe, expect, it } from 'vitest'
import { logPosition } from '../../src/streaming/log-position.ts'

describe('a position of the source', () => {
  it.each([[0], ['a'], [null], [false], [[1, 'b']], [{ p: 10, q: { r: [null] } }], [Object.create(null)]])(
    'is kept in the log as it is: %j',
    (position) => {
      expect(logPosition(position)).toEqual(position)
    },
  )

  it('is kept as it was, without fields that have no value', () => {
    const position = { p: 1, q: undefined, r: [{ s: 2 }] }
    const kept = logPosition(position)
    position.p = 2
    position.r[0] = { s: 3 }
    expect(kept).toStrictEqual({ p: 1, r: [{ s: 2 }] })
  })

  it.each([
    ['a bigint', 10n],
    ['a date', new Date(0)],
    ['a number that JSON has not', { p: NaN }],
    ['an object that JSON changes', new Map([['p', 1]])],
    ['bytes', { p: new Uint8Array(2) }],
    ['a gap in an array', [undefined]],
    ['a function', () => 1],
  ])('is refused when the log would give back another one: %s', (_, position) => {
    const found = expect.objectContaining({ code: 'KUSTO_BAD_OPTION' }) as Error
    expect(() => logPosition(position)).toThrow(found)
  })
})

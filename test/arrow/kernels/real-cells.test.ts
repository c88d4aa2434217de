import { Float64 } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCsv } from '../../../src/arrow/encode-csv.ts'
import { flat, oneColumn } from '../any-columns.ts'

const ROWS = 100_000
const build = flat(new Float64(), (n) => new Float64Array(n))
const bits = new Float64Array(1)
const words = new Uint32Array(bits.buffer)

/** The model: JavaScript's own text, with the sign that String() drops from -0. */
function textOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function lines(values: readonly number[]): readonly string[] {
  return new TextDecoder()
    .decode(encodeCsv(oneColumn(build(values))).bytes)
    .split('\n')
    .slice(0, -1)
}

/** Numbers in [0, 1) that are the same in every run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function fromBits(high: number, low: number): number {
  words[1] = high
  words[0] = low
  return bits[0]!
}

function neighbours(value: number): readonly number[] {
  bits[0] = value
  const [low, high] = [words[0]!, words[1]!]
  const next = low === 0xffff_ffff ? fromBits(high + 1, 0) : fromBits(high, low + 1)
  const before = low === 0 ? fromBits(high - 1, 0xffff_ffff) : fromBits(high, low - 1)
  return [before, value, next].filter((near) => Number.isFinite(near) && near >= 0)
}

const KINDS: ReadonlyMap<string, (random: () => number) => number> = new Map([
  ['any bits, signs, subnormals and NaN among them', (r) => fromBits(r() * 2 ** 32, r() * 2 ** 32)],
  ['subnormals', (r) => fromBits(r() * 2 ** 20, r() * 2 ** 32)],
  ['fractions of any size', (r) => (r() + r() * 2 ** -32) * 10 ** Math.floor(r() * 24 - 8)],
  ['few decimals', (r) => Math.round(r() * 10 ** (1 + r() * 14)) / 10 ** Math.floor(r() * 9)],
  [
    '17 digits and an exponent',
    (r) => Number(`${Math.floor(r() * 1e8)}${Math.floor(r() * 1e9)}e${Math.floor(r() * 600 - 315)}`),
  ],
  ['integers to 2^63', (r) => Math.floor(r() * 2 ** (r() * 63))],
])

describe('realCells', () => {
  for (const [name, draw] of KINDS) {
    it(`writes ${name} as String() does, which reads back as the same double`, () => {
      const random = generator(20_240_229)
      const values = Array.from({ length: ROWS }, () => draw(random))
      const texts = lines(values)
      let wrong = 0
      for (const [row, value] of values.entries()) {
        if (texts[row] === textOf(value) && Object.is(Number(texts[row]), value)) continue
        if (wrong++ === 0) expect(texts[row]).toBe(textOf(value))
      }
      expect(wrong).toBe(0)
    })
  }

  it('writes powers of two and of ten, and the doubles next to them, as String() does', () => {
    const powers = [
      ...Array.from({ length: 2098 }, (_, index) => 2 ** (index - 1074)),
      ...Array.from({ length: 632 }, (_, index) => Number(`1e${index - 323}`)),
    ]
    const values = powers.flatMap(neighbours).flatMap((value) => [value, -value])
    expect(lines(values)).toEqual(values.map(textOf))
  })

  it('writes any double as String() does', () => {
    fc.assert(
      fc.property(fc.array(fc.double(), { maxLength: 50 }), (values) => {
        expect(lines(values)).toEqual(values.map(textOf))
      }),
    )
  })
})

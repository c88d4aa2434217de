import { Int32, Int64, Uint64 } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCsv } from '../../../src/arrow/encode-csv.ts'
import { flat, oneColumn } from '../any-columns.ts'

const longs = flat(new Int64(), (n) => new BigInt64Array(n))
const unsigned = flat(new Uint64(), (n) => new BigUint64Array(n))
const ints = flat(new Int32(), (n) => new Int32Array(n))

function lines(data: ReturnType<typeof longs>): readonly string[] {
  const { bytes } = encodeCsv(oneColumn(data), { columns: [{ name: 'c', type: 'decimal' }] })
  return new TextDecoder().decode(bytes).split('\n').slice(0, -1)
}

const POWERS = Array.from({ length: 20 }, (_, n) => 10n ** BigInt(n))
const TWOS = Array.from({ length: 65 }, (_, n) => 2n ** BigInt(n))
const EDGES = [...POWERS, ...TWOS].flatMap((value) => [value - 1n, value, value + 1n])

describe('integer cells', () => {
  it('writes 64-bit integers around all powers of ten and two, in both signs', () => {
    const values = EDGES.flatMap((value) => [value, -value]).filter((v) => v >= -(2n ** 63n) && v < 2n ** 63n)
    expect(lines(longs(values))).toEqual(values.map(String))
    const large = EDGES.filter((value) => value >= 0n && value < 2n ** 64n)
    expect(lines(unsigned(large))).toEqual(large.map(String))
  })

  it('writes 32-bit integers around all powers of ten and two, in both signs', () => {
    const values = EDGES.flatMap((value) => [Number(value), -Number(value)]).filter(
      (v) => v === (v | 0) || v === -(2 ** 31),
    )
    expect(lines(ints(values))).toEqual(values.map((value) => String(value | 0)))
  })

  it('writes any 64-bit integer', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { maxLength: 50 }), (values) => {
        expect(lines(longs(values))).toEqual(values.map(String))
        const positive = values.map((value) => BigInt.asUintN(64, value))
        expect(lines(unsigned(positive))).toEqual(positive.map(String))
      }),
    )
  })
})

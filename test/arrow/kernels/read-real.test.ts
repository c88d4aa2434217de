import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ColumnBuilder, UNWRAP } from '../../../src/arrow/kernels/column-builder.ts'
import { readReal } from '../../../src/arrow/kernels/read-real.ts'
import { typeSettings } from '../../../src/arrow/scalar-types.ts'

function read(text: string): number {
  const column = new ColumnBuilder('real', typeSettings(), UNWRAP.nothing)
  column.reserveRows(1, 0)
  const bytes = Buffer.from(`${text},${'\0'.repeat(16)}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  expect(readReal(bytes, view, 0, column, 0)).toBe(text.length)
  return column.f64[0]!
}

it('rounds as Number() does for every number of digits and every exponent', () => {
  const digits = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 21n }), fc.integer({ min: 0, max: 21 }))
    .map(([all, from]) => {
      const text = String(all)
      return text.slice(0, Math.max(1, text.length - from))
    })
  fc.assert(
    fc.property(
      digits,
      fc.integer({ min: 0, max: 24 }),
      fc.integer({ min: -330, max: 310 }),
      fc.boolean(),
      (whole, scale, exponent, isPlain) => {
        const padded = whole.padStart(scale + 1, '0')
        const mantissa = scale === 0 ? whole : `${padded.slice(0, -scale)}.${padded.slice(-scale)}`
        const text = isPlain ? mantissa : `${mantissa}e${exponent}`
        const expected = Number(text)
        fc.pre(Number.isFinite(expected))
        expect(read(text)).toBe(expected)
        expect(read(`-${text}`)).toBe(-expected)
      },
    ),
    { numRuns: 5000 },
  )
})

it('rounds halves to even when 17 to 19 digits end in the middle of two doubles', () => {
  for (const text of [
    '9007199254740993',
    '9007199254740995',
    '1152921504606847104',
    '1152921504606847105',
    '4503599627370496.5',
    '4503599627370497.5',
  ]) {
    expect(read(text)).toBe(Number(text))
  }
})

it('reads the shortest form of any double back', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(read(Object.is(value, -0) ? '-0.0' : String(value))).toBe(value)
    }),
    { numRuns: 5000 },
  )
})

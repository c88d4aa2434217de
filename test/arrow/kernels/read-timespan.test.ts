import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ColumnBuilder, UNWRAP } from '../../../src/arrow/kernels/column-builder.ts'
import { readTimespan } from '../../../src/arrow/kernels/read-timespan.ts'
import { typeSettings } from '../../../src/arrow/scalar-types.ts'

const UNITS = [
  { timespan: 'us', perSecond: 1_000_000n },
  { timespan: 'ns', perSecond: 1_000_000_000n },
  { timespan: 'ticks', perSecond: 10_000_000n },
] as const
const TICKS_PER_SECOND = 10_000_000n

function read(text: string, timespan: (typeof UNITS)[number]['timespan']): bigint | undefined {
  const column = new ColumnBuilder('timespan', typeSettings({ timespan }), UNWRAP.nothing)
  column.reserveRows(1, 0)
  const bytes = Buffer.from(`"${text}"${'\0'.repeat(16)}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = readTimespan(bytes, view, 0, column, 0)
  if (end < 0) return undefined
  expect(end).toBe(text.length + 2)
  return column.view.getBigInt64(0, true)
}

it.each(UNITS)(
  'reads every timespan of Kusto exactly in $timespan, and refuses what is none or does not fit',
  (unit) => {
    const two = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most })
    const days = fc.oneof(two(99_999_999), fc.integer({ min: 10_675_198, max: 10_675_200 }), two(106_752))
    fc.assert(
      fc.property(
        fc.boolean(),
        days,
        two(23),
        two(59),
        two(59),
        two(9_999_999),
        (minus, day, hour, minute, second, tick) => {
          const clock = [hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':')
          const text = `${minus ? '-' : ''}${day}.${clock}.${String(tick).padStart(7, '0')}`
          const seconds = ((BigInt(day) * 24n + BigInt(hour)) * 60n + BigInt(minute)) * 60n + BigInt(second)
          const sign = minus ? -1n : 1n
          const ticks = sign * (seconds * TICKS_PER_SECOND + BigInt(tick))
          const value = (ticks * unit.perSecond) / TICKS_PER_SECOND
          const fits = [ticks, value].every((whole) => BigInt.asIntN(64, whole) === whole)
          expect(read(text, unit.timespan)).toBe(fits ? value : undefined)
        },
      ),
      { numRuns: 5000 },
    )
  },
)
